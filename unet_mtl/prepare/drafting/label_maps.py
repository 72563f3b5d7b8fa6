"""Files that name the colours of masks, such as the labelmap.txt that CVAT writes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from unet_mtl.data.split_words import read_split_word
from unet_mtl.prepare.drafting.content import read_picture
from unet_mtl.prepare.drafting.masks import Meaning
from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pixels import Census
from unet_mtl.wording import name_some

LABEL_MAPS = ("labelmap.txt", "label_map.txt", "label_colors.txt", "colormap.txt", "class_dict.csv")
"""Usual names of such files, in lower case."""

_NUMBER = r"\s*(\d{1,3})\s*"
_FORMS = (
    re.compile(rf"(?P<name>[^:]+):{_NUMBER},{_NUMBER},{_NUMBER}(?::.*)?"),  # name:1,2,3:parts:actions of CVAT
    re.compile(rf"(?P<name>.+?)[,;\t]{_NUMBER}[,;\t]{_NUMBER}[,;\t]{_NUMBER}"),  # name,1,2,3
    re.compile(rf"{_NUMBER}[\s,;]{_NUMBER}[\s,;]{_NUMBER}[\s,;](?P<name>.+)"),  # 1 2 3 name of CamVid
)
_VOID = 0xE0E0C0
"""Colour of the borders in masks of Pascal VOC, which belong to no class."""


def find_label_maps(root: Path) -> list[Path]:
    """Return the files in a folder that name the colours of masks."""
    return sorted(path for path in root.rglob("*") if is_label_map(path) and path.is_file())


def is_label_map(path: Path) -> bool:
    """Return whether a file has a name under which programs write the colours of masks."""
    return path.name.lower() in LABEL_MAPS


def is_split_list(path: Path) -> bool:
    """Return whether a file has a name under which data sets list the cases of a split.

    >>> is_split_list(Path("ImageSets/Segmentation/trainval.txt")), is_split_list(Path("notes.txt"))
    (True, False)
    """
    return path.suffix == ".txt" and (
        path.stem == "trainval" or "ImageSets" in path.parts or read_split_word(path.stem) is not None
    )


def note_lists(root: Path, notes: Notes) -> None:
    """Add lists of cases to the notes, such as the train.txt of Pascal VOC."""
    lists = (path.relative_to(root) for path in sorted(root.rglob("*.txt")) if is_split_list(path))
    found = [path.as_posix() for path in lists if not any(part.startswith(".") for part in path.parts)]
    if found:
        notes.doubt(
            f"{name_some(found)} may list the cases of a split, which is not used. To use it, write a table with the "
            "columns case and split, and set `split: {table: splits.csv}` in config.yaml."
        )


def read_label_map(path: Path) -> dict[str, int]:
    """Return the colour 0xRRGGBB of each class, in the order of the file; empty if it names no colours."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    colours: dict[str, int] = {}
    for line in lines:
        match = next(filter(None, (form.fullmatch(line.strip()) for form in _FORMS)), None)
        if match is None or line.startswith("#"):
            continue
        red, green, blue = (int(part) for part in match.groups() if part != match["name"])
        name = match["name"].strip()
        if max(red, green, blue) <= 255 and name and (red << 16 | green << 8 | blue) not in colours.values():
            colours.setdefault(name, red << 16 | green << 8 | blue)
    return colours


def nearest_label_map(maps: Sequence[Path], root: Path, folder: Sequence[str]) -> Path | None:
    """Return the file in the deepest folder that contains the masks, or None."""
    places = {path: path.relative_to(root).parent.parts for path in maps}
    above = [path for path, parts in places.items() if tuple(folder[: len(parts)]) == parts]
    return max(above, key=lambda path: len(places[path]), default=None)


def read_meaning(
    labels: Mapping[str, int], source: str, census: Census, paths: Sequence[Path]
) -> Meaning | None:
    """Return the meaning of masks by the names of their colours or values, or None if it names not all of them.

    Args:
        labels: The colour of each class.
        source: Name of the file with the names.
        census: The values in the masks.
        paths: The masks.
    """
    if not labels or not census.read:
        return None
    because = f"{source} names the colours ({census.sample})"
    palette = _palette(paths)
    if palette is not None and not census.coloured:
        present = {palette[value] for value in census.files if value < len(palette)}
    else:
        present = set(census.as_colours().files)
    classes, colours = _background_first(labels)
    if present - {_VOID} <= {*labels.values(), 0}:
        if _VOID in present and _VOID not in labels.values():
            colours["ignore"] = _VOID
        if palette is None and not census.coloured:
            values = {
                colour & 0xFF: classes.index(name) for name, colour in colours.items() if _is_grey(colour)
            }
            return Meaning(classes, {0: 0} | values, because=because)
        drawn = {name: f"#{colour:06x}" for name, colour in colours.items()}
        return Meaning(classes, colours=drawn, because=because)
    if not census.coloured and set(census.files) - {255} <= set(range(len(labels))):
        return Meaning(
            tuple(labels),
            because=f"the values number the classes of {source} ({census.sample})",
        )
    return None


def _is_grey(colour: int) -> bool:
    return colour == (colour & 0xFF) * 0x010101


def _palette(paths: Sequence[Path]) -> list[int] | None:
    """Return the colours of the palette of the first readable file, or None if it has none."""
    picture = next(filter(None, map(read_picture, paths)), None)
    if picture is None or picture.colours is None:
        return None
    return [int(colour) for colour in picture.colours.astype(np.int64) @ (1 << 16, 1 << 8, 1)]


def _background_first(labels: Mapping[str, int]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the classes, the background first, and their colours; a background that is not named is black."""
    named = next((name for name in labels if name.lower() == "background"), None)
    first = named or next((name for name, colour in labels.items() if colour == 0), None)
    if first is None:
        return ("background", *labels), dict(labels)
    classes = (first, *(name for name in labels if name != first))
    return classes, {name: labels[name] for name in classes}
