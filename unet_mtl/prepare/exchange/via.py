"""Import of VIA, the VGG Image Annotator (version 1, 2 or 3): a JSON file and a folder of images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unet_mtl.data.images import image_size
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.layout import Case, Imported, Layout, Region, paint, write_layout
from unet_mtl.prepare.exchange.shapes import Pixels, Size, draw_ellipse, draw_ring
from unet_mtl.prepare.exchange.sources import (
    CURE,
    column_name,
    declare_columns,
    find_below,
    name_cases,
    numbers,
    plain_text,
    read_json,
)
from unet_mtl.prepare.exchange.via3 import convert_via3, is_via3
from unet_mtl.wording import name_some

_ONLY_CLASS = "object"
"""Name of the class if no region has an attribute."""


def import_via(
    source: Path,
    out: Path,
    *,
    images: Path | None = None,
    target: str = "mask",
    attribute: str | None = None,
    empty: bool = False,
) -> Imported:
    """Import regions as one mask of classes, and the attributes of files as columns.

    Regions are drawn in the order of the file, later ones over earlier ones. Classes are in alphabetical order.

    Args:
        source: The project or the exported annotations of VIA, a JSON file.
        out: The new folder.
        images: The folder of the images; None for `images` beside the source, or its own folder.
        target: The name of the mask.
        attribute: The attribute of regions that names the class; None for the only one.
        empty: Whether an image without regions gets an empty mask; otherwise it has no mask, since it may not have
            been annotated yet.

    Returns:
        The folder and its contents.

    Raises:
        DataError: The file or an image is not usable; every problem is listed with its image and region.
        WriteError: The operating system refused the write.
    """
    entries = _read(source)
    folder = images or (source.parent / "images" if (source.parent / "images").is_dir() else source.parent)
    problems: list[str] = []
    tally: Counter[str] = Counter()
    attribute = _choose_attribute(entries, attribute, source)
    regions = [_read_regions(entry, source, attribute, problems, tally) for entry in entries]
    classes = ("background", *sorted({label for found in regions for label, _ in found} - {"background"}))
    if len(classes) < 2 and not problems:
        problems.append(f"{source}: no polygon, rectangle, circle or ellipse; there is nothing to draw")
    labels = [_read_labels(entry) for entry in entries]
    places = [_find_image(folder, entry, source, problems, tally) for entry in entries]
    names = iter(
        name_cases([path.relative_to(folder).as_posix() for path, _ in filter(None, places)], problems)
    )
    cases = []
    for place, found, known in zip(places, regions, labels, strict=True):
        if place is None:
            continue
        masks = {}
        if found or empty:
            drawn = [Region(region.where, classes.index(label), region.draw) for label, region in found]
            masks[target] = partial(paint, drawn, place[1], tally)
        kind = "an empty mask" if empty else "no mask"
        tally[f"images without regions, imported with {kind}"] += not found
        cases.append(Case(name=next(names), image=place[0], masks=masks, labels=known))
    columns = declare_columns(labels, tally)
    layout = Layout(
        name=plain_text(source.stem), origin=f"VIA, {source}", masks={target: classes}, columns=columns
    )
    return write_layout(out, cases, layout, problems, tally)


def _read(source: Path) -> list[Mapping[str, Any]]:
    content = read_json(source)
    if is_via3(content):
        return convert_via3(content, source)
    if not is_via(content):
        raise DataError(f"{source}: not a file of VIA; expected objects with filename and regions")
    return list(_entries_of(content).values())


def is_via(content: Any) -> bool:
    """Return whether the content of a JSON file is that of VIA, of any version."""
    entries = _entries_of(content)
    fits = isinstance(entries, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("filename"), str)
        and isinstance(entry.get("regions", []), list | dict)
        for entry in entries.values()
    )
    return is_via3(content) or (fits and bool(entries))


def _entries_of(content: Any) -> Any:
    """Return the images by key, which a project of VIA 2 has beside its settings."""
    return content.get("_via_img_metadata", content) if isinstance(content, dict) else None


def _regions_of(entry: Mapping[str, Any]) -> list[Any]:
    """Return the regions, which VIA 1 stores as an object with numbers as keys."""
    regions = entry.get("regions", [])
    return list(regions.values()) if isinstance(regions, dict) else regions


def _attributes_of(region: Any) -> Mapping[str, Any]:
    attributes = region.get("region_attributes") if isinstance(region, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _choose_attribute(
    entries: Sequence[Mapping[str, Any]], attribute: str | None, source: Path
) -> str | None:
    """Return the attribute that names the class, or None if no region has attributes."""
    known = dict.fromkeys(
        name
        for entry in entries
        for region in _regions_of(entry)
        for name, value in _attributes_of(region).items()
        if _as_words(value)
    )
    if attribute is not None and attribute not in known:
        raise DataError(
            f"{source}: no region has the attribute {attribute!r}; there is {name_some(known) or 'none'}"
        )
    if attribute is None and len(known) > 1:
        raise DataError(
            f"{source}: the regions have the attributes {name_some(known)}; choose the one that names the class, "
            "`attribute=NAME`"
        )
    return attribute or next(iter(known), None)


def _as_words(value: Any) -> list[str]:
    """Return the words of an attribute: one of a text or a list, and those that are ticked of a checkbox."""
    if isinstance(value, dict):
        return [plain_text(word) for word, ticked in value.items() if ticked]
    return [plain_text(value)] if isinstance(value, str | int | float) and plain_text(value) else []


def _read_regions(
    entry: Mapping[str, Any], source: Path, attribute: str | None, problems: list[str], tally: Counter[str]
) -> list[tuple[str, Region]]:
    """Return the class and the region of each shape that has an area."""
    where, regions = f"{source}: {entry['filename']!r}", []
    for number, region in enumerate(_regions_of(entry), 1):
        shape = region.get("shape_attributes") if isinstance(region, dict) else None
        place = f"{where}: region {number}"
        if not isinstance(shape, dict) or not isinstance(shape.get("name"), str):
            problems.append(f"{place}: no shape_attributes with a name")
            continue
        if shape["name"] not in _SHAPES:
            tally[f"regions of type {shape['name']!r} left out"] += 1
            continue
        words = [_ONLY_CLASS] if attribute is None else _as_words(_attributes_of(region).get(attribute))
        if len(words) != 1:
            problems.append(
                f"{place}: {attribute} is {words}; expected one class, since a pixel holds one class"
            )
            continue
        regions.append((words[0], Region(place, 0, partial(_draw, shape))))
    return regions


def _draw(shape: Mapping[str, Any], size: Size) -> Pixels:
    kind, names = shape["name"], _SHAPES[shape["name"]]
    if kind == "polygon":
        x, y = (numbers(shape.get(name), name) for name in names)
        if len(x) != len(y) or len(x) < 3:
            raise DataError(
                f"a polygon with {len(x)} x and {len(y)} y; expected the same number, at least three"
            )
        return draw_ring(np.stack([x, y], axis=1), size)
    x, y, width, height = numbers([shape.get(name) for name in names], kind)
    if kind == "rect":
        return draw_ring(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), size)
    (angle,) = numbers([shape.get("theta", 0)], kind)
    return draw_ellipse((x, y), (width, height), size, angle=angle)


_SHAPES = {
    "polygon": ("all_points_x", "all_points_y"),
    "rect": ("x", "y", "width", "height"),
    "circle": ("cx", "cy", "r", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
}
"""The attributes of each shape that has an area."""


def _find_image(
    folder: Path, entry: Mapping[str, Any], source: Path, problems: list[str], tally: Counter[str]
) -> tuple[Path, Size] | None:
    """Return the image and its size, or None if it is not usable."""
    name = entry["filename"]
    try:
        path = find_below(folder, name.rpartition("/")[2] if "://" in name else name, CURE)
        size = image_size(path)
    except DataError as error:
        problems += [f"{source}: {problem}" for problem in error.problems]
        return None
    stated = entry.get("size")
    tally["images of another file size than when they were annotated"] += (
        isinstance(stated, int) and stated > 0 and stated != path.stat().st_size
    )
    return path, size


def _read_labels(entry: Mapping[str, Any]) -> dict[str, str | float]:
    attributes = entry.get("file_attributes")
    labels: dict[str, str | float] = {}
    for name, value in (attributes if isinstance(attributes, dict) else {}).items():
        if isinstance(value, dict):
            labels |= {
                column_name(f"{name}_{word}"): "yes" if ticked else "no" for word, ticked in value.items()
            }
        else:
            labels |= {column_name(name): word for word in _as_words(value)}
    return labels
