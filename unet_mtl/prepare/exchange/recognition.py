"""Recognition of JSON files of annotations by their content, and the command that imports each kind."""

import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from os.path import commonpath
from pathlib import Path
from typing import Any, NamedTuple

from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.coco import is_coco
from unet_mtl.prepare.exchange.label_studio import is_label_studio
from unet_mtl.prepare.exchange.labelme import is_labelme
from unet_mtl.prepare.exchange.nnunet import is_nnunet
from unet_mtl.prepare.exchange.sources import read_json
from unet_mtl.prepare.exchange.via import is_via
from unet_mtl.wording import count_of, name_some

_LARGEST = 2**26
"""Size in bytes of the largest file that is opened, since the whole content is read."""

_MOST_FILES = 5
"""Number of files of a folder that are opened; the others are taken for the same kind if all of these are."""


class Format(NamedTuple):
    """A format of annotations.

    Attributes:
        name: The name of the program or data set.
        fits: Whether the content of a JSON file has this format.
        by_folder: Whether the folder is imported rather than the file.
        gain: The effect of importing the files, as a verb with its object.
    """

    name: str
    fits: Callable[[Any], bool]
    by_folder: bool = False
    gain: str = "makes masks of them"


FORMATS: Mapping[str, Format] = {
    "labelme": Format("LabelMe", is_labelme, by_folder=True),
    "coco": Format("COCO", is_coco),
    "nnunet": Format("nnU-Net", is_nnunet, by_folder=True, gain="uses their names of classes"),
    "label-studio": Format("Label Studio", is_label_studio),
    "via": Format("VIA", is_via),
}
"""The formats of JSON files by the word that `unet-mtl import` takes."""


def find_format(path: Path) -> str:
    """Return the format of a JSON file, a key of `FORMATS`; empty if it has none of them or is too large."""
    try:
        content = read_json(path) if path.is_file() and path.stat().st_size <= _LARGEST else None
    except (DataError, OSError):
        return ""
    return next((key for key, kind in FORMATS.items() if kind.fits(content)), "")


def find_annotations(paths: Collection[Path]) -> dict[str, list[Path]]:
    """Return the files of annotations among files, by their format.

    Only the first few files of a folder are opened.

    Args:
        paths: Files of any type; those that are not JSON are left out.
    """
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(path for path in paths if path.suffix.lower() == ".json"):
        by_folder[path.parent].append(path)
    found: dict[str, list[Path]] = defaultdict(list)
    for files in by_folder.values():
        keys = [find_format(path) for path in files[:_MOST_FILES]]
        keys += (keys[:1] if len(set(keys)) == 1 else [""]) * len(files[_MOST_FILES:])
        for key, path in zip(keys, files, strict=True):
            if key:
                found[key].append(path)
    return dict(found)


def describe_annotations(root: Path, found: Mapping[str, Collection[Path]]) -> list[str]:
    """Return a sentence for each format, with the command that makes masks of the files.

    Args:
        root: The folder that contains the files.
        found: The files by format.
    """
    return [_describe(root, key, sorted(paths)) for key, paths in found.items()]


def _describe(root: Path, key: str, paths: list[Path]) -> str:
    kind, one = FORMATS[key], len(paths) == 1
    names = name_some((path.relative_to(root).as_posix() for path in paths), 3)
    number = f"{names} has" if one else f"{count_of(len(paths), 'file')} ({names}) have"
    source = Path(commonpath([path.parent for path in paths])) if kind.by_folder else paths[0]
    out = root.resolve().with_name(f"{root.resolve().name}_imported")
    command = shlex.join(["unet-mtl", "import", key, str(source), str(out)])
    each = (
        "" if one or kind.by_folder else f", and of the {'other' if len(paths) == 2 else 'others'} likewise"
    )
    return (
        f"{number} annotations of {kind.name}: `{command}` {kind.gain} in a new folder{each}; then use that "
        "folder."
    )
