"""Sorting the files of a folder into images, masks and tables."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unet_mtl.data.description import DESCRIPTION_FILE
from unet_mtl.data.file_listing import Listing, describe_others, is_document, list_files
from unet_mtl.data.readers import is_pointer, split_suffix, suffixes
from unet_mtl.data.tables import TABLE_DEPTH, TABLE_SUFFIXES
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.content import looks_drawn
from unet_mtl.prepare.drafting.label_maps import is_label_map, is_split_list
from unet_mtl.prepare.drafting.marks import mark_values
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.vocabulary import (
    IMAGE_WORDS,
    MASK_WORDS,
    STRUCTURE_WORDS,
    has_word,
    words_of,
)
from unet_mtl.prepare.exchange.recognition import describe_annotations, find_annotations
from unet_mtl.wording import count_of, name_some

DRAFTED_FILES = (DESCRIPTION_FILE, "config.yaml")
"""The files that `init` writes."""

_LONGEST_POINTER = 1024
"""Number of bytes that a pointer of Git LFS stays below."""

_MOST_GROUPS = 60
"""Maximum number of groups of files that are inspected for their pixels if their names are not conclusive."""

_DRAWN = "|".join(sorted(MASK_WORDS | STRUCTURE_WORDS, key=len, reverse=True))
_TAIL = re.compile(rf"(?:^|[_\-. ])(?:ground[_\-. ]?truth|{_DRAWN})(?:[_\-. ]?\d+)?$", re.IGNORECASE)
_HEAD = re.compile(rf"^(?:{'|'.join(sorted(MASK_WORDS, key=len, reverse=True))})[_\-. ]", re.IGNORECASE)
_SEPARATOR = re.compile(r"[_\-. ]+")


@dataclass(frozen=True, order=True)
class Entry:
    """One file in the folder.

    Attributes:
        folder: Names of the folders between the root and the file.
        stem: The file name without `tail` and suffix.
        tail: The end of the file name that tells which mask of an image it is, such as `_mask_1`, or empty.
        suffix: The suffix as written, such as `.PNG`.
    """

    folder: tuple[str, ...]
    stem: str
    tail: str
    suffix: str

    @property
    def name(self) -> str:
        """Return the file name."""
        return f"{self.stem}{self.tail}{self.suffix}"

    @property
    def path(self) -> str:
        """Return the path relative to the root."""
        return "/".join((*self.folder, self.name))


@dataclass(frozen=True)
class Files:
    """The files of a folder.

    Attributes:
        root: The folder.
        images: The images, which may be none if there are tables.
        masks: The masks.
        tables: The tables, those in the root first.
    """

    root: Path
    images: tuple[Entry, ...]
    masks: tuple[Entry, ...]
    tables: tuple[Path, ...]


def sort_files(root: Path, notes: Notes) -> Files:
    """Find the images, masks and tables in a folder and its subfolders.

    Raises:
        DataError: The folder does not exist, or contains neither an image nor a table.
    """
    if not root.is_dir():
        what = "this is a file, not a folder" if root.exists() else "no such folder"
        raise DataError(f"{root}: {what}; give the folder that contains your images")
    listing = list_files(root)
    tables = _find_tables(listing)
    _refuse_pointers(root, (*listing.pictures, *tables))
    annotations = find_annotations(listing.others)
    described = {path for path in listing.others if _is_named_elsewhere(path)}
    described |= {path for paths in annotations.values() for path in paths}
    described |= {root / name for name in DRAFTED_FILES}
    others = {p: why for p, why in listing.others.items() if p not in described and p not in tables}
    aside = describe_others(root, others)
    if not listing.pictures and tables:
        return Files(root, (), (), tuple(tables))
    if not listing.pictures:
        raise DataError(
            f"{root}: no image in this folder or its subfolders; expected files with a suffix of "
            f"{', '.join(suffixes())}"
            + (f", and it has {aside}" if aside else "")
            + ". Give the folder that contains your images"
            + "".join(f". {line.removesuffix('.')}" for line in describe_annotations(root, annotations))
        )
    for line in describe_annotations(root, annotations):
        notes.doubt(line)
    if aside:
        notes.doubt(f"Left aside: {aside}.")
    entries = _make_entries(listing)
    images, masks = _tell_apart(root, _with_tails(entries), notes)
    return Files(root, tuple(sorted(images)), tuple(sorted(masks)), tuple(tables))


def _is_named_elsewhere(path: Path) -> bool:
    """Return whether a file that is no picture explains the data, or has a note of its own."""
    return is_document(path) or is_label_map(path) or is_split_list(path)


def _find_tables(listing: Listing) -> list[Path]:
    """Return the tables in the folder and in the folders directly below it."""
    tables = [
        path
        for path, reason in listing.others.items()
        if reason.suffix in TABLE_SUFFIXES and len(path.relative_to(listing.folder).parts) <= TABLE_DEPTH
    ]
    return sorted(tables, key=lambda path: (len(path.parts), path.name))


def _refuse_pointers(root: Path, paths: Sequence[Path]) -> None:
    """Refuse a folder in which Git LFS has left pointers, since nothing can be learned from them."""
    try:
        pointers = [path for path in paths if path.stat().st_size < _LONGEST_POINTER and is_pointer(path)]
    except OSError:  # reading the file reports the problem
        return
    if pointers:
        n, names = len(pointers), name_some((path.name for path in pointers), 3)
        what = "is a Git LFS pointer in place of the file itself"
        if n > 1:
            what = "are Git LFS pointers in place of the files themselves"
        raise DataError(
            f"{root}: {n:,} of {len(paths):,} files {what} ({names}); run `git lfs pull` in this folder"
        )


def _make_entries(listing: Listing) -> list[Entry]:
    """Return the pictures, those in the folder itself before those in folders below."""
    entries = []
    for path in listing.pictures:
        stem, suffix = split_suffix(path.name)
        entries.append(Entry(path.relative_to(listing.folder).parts[:-1], stem, "", suffix))
    return sorted(entries, key=lambda entry: (entry.folder, entry.name))


def _with_tails(entries: Sequence[Entry]) -> list[Entry]:
    """Split off what the name of a mask has in addition to the name of its image."""
    stems = defaultdict(set)
    for entry in entries:
        stems[entry.folder].add(entry.stem)
    return [split_tail(entry, stems[entry.folder]) for entry in entries]


def split_tail(entry: Entry, images: Iterable[str]) -> Entry:
    """Split the tail off a name: the text after the name of an image, or else a word that stands for a mask.

    >>> split_tail(Entry((), "benign (1)_mask_1", "", ".png"), {"benign (1)"}).tail
    '_mask_1'
    """
    known = images if isinstance(images, set | frozenset | dict) else set(images)
    for joint in reversed(list(_SEPARATOR.finditer(entry.stem))):
        stem, tail = entry.stem[: joint.start()], entry.stem[joint.start() :]
        if stem in known and re.search("[A-Za-z]", tail):
            return Entry(entry.folder, stem, tail, entry.suffix)
    match = _TAIL.search(entry.stem)
    numbered = match is not None and match.start() == 0 and match[0][-1].isdigit()
    if match and not numbered and not entry.tail:  # mask_1 alone is the first mask rather than a mask of ""
        return Entry(entry.folder, entry.stem[: match.start()], match[0], entry.suffix)
    return entry


def split_number(entry: Entry, cases: Collection[str]) -> Entry:
    """Split the number off the name of a mask that is one of several of a case.

    >>> split_number(Entry((), "mask_img1_2", "", ".png"), {"img1"}).tail
    '_2'
    >>> split_number(Entry((), "img1_2", "", ".png"), {"img1", "img1_2"}).tail
    ''
    """
    head = mask_head(entry.stem)
    match = _NUMBERED.fullmatch(entry.stem)
    if match is None or entry.stem[len(head) :] in cases or match[1][len(head) :] not in cases:
        return entry
    return Entry(entry.folder, match[1], match[2], entry.suffix)


_NUMBERED = re.compile(r"(.*?)([_\-. ]+\d+)")


def common_joint(tails: Sequence[str]) -> str:
    """Return the characters before the number that all tails have, or an empty text.

    >>> common_joint(["_1", "_12"]), common_joint(["_1", "-1"]), common_joint(["", "_1"])
    ('_', '', '')
    """
    joints = {tail.rstrip("0123456789") for tail in tails}
    return joints.pop() if len(joints) == 1 else ""


def tail_kind(tail: str) -> str:
    """Return a tail without the number of the mask.

    >>> tail_kind("_mask_1"), tail_kind("_other2"), tail_kind("_mask")
    ('_mask', '_other', '_mask')
    """
    return re.sub(r"[_\-. ]?\d+$", "", tail)


def _tell_apart(root: Path, entries: Sequence[Entry], notes: Notes) -> tuple[list[Entry], list[Entry]]:
    numbered = _numbered_folders({entry.folder for entry in entries})
    images: list[Entry] = []
    masks: list[Entry] = []
    unclear: list[list[Entry]] = []
    reasons: Counter[str] = Counter()
    for (_, head, tail, _), group in _group_alike(entries, numbered).items():
        role, reason = _role_by_name(group[0].folder, head, tail, numbered)
        if role == "?":
            unclear.append(group)
        else:
            (masks if role == "mask" else images).extend(group)
            reasons[reason] += len(group) * (role == "mask")
    few = len(unclear) <= _MOST_GROUPS
    drawn = [few and looks_drawn([root / entry.path for entry in group]) for group in unclear]
    if all(drawn) and not images:  # a data set needs images
        drawn = [False] * len(unclear)
        notes.doubt(
            "Every file looks like a mask, with few different values. The files are treated as images."
        )
    for group, is_mask in zip(unclear, drawn, strict=True):
        if is_mask:
            masks.extend(group)
            reasons[f"few different values in the files of {_place(group[0])}"] += len(group)
        else:
            images.extend(Entry(e.folder, e.stem + e.tail, "", e.suffix) for e in group)
    if not images:
        images, masks, reasons = _nothing_but_masks(masks, notes), [], Counter()
    if masks:
        notes.guess("masks", count_of(len(masks), "file"), name_some((r for r, n in reasons.items() if n), 3))
    return images, masks


def _numbered_folders(folders: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return folders that differ from several others beside them in numbers only, as those of cases do."""
    alike: dict[tuple[tuple[str, ...], str], set[tuple[str, ...]]] = defaultdict(set)
    for folder in folders:
        for depth, name in enumerate(folder):
            alike[folder[:depth], _NUMBER.sub("0", name)].add(folder[: depth + 1])
    return {folder for group in alike.values() if len(group) > 2 for folder in group}


_NUMBER = re.compile(r"\d+")
_MOST_KINDS = 8
"""Maximum number of different names of files in the folder of a case that are told apart by their content."""


def _group_alike(
    entries: Iterable[Entry], numbered: Collection[tuple[str, ...]]
) -> dict[tuple[tuple[str, ...], str, str, str], list[Entry]]:
    """Group files that have the same role: by folder, beginning and end of the name, and across the folders of cases.

    In folders of cases, files are also grouped by the rest of their name, if few names occur.
    """
    by_place: dict[tuple[tuple[str, ...], str, str], list[tuple[str, Entry]]] = defaultdict(list)
    for entry in entries:
        parts = [(name, entry.folder[: i + 1] in numbered) for i, name in enumerate(entry.folder)]
        folder = tuple(_NUMBER.sub("0", name) if is_case else name for name, is_case in parts)
        case = next((name for name, is_case in parts if is_case), "")
        kind = mark_values(entry.stem, {"case": case}) if case else ""
        by_place[folder, mask_head(entry.stem), tail_kind(entry.tail)].append((kind, entry))
    groups: dict[tuple[tuple[str, ...], str, str, str], list[Entry]] = defaultdict(list)
    for key, members in by_place.items():
        few = len({kind for kind, _ in members}) <= _MOST_KINDS
        for kind, entry in members:
            groups[*key, kind if few else ""].append(entry)
    return groups


def _role_by_name(
    folder: tuple[str, ...], head: str, tail: str, numbered: Collection[tuple[str, ...]]
) -> tuple[str, str]:
    if tail and _TAIL.search(tail):
        return "mask", f"file names end in {tail}"
    places = sorted(range(len(folder)), key=lambda i: (folder[: i + 1] in numbered, -i))
    for name in (folder[i] for i in places):  # a case may be named after a scan
        is_mask, is_image = has_word(name, MASK_WORDS), has_word(name, IMAGE_WORDS)
        if is_mask != is_image:
            return ("mask", f"the folder is named {name}") if is_mask else ("?" if tail else "image", "")
    if head:
        return "mask", f"file names begin with {head}"
    return "?", ""


def _nothing_but_masks(masks: Sequence[Entry], notes: Notes) -> list[Entry]:
    notes.doubt("By its name, every file is a mask. The files are treated as images.")
    return [Entry(entry.folder, entry.stem + entry.tail, "", entry.suffix) for entry in masks]


def _place(entry: Entry) -> str:
    return ("/".join(entry.folder) or "this folder") + (f" (*{tail_kind(entry.tail)})" * bool(entry.tail))


def mask_head(stem: str) -> str:
    """Return the beginning of a name that stands for a mask, or an empty text.

    >>> mask_head("mask_0001-l")
    'mask_'
    """
    match = _HEAD.match(stem)
    return match[0] if match else ""


_NO_NAMES = (
    MASK_WORDS
    | IMAGE_WORDS
    | {"and", "class", "ground", "tr", "ts", "train", "training", "val", "validation", "test", "testing"}
) - {"instances"}
"""Words that do not distinguish one kind of mask from another."""


def mask_name(folder: Sequence[str], head: str, tail: str) -> str:
    """Return the name of a kind of mask, from the tail, the head or the folder of its files.

    >>> mask_name(["images_and_masks"], "", "_tumor"), mask_name(["Masks"], "", ""), mask_name(["a", "wall"], "", "")
    ('tumor', 'mask', 'wall')
    >>> mask_name(["Ground Truth"], "", ""), mask_name([], "", "_1stHO"), mask_name(["instances"], "", "")
    ('mask', '1stho', 'instances')
    """
    for part in (tail, head, *reversed(folder)):
        words = re.findall(r"[^\W_]+", re.sub(r"\{.*?\}", "", part))
        specific = [word for word in words if not _NO_NAMES.issuperset(words_of(word))]
        if specific:
            return "_".join(specific).lower()
        if has_word(part, MASK_WORDS):
            break
    return "mask"
