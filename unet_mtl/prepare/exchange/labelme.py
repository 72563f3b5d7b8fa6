"""Import of LabelMe: a folder with a JSON file for each image."""

import base64
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.images import IGNORE
from unet_mtl.data.readers import raster_suffixes
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.layout import (
    Case,
    Imported,
    Layout,
    Region,
    annotated_size,
    paint,
    write_layout,
)
from unet_mtl.prepare.exchange.shapes import Pixels, Size, draw_ellipse, draw_ring
from unet_mtl.prepare.exchange.sources import (
    CURE,
    column_name,
    declare_columns,
    find_below,
    leads_outside,
    name_cases,
    numbers,
    plain_text,
    read_json,
)

_BACKGROUND, _IGNORED = ("background", "_background_"), "__ignore__"
_DRAWN = ("polygon", "rectangle", "circle", "mask")


def import_labelme(source: Path, out: Path, *, images: Path | None = None, target: str = "mask") -> Imported:
    """Import shapes as one mask of classes, and the flags of images as columns of yes and no.

    Shapes are drawn in the order of the file, later ones over earlier ones. The label `__ignore__` marks pixels to
    ignore. An image whose JSON file has no shape gets an empty mask; an image without a JSON file has no mask. Classes
    are in alphabetical order.

    Args:
        source: The folder of the JSON files, which may be in subfolders.
        out: The new folder.
        images: The folder of the images; None for the places that the JSON files name.
        target: The name of the mask.

    Returns:
        The folder and its contents.

    Raises:
        DataError: A JSON file or an image is not usable; every problem is listed with its file.
        WriteError: The operating system refused the write.
    """
    problems: list[str] = []
    tally: Counter[str] = Counter()
    contents = _read_files(source, problems, tally)
    base = images or source
    found = {file: _find_image(source, file, contents[file], images, problems, tally) for file in contents}
    files = {image: file for file, image in found.items() if image is not None}
    if len(files) < sum(image is not None for image in found.values()):
        problems.append(f"{source}: several JSON files are of the same image; keep one of each")
    shapes = {file: _read_shapes(file, content, problems, tally) for file, content in contents.items()}
    labels = {label for regions in shapes.values() for label, _ in regions}
    classes = ("background", *sorted(labels - {*_BACKGROUND, _IGNORED}))
    if len(classes) < 2 and not problems:
        problems.append(f"{source}: no shape has a class; there is nothing to draw")
    others = _images_beside(files)
    tally["images without a JSON file, imported without a mask"] += len(others)
    paths = sorted([*files, *others])
    names = name_cases([path.relative_to(base).as_posix() for path in paths], problems)
    cases = []
    for name, path in zip(names, paths, strict=True):
        case = Case(name=name, image=path)
        if path in files:
            content = contents[files[path]]
            try:
                size = annotated_size(path, content.get("imageHeight"), content.get("imageWidth"))
            except DataError as error:
                problems += [f"{files[path]}: {problem}" for problem in error.problems]
                continue
            regions = [
                Region(region.where, _index_of(label, classes), region.draw)
                for label, region in shapes[files[path]]
            ]
            case = replace(
                case, masks={target: partial(paint, regions, size, tally)}, labels=_read_flags(content)
            )
        cases.append(case)
    columns = declare_columns([case.labels for case in cases], tally)
    name = plain_text(source.resolve().name)
    layout = Layout(name=name, origin=f"LabelMe, {source}", masks={target: classes}, columns=columns)
    return write_layout(out, cases, layout, problems, tally)


def is_labelme(content: Any) -> bool:
    """Return whether the content of a JSON file is that of LabelMe."""
    return isinstance(content, dict) and isinstance(content.get("shapes"), list)


def _index_of(label: str, classes: Sequence[str]) -> int:
    if label == _IGNORED:
        return IGNORE
    return 0 if label in _BACKGROUND else classes.index(label)


def _read_files(source: Path, problems: list[str], tally: Counter[str]) -> dict[Path, Mapping[str, Any]]:
    if not source.is_dir():
        raise DataError(f"{source}: not a folder; give the folder of the JSON files of LabelMe")
    contents: dict[Path, Mapping[str, Any]] = {}
    for file in sorted(source.rglob("*.json")):
        if any(part.startswith(".") for part in file.relative_to(source).parts):
            continue
        try:
            content = read_json(file)
        except DataError as error:
            problems += error.problems
            continue
        if is_labelme(content):
            contents[file] = content
        else:
            tally["JSON files without `shapes`, left out"] += 1
    if not contents and not problems:
        raise DataError(
            f"{source}: no JSON file of LabelMe in this folder; expected files with a list `shapes`"
        )
    return contents


def _find_image(
    source: Path,
    file: Path,
    content: Mapping[str, Any],
    images: Path | None,
    problems: list[str],
    tally: Counter[str],
) -> Path | None:
    """Return the image of a JSON file, which names it relative to its own folder, often with backslashes.

    Where the folders have changed, the file name alone is looked for: beside the JSON file, or in `images`.
    """
    named = content.get("imagePath")
    if not isinstance(named, str) or not named:
        problems.append(f"{file}: no `imagePath`; expected the file name of the image")
        return None
    path, folder = PurePosixPath(named.replace("\\", "/")), file.parent.relative_to(source)
    stated, beside = (
        _without_dots(PurePosixPath(folder.as_posix()) / path),
        f"{folder.as_posix()}/{path.name}",
    )
    ends = [stated, beside] if images is None else [beside, path.name, stated]
    base = images or source
    existing = [end for end in ends if not leads_outside(end) and (base / end).is_file()]
    if existing and (base / existing[0]).resolve() != (file.parent / path).resolve():
        tally["images found by file name alone, in another folder than `imagePath` states"] += 1
    try:
        return find_below(base, existing[0] if existing else stated, CURE)
    except DataError as error:
        cure = f"; correct `imagePath`, or {CURE}, which has {path.name!r}" if leads_outside(stated) else ""
        problems += [f"{file}: {problem}{cure}" for problem in error.problems]
        return None


def _without_dots(path: PurePosixPath) -> str:
    """Return a path in which `a/..` is removed."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _images_beside(annotated: Iterable[Path]) -> list[Path]:
    """Return the images in the folders of annotated ones that have no JSON file."""
    known = set(annotated)
    folders = sorted({path.parent for path in known})
    files = (path for folder in folders for path in sorted(folder.iterdir()))
    return [
        path
        for path in files
        if path not in known
        and path.suffix.lower() in raster_suffixes()
        and path.is_file()
        and not path.is_symlink()
        and not path.name.startswith(".")
    ]


def _read_shapes(
    file: Path, content: Mapping[str, Any], problems: list[str], tally: Counter[str]
) -> list[tuple[str, Region]]:
    regions = []
    for number, shape in enumerate(content["shapes"], 1):
        where = f"{file}: shape {number}"
        if not isinstance(shape, dict):
            problems.append(f"{where}: expected an object with label and points")
            continue
        kind = shape.get("shape_type") or "polygon"
        label = plain_text(shape.get("label") or "")
        if kind not in _DRAWN:
            tally[f"shapes of type {kind!r} left out"] += 1
        elif not label:
            problems.append(f"{where}: has no label; label or delete it")
        else:
            regions.append((label, Region(where, 0, partial(_draw, shape, kind))))
    return regions


def _draw(shape: Mapping[str, Any], kind: str, size: Size) -> Pixels:
    points = _points(shape.get("points"))
    if kind == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        return draw_ellipse(points[0], (radius, radius), size)
    if kind == "mask" and len(points) == 2:
        return _paste(shape.get("mask"), points, size)
    if kind == "rectangle" and len(points) == 2:
        (x, y), (right, bottom) = points
        points = np.array([(x, y), (right, y), (right, bottom), (x, bottom)])
    if len(points) < 3:
        raise DataError(f"a {kind} of {len(points)} points")
    return draw_ring(points, size)


def _points(values: Any) -> NDArray[np.float64]:
    if not isinstance(values, list) or not values:
        raise DataError("no points")
    points = [numbers(point, "point") for point in values]
    if any(len(point) != 2 for point in points):
        raise DataError("a point is not a pair x, y")
    return np.array(points)


def _paste(encoded: Any, corners: NDArray[np.float64], size: Size) -> Pixels:
    """Return the pixels of a mask that is stored as a PNG file in Base64, between two corners that belong to it."""
    left, top, right, bottom = (int(value) for value in corners.ravel())
    if not (0 <= left <= right < size[1] and 0 <= top <= bottom < size[0]):
        raise DataError(f"its mask from ({left}, {top}) to ({right}, {bottom}) is not inside the image")
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)), formats=["PNG"]) as image:
            if image.size != (right - left + 1, bottom - top + 1):
                raise DataError(f"its mask has {image.size[0]}x{image.size[1]} pixels, unlike its two points")
            part = np.asarray(image.convert("L")) != 0
    except (TypeError, ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError("its mask is not a PNG file in Base64") from error
    drawn = np.zeros(size, np.bool_)
    drawn[top : bottom + 1, left : right + 1] = part
    return drawn


def _read_flags(content: Mapping[str, Any]) -> dict[str, str]:
    flags = content.get("flags")
    flags = flags if isinstance(flags, dict) else {}
    return {
        column_name(str(name)): "yes" if value else "no"
        for name, value in flags.items()
        if isinstance(value, bool)
    }
