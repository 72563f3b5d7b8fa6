"""Label Studio: its JSON export and a folder of the images -> our layout."""

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
    find_below,
    name_cases,
    numbers,
    plain_key,
    plain_word,
    read_json,
)

_DRAWN = ("polygonlabels", "brushlabels")
_RESERVED = ("case", "image")


def import_label_studio(
    source: Path, out: Path, *, images: Path | None = None, target: str | None = None
) -> Imported:
    """Imports polygons and brush strokes as masks, choices as columns of classes, numbers as columns of numbers.

    Of several annotations of a task the latest that is not cancelled counts. A task without one has no mask and
    no labels; in one that has, what nobody drew is background. Classes are in alphabetical order.

    Args:
        source: The export "JSON" (not JSON-MIN).
        out: The folder to be.
        images: Folder of the images; None: `images` beside the source, or its own folder.
        target: One mask for everything drawn; None: one for each labelling tag, under its name.

    Raises:
        DataError: With every problem, the task and annotation id named.
        WriteError: The disk refused.
    """
    tasks = _read(source)
    folder = images or (source.parent / "images" if (source.parent / "images").is_dir() else source.parent)
    problems: list[str] = []
    tally: Counter[str] = Counter()
    found = [
        _read_task(task, f"{source}: task {task.get('id')!r}", target, problems, tally) for task in tasks
    ]
    masks, columns = _meanings(found, problems, str(source))
    if not masks and not columns:
        problems.append(
            f"{source}: no polygons, brush strokes, choices or numbers; there is nothing to import"
        )
    files = _find_images(tasks, folder, str(source), problems)
    names = iter(name_cases([file.relative_to(folder).as_posix() for file in files if file], problems))
    cases = [
        _make_case(next(names), file, one, masks, tally, problems)
        for file, one in zip(files, found, strict=True)
        if file
    ]
    # A column of one word alone teaches nothing and no description may declare it; the table keeps it.
    declared = {name: words for name, words in columns.items() if words is None or len(words) > 1}
    for name in columns.keys() - declared.keys():
        tally[f"class alone in column {name!r}; it is in the table, not in dataset.yaml"] += 1
    layout = Layout(
        name=plain_word(source.stem), origin=f"Label Studio, {source}", masks=masks, columns=declared
    )
    return write_layout(out, cases, layout, problems, tally)


class _Task:
    """What one task says: drawn things by target, words and numbers by column."""

    def __init__(self, where: str, *, labelled: bool) -> None:
        self.where, self.labelled = where, labelled
        self.drawn: list[tuple[str, str, Mapping[str, Any], str]] = []
        self.labels: dict[str, str | float] = {}


def _read(source: Path) -> list[dict[str, Any]]:
    content = read_json(source)
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise DataError(f"{source}: not a Label Studio export; expected a list of tasks")
    problems = [
        f"{source}: task {task.get('id')!r} has no `data` and `annotations`; export as JSON, not JSON-MIN"
        for task in content
        if not isinstance(task.get("data"), dict) or not isinstance(task.get("annotations"), list)
    ]
    if problems:
        raise DataError(problems)
    return content


def _read_task(
    task: Mapping[str, Any], where: str, target: str | None, problems: list[str], tally: Counter[str]
) -> _Task:
    valid = [one for one in task["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
    tally["cancelled annotations left out"] += len(task["annotations"]) - len(valid)
    if not valid:
        tally["tasks without an annotation and so without a mask"] += 1
        return _Task(where, labelled=False)
    tally["annotations of a task that has a later one left out"] += len(valid) - 1
    latest = max(valid, key=lambda one: _time_of(one, where, problems))
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
        word = _one_word(value.get(kind), kind)
        task.drawn.append((target or tag, word, result, place))
    elif kind == "choices" and not {"points", "rle", "x"} & value.keys():
        _set_label(task, tag, _one_word(value["choices"], kind))
    elif kind == "number" and not {"points", "rle", "x"} & value.keys():
        _set_label(task, tag, float(numbers([value["number"]], kind)[0]))
    else:
        tally[f"results of type {kind!r} left out"] += 1


def _one_word(words: Any, kind: str) -> str:
    if not isinstance(words, list) or len(words) != 1 or not plain_word(words[0]):
        raise DataError(f"{kind} are {words!r}; expected one, since a pixel or a cell holds one class")
    return plain_word(words[0])


def _set_label(task: _Task, tag: str, label: str | float) -> None:
    name = f"{tag}_label" if tag in _RESERVED else tag
    if task.labels.get(name, label) != label:
        raise DataError(f"{name} is both {task.labels[name]!r} and {label!r}")
    task.labels[name] = label


def _meanings(
    tasks: Sequence[_Task], problems: list[str], where: str
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...] | None]]:
    """Classes of each target and column, as far as they occur: the export does not list the others."""
    masks: dict[str, set[str]] = {}
    columns: dict[str, set[str | float]] = {}
    for task in tasks:
        for target, word, _, _ in task.drawn:
            masks.setdefault(target, set()).add(word)
        for name, label in task.labels.items():
            columns.setdefault(name, set()).add(label)
    classes = {
        target: ("background", *sorted(words - {"background"})) for target, words in sorted(masks.items())
    }
    for target, words in classes.items():
        if not 2 <= len(words) <= 254:
            problems.append(
                f"{where}: mask {target!r} has {len(words)} classes; expected 2 to 254 with the background"
            )
    meanings: dict[str, tuple[str, ...] | None] = {}
    for name, labels in sorted(columns.items()):
        words_alone = [label for label in labels if isinstance(label, str)]
        if words_alone and len(words_alone) < len(labels):
            problems.append(f"{where}: column {name!r} has words and numbers; rename one of the two tags")
        meanings[name] = tuple(sorted(words_alone)) or None
    return classes, meanings


def _find_images(
    tasks: Sequence[Mapping[str, Any]], folder: Path, where: str, problems: list[str]
) -> list[Path | None]:
    files: list[Path | None] = []
    owners: dict[Path, Any] = {}
    for task in tasks:
        try:
            file = _find_image(task["data"], folder)
            if file in owners:
                raise DataError(f"its image {file} is that of task {owners[file]!r} as well; remove one task")
            owners[file] = task.get("id")
            files.append(file)
        except DataError as error:
            files.append(None)
            problems += [f"{where}: task {task.get('id')!r}: {problem}" for problem in error.problems]
    return files


def _find_image(data: Mapping[str, Any], folder: Path) -> Path:
    links = [text for text in data.values() if isinstance(text, str) and _path_in(text)]
    link = data["image"] if isinstance(data.get("image"), str) else links[0] if len(links) == 1 else None
    if link is None:
        raise DataError(f"no image among its data {sorted(data)}; expected `image`, or one path of an image")
    path = _path_in(link)
    if path is None:
        raise DataError(f"{link!r} is not the path of an image ({', '.join(raster_suffixes())})")
    if not _is_remote(link):
        return find_below(folder, path)
    # A server's path: what of its end lies in the user's folder, with or without the prefix of an upload.
    parts = PurePosixPath(path.lstrip("/")).parts
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    ends.append(re.sub(r"^[0-9a-f]{8}-", "", parts[-1]))
    there = [] if ".." in parts else [end for end in ends if (folder / end).is_file()]
    return find_below(folder, there[0] if there else path.lstrip("/"))


def _is_remote(link: str) -> bool:
    return "://" in link or link.startswith("/data/")


def _path_in(link: str) -> str | None:
    """The path in a link to an image: after `?d=` for local files, else the path of the URL; None: no image."""
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
            Region(place, classes[target].index(word), partial(_draw, result, tally=tally))
            for drawn_on, word, result, place in task.drawn
            if drawn_on == target
        ]
        masks[target] = partial(paint, regions, size, tally)
    return Case(name=name, image=file, masks=masks, labels=task.labels)


def _draw(result: Mapping[str, Any], size: Size, *, tally: Counter[str]) -> Pixels:
    stated = (result.get("original_height"), result.get("original_width"))
    if stated != size:
        raise DataError(f"annotated at {stated[1]}x{stated[0]} pixels, the image is {size[1]}x{size[0]}")
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
        raise DataError("a point of a polygon is not x, y")
    tally["polygons not closed; closed here"] += value.get("closed") is False
    return draw_ring(np.array(percent) * (size[1] / 100, size[0] / 100), size)
