"""The files of a folder: those that can be read as pictures, and those that are left aside, with the reason."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from unet_mtl.data.patterns import is_system_file, leaves
from unet_mtl.data.readers import UNREAD, is_picture, name_type, split_suffix, suffix_of
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some, printable


class Reason(NamedTuple):
    """The reason why an entry of a folder is left aside.

    Attributes:
        what: What the entry is: "file", "folder" or "link".
        why: What follows this word in a message, such as "of type .txt".
        cure: What to do to have it read; empty if there is nothing.
        suffix: The suffix, in lower case, of a file whose format is not read.
        many: What follows the word for several entries, if it is not `why`.
    """

    what: str
    why: str
    cure: str = ""
    suffix: str = ""
    many: str = ""

    def explain(self, n: int) -> str:
        """Return the reason for `n` such entries."""
        return (self.many if n > 1 else "") or self.why

    def advise(self, n: int) -> str:
        """Return what to do with `n` such entries."""
        return _IT.sub("them", self.cure) if n > 1 else self.cure


_IT = re.compile(r"\bit\b")
_DOCUMENTS = ("readme", "license", "licence", "citation")
CLOSED = Reason("file", "that cannot be opened")


@dataclass(frozen=True)
class Listing:
    """The files of a folder, without hidden files and those of the operating system.

    Attributes:
        folder: The folder.
        pictures: The files that can be read as images or masks, sorted by path.
        others: The reason for each other file, and for each folder below that cannot be listed.
    """

    folder: Path
    pictures: tuple[Path, ...]
    others: Mapping[Path, Reason]

    def describe_others(self, most: int = 3) -> str:
        """Describe what is left aside; empty if there is nothing.

        Args:
            most: The largest number of names of one kind.
        """
        return describe_others(self.folder, self.others, most)


def describe_others(folder: Path, others: Mapping[Path, Reason], most: int = 3) -> str:
    """Describe what is left aside in a folder, as counts by reason with the first names.

    Args:
        folder: The folder.
        others: Reasons by path.
        most: The largest number of names for one reason.
    """
    names: dict[Reason, list[str]] = {}
    for path, reason in others.items():
        names.setdefault(reason, []).append(printable(path.relative_to(folder).as_posix()))
    return "; ".join(
        f"{count_of(len(found), reason.what)} {reason.explain(len(found))} "
        f"({name_some(found, most)}{f': {reason.advise(len(found))}' if reason.cure else ''})"
        for reason, found in names.items()
    )


def list_files(folder: Path, *, any_name: bool = False, links: bool = True) -> Listing:
    """List the files of a folder and of the folders below; links to folders are not followed.

    Files of an unknown suffix are opened to look for the signature of a format.

    Args:
        folder: The folder.
        any_name: Whether files may have names that are not UTF-8, which no table can hold.
        links: Whether files may be opened that a link leads to outside of the folder.
    """
    pictures: list[Path] = []
    others: dict[Path, Reason] = {}
    pending = [folder]
    while pending:
        place = pending.pop()
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            others[place] = Reason("folder", f"that cannot be opened ({error.strerror})")
            continue
        for entry in entries:
            if entry.name.startswith(".") or is_system_file(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not any_name and not is_utf8(entry.name):
                    others[Path(entry)] = _not_utf8("folder")
                elif not entry.name.startswith("__"):  # __MACOSX, __pycache__
                    pending.append(Path(entry))
                continue
            reason = find_reason(entry, folder, any_name=any_name, links=links)
            if reason is None:
                pictures.append(Path(entry))
            else:
                others[Path(entry)] = reason
    return Listing(folder, tuple(sorted(pictures)), dict(sorted(others.items())))


def is_document(path: Path) -> bool:
    """Return whether a file that is not a picture explains the data, as a README and a licence do.

    >>> is_document(Path("set/README.txt"))
    True
    """
    return path.name.lower().startswith(_DOCUMENTS)


def find_reason(
    entry: "os.DirEntry[str] | Path", folder: Path, *, any_name: bool = False, links: bool = True
) -> Reason | None:
    """Return why an entry of a folder is not a picture; None if it is one.

    Args:
        entry: The entry, which is not a folder itself.
        folder: The folder that was given, which links may lead out of.
        any_name: Whether the name may be other than UTF-8.
        links: Whether the file may be opened if a link leads to it outside of the folder.
    """
    path = Path(entry)
    if not any_name and not is_utf8(entry.name):
        return _not_utf8("file")
    try:
        what = "" if entry.is_file() else name_type(path.stat().st_mode)
    except OSError:  # a link to nowhere; reading the file reports it
        what = ""
    if what == "a folder":
        return Reason("link", "to a folder, which is not followed", many="to folders, which are not followed")
    if what:
        kinds = f"{what.partition(' ')[2]}s" if what.startswith(("a ", "an ")) else "not regular files"
        return Reason("file", f"that is {what}", many=f"that are {kinds}")
    if entry.name.upper() == "DICOMDIR":
        return Reason("file", "that is an index of DICOM files", many="that are indexes of DICOM files")
    outside = entry.is_symlink() and not links and leaves(folder, path)
    try:
        if suffix_of(path) or (not outside and is_picture(path)):
            return None
    except DataError:
        return CLOSED
    suffix = split_suffix(entry.name)[1].lower()
    if suffix:
        return Reason("file", f"of type {printable(suffix)}", UNREAD.get(suffix, ""), suffix)
    return Reason("file", "of no known type")


def _not_utf8(what: str) -> Reason:
    return Reason(what, "with a name that is not UTF-8", "rename it", many="with names that are not UTF-8")


def is_utf8(name: str) -> bool:
    """Return whether the bytes of a file name are UTF-8, as every table and page expects."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
