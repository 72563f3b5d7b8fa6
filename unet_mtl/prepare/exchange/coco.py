"""Import of COCO: an annotations.json and a folder of images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.prepare.exchange.layout import (
    Case,
    Imported,
    Layout,
    Region,
    annotated_size,
    paint,
    write_layout,
)
from unet_mtl.prepare.exchange.shapes import Nested, Pixels, Size, as_ring, decode_coco_rle, draw_outlines
from unet_mtl.prepare.exchange.sources import (
    ImageFolder,
    name_cases,
    number_classes,
    plain_text,
    read_json,
    unite_missing,
)

Crowd = Literal["class", "ignore"]
_NESTED = "outlines inside another of their annotation, read as {}"


def import_coco(
    source: Path,
    out: Path,
    *,
    images: Path | None = None,
    target: str = "mask",
    nested: Nested = "hole",
    crowd: Crowd = "class",
) -> Imported:
    """Import instances or regions as one mask of classes, in which the background is class 0.

    Crowds are drawn first, then all annotations in the order of the file, later ones over earlier ones. An image
    without annotations gets an empty mask, since COCO lists the images that were annotated.

    Args:
        source: The file annotations.json.
        out: The new folder.
        images: The folder that `file_name` is relative to; None for `images` beside the source, or its own folder.
        target: The name of the mask.
        nested: The meaning of an outline inside another one of the same annotation; "part" fills it, as pycocotools
            does.
        crowd: The meaning of `iscrowd` regions: their class, or pixels to ignore.

    Returns:
        The folder and its contents.

    Raises:
        ConfigError: `nested` or `crowd` is none of its values.
        DataError: The file or an image is not usable; every problem is listed with its image or annotation id.
        WriteError: The operating system refused the write.
    """
    for name, value, choices in (("nested", nested, get_args(Nested)), ("crowd", crowd, get_args(Crowd))):
        if value not in choices:
            raise ConfigError(f"`{name}` is {value!r}; expected {' or '.join(map(repr, choices))}")
    content = _read(source)
    problems: list[str] = []
    tally: Counter[str] = Counter()
    names = {entry.get("id"): entry.get("name", "") for entry in content["categories"]}
    if len(names) < len(content["categories"]):
        problems.append(f"{source}: two categories have the same id")
    classes, index = number_classes(names, f"{source}: categories", problems)
    entries = _unique_images(content["images"], source, problems)
    regions: dict[Any, list[Region]] = {key: [] for key in entries}
    in_order = sorted(
        content["annotations"], key=lambda annotation: annotation.get("iscrowd") not in (1, True)
    )
    for annotation in in_order:
        where = f"{source}: annotation {annotation.get('id')!r}"
        try:
            image, region = _region(annotation, where, index, nested, crowd, tally)
            regions[_require_listed(image, regions, "image_id")].append(region)
        except DataError as error:
            problems += [f"{where}: {problem}" for problem in error.problems]
    if len(classes) < 2:
        problems.append(f"{source}: no category besides the background; there is nothing to draw")
    cases = _cases(entries, regions, ImageFolder.of(source, images), target, problems, tally)
    layout = Layout(name=plain_text(source.stem), origin=f"COCO, {source}", masks={target: classes})
    return write_layout(out, cases, layout, problems, tally)


_PARTS = ("images", "annotations", "categories")


def is_coco(content: Any) -> bool:
    """Return whether the content of a JSON file is that of COCO."""
    return isinstance(content, dict) and all(
        isinstance(content.get(part), list) and all(isinstance(entry, dict) for entry in content[part])
        for part in _PARTS
    )


def _read(source: Path) -> dict[str, list[dict[str, Any]]]:
    content: dict[str, list[dict[str, Any]]] = read_json(source)
    if not is_coco(content):
        raise DataError(f"{source}: not a COCO file; expected lists of objects named {', '.join(_PARTS)}")
    # Ids become keys of dictionaries, so they must be hashable.
    wrong = [
        f"{source}: an entry of {part!r} has id {entry.get('id')!r}; expected a number or text"
        for part in ("images", "categories")
        for entry in content[part]
        if not isinstance(entry.get("id"), int | str)
    ]
    if wrong:
        raise DataError(wrong)
    return content


def _unique_images(
    entries: Sequence[Mapping[str, Any]], source: Path, problems: list[str]
) -> dict[Any, Mapping[str, Any]]:
    unique: dict[Any, Mapping[str, Any]] = {}
    for entry in entries:
        if entry["id"] in unique:
            problems.append(f"{source}: image {entry['id']!r} is listed twice")
        elif not isinstance(entry.get("file_name"), str):
            problems.append(f"{source}: image {entry['id']!r} has no file_name")
        unique[entry["id"]] = entry
    return unique


def _require_listed(key: Any, listed: Mapping[Any, Any], name: str) -> Any:
    if not isinstance(key, int | str) or key not in listed:
        raise DataError(f"{name} is {key!r}, which is not listed")
    return key


def _region(
    annotation: Mapping[str, Any],
    where: str,
    index: Mapping[Any, int],
    nested: Nested,
    crowd: Crowd,
    tally: Counter[str],
) -> tuple[Any, Region]:
    class_index = index[_require_listed(annotation.get("category_id"), index, "category_id")]
    if annotation.get("iscrowd") in (1, True):
        tally[f"crowd regions, read as {'pixels to ignore' if crowd == 'ignore' else 'their class'}"] += 1
        class_index = IGNORE if crowd == "ignore" else class_index
    draw = partial(_draw, annotation.get("segmentation"), nested=nested, tally=tally)
    return annotation.get("image_id"), Region(where, class_index, draw)


def _draw(segmentation: Any, size: Size, *, nested: Nested, tally: Counter[str]) -> Pixels:
    if isinstance(segmentation, dict):
        return decode_coco_rle(segmentation, size)
    if not isinstance(segmentation, list) or not segmentation:
        raise DataError("no segmentation, and a box is not a mask; draw the outline or remove the annotation")
    drawn, n_nested = draw_outlines([as_ring(part) for part in segmentation], size, nested=nested)
    tally[_NESTED.format("holes" if nested == "hole" else "parts")] += n_nested
    return drawn


def _cases(
    entries: Mapping[Any, Mapping[str, Any]],
    regions: Mapping[Any, Sequence[Region]],
    folder: ImageFolder,
    target: str,
    problems: list[str],
    tally: Counter[str],
) -> list[Case]:
    named = {
        key: entry["file_name"] for key, entry in entries.items() if isinstance(entry.get("file_name"), str)
    }
    cases, unusable = [], []
    for (key, file), name in zip(named.items(), name_cases(list(named.values()), problems), strict=True):
        try:
            path = folder.find(file)
            size = _checked_size(path, entries[key])
        except DataError as error:
            texts = [f"{folder.source}: image {key!r}: {problem}" for problem in error.problems]
            unusable.append(DataError(texts, kind=error.kind))
            continue
        tally["images without annotations, with an empty mask"] += not regions[key]
        masks = {target: partial(paint, regions[key], size, tally)}
        cases.append(Case(name=name, image=path, masks=masks))
    problems += unite_missing(unusable, len(named), folder)
    return cases


def _checked_size(path: Path, entry: Mapping[str, Any]) -> Size:
    return annotated_size(path, entry.get("height"), entry.get("width"))
