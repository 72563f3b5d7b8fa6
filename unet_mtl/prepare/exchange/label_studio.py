"""Import of Label Studio: a JSON export and a folder of images."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from unet_mtl.data.images import image_size
from unet_mtl.data.readers import raster_suffixes
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.layout import Case, Imported, Layout, Region, paint, write_layout
from unet_mtl.prepare.exchange.shapes import Pixels, Size, decode_brush, draw_ring
from unet_mtl.prepare.exchange.sources import (
    ImageFolder,
    name_cases,
    numbers,
    plain_key,
    plain_text,
    read_json,
    unite_missing,
)

_DRAWN = ("polygonlabels", "brushlabels")
_RESERVED = ("case", "image")


def import_label_studio(
    source: Path, out: Path, *, images: Path | None = None, target: str | None = None
) -> Imported:
    """Import polygons and brush strokes as masks, choices as columns of classes, numbers as columns of numbers.

    If a task has several annotations, the latest one that is not cancelled counts. A task without annotations has no
    mask and no labels; in an annotated task, pixels outside all regions are background. Classes are in alphabetical
    order.

    Args:
        source: The export in the format "JSON" (not JSON-MIN).
        out: The new folder.
        images: The folder of the images; None for `images` beside the source, or its own folder.
        target: The name of one mask for all regions; None for one mask for each labelling tag, with the tag's name.

    Returns:
        The folder and its contents.

    Raises:
        DataError: The export or an image is not usable; every problem is listed with its task and annotation id.
        WriteError: The operating system refused the write.
    """
    tasks = _read(source)
    folder = ImageFolder.of(source, images)
    problems: list[str] = []
    tally: Counter[str] = Counter()
    annotated = [
        _read_task(task, f"{source}: task {task.get('id')!r}", target, problems, tally) for task in tasks
    ]
    masks, columns = _collect_classes(annotated, problems, str(source))
    if not masks and not columns:
        problems.append(
            f"{source}: no polygons, brush strokes, choices or numbers; there is nothing to import"
        )
    files = _find_images(tasks, folder, problems)
    names = iter(name_cases([file.relative_to(folder.path).as_posix() for file in files if file], problems))
    cases = [
        _make_case(next(names), file, task, masks, tally, problems)
        for file, task in zip(files, annotated, strict=True)
        if file
    ]
    # A description may not declare a column with one class, which has nothing to learn; the table keeps the column.
    declared = {name: classes for name, classes in columns.items() if classes is None or len(classes) > 1}
    for name in columns.keys() - declared.keys():
        tally[f"class only in column {name!r}, which is in the table but not in dataset.yaml"] += 1
    layout = Layout(
        name=plain_text(source.stem), origin=f"Label Studio, {source}", masks=masks, columns=declared
    )
    return write_layout(out, cases, layout, problems, tally)


class _Task:
    """The annotation of one task: its regions by target, and its labels by column."""

    def __init__(self, where: str, *, labelled: bool) -> None:
        self.where, self.labelled = where, labelled
        self.regions: list[tuple[str, str, Mapping[str, Any], str]] = []
        self.labels: dict[str, str | float] = {}


def is_label_studio(content: Any) -> bool:
    """Return whether the content of a JSON file is an export of Label Studio."""
    return isinstance(content, list) and bool(content) and all(map(_is_task, content))


def _is_task(task: Any) -> bool:
    return (
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and isinstance(task.get("annotations"), list)
    )


def _read(source: Path) -> list[dict[str, Any]]:
    content = read_json(source)
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise DataError(f"{source}: not a Label Studio export; expected a list of tasks")
    problems = [
        f"{source}: task {task.get('id')!r} has no `data` and `annotations`; export as JSON, not JSON-MIN"
        for task in content
        if not _is_task(task)
    ]
    if problems:
        raise DataError(problems)
    return content


def _read_task(
    task: Mapping[str, Any], where: str, target: str | None, problems: list[str], tally: Counter[str]
) -> _Task:
    valid = [
        annotation
        for annotation in task["annotations"]
        if isinstance(annotation, dict) and not annotation.get("was_cancelled")
    ]
    tally["cancelled annotations left out"] += len(task["annotations"]) - len(valid)
    if not valid:
        tally["tasks without an annotation, and so without a mask"] += 1
        return _Task(where, labelled=False)
    tally["annotations left out, since their task has a later one"] += len(valid) - 1
    latest = max(valid, key=lambda annotation: _time_of(annotation, where, problems))
    read = _Task(where, labelled=True)
    for result in latest.get("result") or []:
        place = f"{where}: annotation {latest.get('id')!r}"
        try:
            place += f": result {result['id']!r}" if result.get("id") else ""
            _read_result(result, place, read, target, tally)
        except DataError as error:
            problems += [f"{place}: {problem}" for problem in error.problems]
        except (AttributeError, KeyError, TypeError):
            problems.append(f"{place}: a result without from_name, type and value")
    return read


def _time_of(annotation: Mapping[str, Any], where: str, problems: list[str]) -> datetime:
    text = annotation.get("updated_at") or annotation.get("created_at")
    try:
        time = datetime.fromisoformat(text) if text else datetime.min
    except (TypeError, ValueError):
        problems.append(f"{where}: annotation {annotation.get('id')!r}: {text!r} is not a time")
        time = datetime.min
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _read_result(
    result: Mapping[str, Any], place: str, task: _Task, target: str | None, tally: Counter[str]
) -> None:
    kind, value = str(result["type"]), result["value"]
    tag = plain_key(str(result["from_name"]))
    if kind in _DRAWN:
        label = _only_label(value.get(kind), kind)
        task.regions.append((target or tag, label, result, place))
    elif kind == "choices" and not {"points", "rle", "x"} & value.keys():
        _set_label(task, tag, _only_label(value["choices"], kind))
    elif kind == "number" and not {"points", "rle", "x"} & value.keys():
        _set_label(task, tag, float(numbers([value["number"]], kind)[0]))
    else:
        tally[f"results of type {kind!r} left out"] += 1


def _only_label(labels: Any, kind: str) -> str:
    if not isinstance(labels, list) or len(labels) != 1 or not plain_text(labels[0]):
        raise DataError(f"{kind} are {labels!r}; expected one, since a pixel or a cell holds one class")
    return plain_text(labels[0])


def _set_label(task: _Task, tag: str, label: str | float) -> None:
    name = f"{tag}_label" if tag in _RESERVED else tag
    if task.labels.get(name, label) != label:
        raise DataError(f"{name} is both {task.labels[name]!r} and {label!r}")
    task.labels[name] = label


def _collect_classes(
    tasks: Sequence[_Task], problems: list[str], where: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...] | None]]:
    """Classes of each target and column, as far as they occur: the export does not list the others."""
    masks: dict[str, set[str]] = {}
    columns: dict[str, set[str | float]] = {}
    for task in tasks:
        for target, class_name, _, _ in task.regions:
            masks.setdefault(target, set()).add(class_name)
        for name, label in task.labels.items():
            columns.setdefault(name, set()).add(label)
    classes = {
        target: ("background", *sorted(names - {"background"})) for target, names in sorted(masks.items())
    }
    for target, names in classes.items():
        if not 2 <= len(names) <= 254:
            problems.append(
                f"{where}: mask {target!r} has {len(names)} classes; expected 2 to 254 with the background"
            )
    column_classes: dict[str, tuple[str, ...] | None] = {}
    for name, labels in sorted(columns.items()):
        texts = [label for label in labels if isinstance(label, str)]
        if texts and len(texts) < len(labels):
            problems.append(f"{where}: column {name!r} has choices and numbers; rename one of the two tags")
        column_classes[name] = tuple(sorted(texts)) or None
    return classes, column_classes


def _find_images(
    tasks: Sequence[Mapping[str, Any]], folder: ImageFolder, problems: list[str]
) -> list[Path | None]:
    files: list[Path | None] = []
    unusable = []
    task_of: dict[Path, Any] = {}
    for task in tasks:
        try:
            file = _find_image(task["data"], folder)
            if file in task_of:
                raise DataError(f"its image {file} is also that of task {task_of[file]!r}; remove one task")
            task_of[file] = task.get("id")
            files.append(file)
        except DataError as error:
            files.append(None)
            texts = [f"{folder.source}: task {task.get('id')!r}: {problem}" for problem in error.problems]
            unusable.append(DataError(texts, kind=error.kind))
    problems += unite_missing(unusable, len(tasks), folder)
    return files


def _find_image(data: Mapping[str, Any], folder: ImageFolder) -> Path:
    links = [text for text in data.values() if isinstance(text, str) and _path_in(text)]
    link = data["image"] if isinstance(data.get("image"), str) else links[0] if len(links) == 1 else None
    if link is None:
        raise DataError(f"no image in its data {sorted(data)}; expected `image`, or one path of an image")
    path = _path_in(link)
    if path is None:
        raise DataError(f"{link!r} is not the path of an image ({', '.join(raster_suffixes())})")
    if not _is_remote(link):
        return folder.find(path)
    # The path is that of a server: look for its end in the folder, with and without the prefix of an upload.
    parts = PurePosixPath(path.lstrip("/")).parts
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    ends.append(re.sub(r"^[0-9a-f]{8}-", "", parts[-1]))
    existing = [] if ".." in parts else [end for end in ends if (folder.path / end).is_file()]
    return folder.find(existing[0] if existing else path.lstrip("/"))


def _is_remote(link: str) -> bool:
    return "://" in link or link.startswith("/data/")


def _path_in(link: str) -> str | None:
    """Return the path in a link to an image, after `?d=` for local files; None if it is not an image."""
    if not _is_remote(link):
        path = link
    else:
        url = urlsplit(link)
        path = parse_qs(url.query).get("d", [unquote(url.path)])[0]
    return path if PurePosixPath(path).suffix.lower() in raster_suffixes() else None


def _make_case(
    name: str,
    file: Path,
    task: _Task,
    classes: Mapping[str, tuple[str, ...]],
    tally: Counter[str],
    problems: list[str],
) -> Case:
    masks: dict[str, Callable[[], Any]] = {}
    try:
        size = image_size(file)
    except DataError as error:
        problems += [f"{task.where}: {problem}" for problem in error.problems]
        return Case(name=name, image=file)
    for target in classes if task.labelled else ():
        regions = [
            Region(place, classes[target].index(label), partial(_draw, result, tally=tally))
            for region_target, label, result, place in task.regions
            if region_target == target
        ]
        masks[target] = partial(paint, regions, size, tally)
    return Case(name=name, image=file, masks=masks, labels=task.labels)


def _draw(result: Mapping[str, Any], size: Size, *, tally: Counter[str]) -> Pixels:
    stated = (result.get("original_height"), result.get("original_width"))
    if stated != size:
        raise DataError(f"annotated at {stated[1]}x{stated[0]} pixels, but the image has {size[1]}x{size[0]}")
    if result.get("image_rotation"):
        raise DataError(f"the image was rotated by {result['image_rotation']} degrees; annotate it unrotated")
    value = result["value"]
    if result["type"] == "brushlabels":
        if value.get("format") != "rle":
            raise DataError(f"brush of format {value.get('format')!r}; expected 'rle'")
        return decode_brush(value.get("rle"), size)
    points = value.get("points")
    if not isinstance(points, list) or len(points) < 3:
        raise DataError("a polygon of fewer than three points")
    percent = [numbers(point, "point") for point in points]
    if any(len(point) != 2 for point in percent):
        raise DataError("a point of a polygon is not a pair x, y")
    tally["polygons not closed, closed in the import"] += value.get("closed") is False
    return draw_ring(np.array(percent) * (size[1] / 100, size[0] / 100), size)
