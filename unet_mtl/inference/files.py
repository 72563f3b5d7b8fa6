"""Predictions as files: which images, and what is written for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.consistency import name_contradictions, name_unchecked
from unet_mtl.data.images import write_mask
from unet_mtl.data.readers import SUFFIXES, suffix_of, without_suffix
from unet_mtl.data.tables import guard_formulas
from unet_mtl.errors import DataError
from unet_mtl.files import writing
from unet_mtl.inference.columns import Rows, lacks_needed, row_of
from unet_mtl.inference.predictor import Answers, Predictor
from unet_mtl.inference.spacing import Spacings


def find_images(paths: Sequence[Path | str]) -> dict[Path, str]:
    """Images by path, with a name for what is written about each.

    Args:
        paths: Files; or folders, of which all images are taken, also in folders below, but no hidden ones.

    Returns:
        Path -> name without suffix; for an image of a folder, with the folders between.

    Raises:
        DataError: With every problem: a path does not exist, a folder has no image, or two images would get
            one name.
    """
    found: dict[Path, str] = {}
    problems: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            images = _images_below(path)
            if not images:
                problems.append(f"{path}: no image in this folder; known are {', '.join(SUFFIXES)}")
            found.update({image: without_suffix(image.relative_to(path).as_posix()) for image in images})
        elif path.is_file():
            found[path] = without_suffix(path.name) if suffix_of(path) else path.stem
        else:
            problems.append(f"{path}: no such file or folder")
    problems += _names_twice(found)
    if problems:
        raise DataError(problems)
    return found


def _images_below(folder: Path) -> list[Path]:
    # Hidden ones are no images: macOS puts a ._x.png beside each x.png on foreign disks.
    paths = (path for path in folder.rglob("*") if not path.name.startswith("."))
    return sorted(path for path in paths if suffix_of(path))


def _names_twice(found: Mapping[Path, str]) -> list[str]:
    by_name: dict[str, Path] = {}
    return [
        f"{path} and {by_name[name]} would both be written as {name!r}; predict them separately"
        for path, name in found.items()
        if by_name.setdefault(name, path) != path
    ]


def write_predictions(
    predictor: Predictor,
    images: Mapping[Path, str],
    out: Path,
    *,
    columns: Rows | None = None,
    spacings: Spacings | None = None,
    on_case: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """Writes a mask a task and image (palette PNG of class indices, original size), and predictions.csv.

    Args:
        predictor: Of a run.
        images: From `find_images`; for a run that reads no images, none.
        out: Folder for `<task>/<name>.png` and predictions.csv.
        columns: By case, from `read_columns`; None: nothing is known of any.
        spacings: Where the pixel spacing comes from, for rules about diameters; None: from headers.
        on_case: Called after each case.

    Returns:
        The table: image (or case, where the run reads none), then the answers; of a run with rules of consistency
        `contradictions`, in words, and `not_checked`, the rules that could not be looked at and why; of one that reads
        columns, `unknown_columns`, those that the case lacks, and `column=value` for a word or number far from those of
        the training; `error` where a case could not be read.

    Raises:
        WriteError: The disk refused.
    """
    rows: list[dict[str, str | float]] = []
    for case, given, answers in _answers(predictor, images, columns or {}):
        if isinstance(answers, DataError):
            rows.append({**case, "error": str(answers)})
        else:
            unknown = (
                {"unknown_columns": ";".join(predictor.inputs.describe_unknown(given))}
                if predictor.inputs.tables
                else {}
            )
            found = _contradictions(predictor, answers, case, images, spacings or Spacings())
            rows.append({**case, **_cells(answers), **found, **unknown, "error": ""})
            if "image" in case:
                _write_masks(answers, images[Path(case["image"])], out)
        on_case()
    table = pd.DataFrame(rows)
    for name in table.columns:
        # Whole numbers stay whole beside the empty cells of an unreadable image.
        if all(isinstance(row[name], int) for row in rows if name in row):
            table[name] = table[name].astype("Int64")
    table = table[[name for name in table.columns if name != "error"] + ["error"]]
    with writing(out / "predictions.csv") as temporary:
        guard_formulas(table).to_csv(temporary, index=False)
    return table


def _answers(
    predictor: Predictor, images: Mapping[Path, str], columns: Rows
) -> Iterator[tuple[dict[str, str], Labels, Answers | DataError]]:
    """What each row begins with, the columns of its case, and its answers, in the order of the images or the table."""
    asked: list[tuple[dict[str, str], Path | None, Labels | DataError]]
    if predictor.inputs.image:
        asked = [({"image": str(path)}, path, row_of(columns, name)) for path, name in images.items()]
    else:
        asked = [({"case": case}, None, row) for case, row in columns.items()]
    asked = [(case, path, lacks_needed(predictor.inputs, row) or row) for case, path, row in asked]
    good = [(path, row) for _, path, row in asked if not isinstance(row, DataError)]
    found = predictor.predict([path for path, _ in good], columns=[row for _, row in good])
    for case, _, row in asked:
        if isinstance(row, DataError):
            yield case, {}, row
        else:
            yield case, row, next(found)[1]


def _contradictions(
    predictor: Predictor,
    answers: Answers,
    case: Mapping[str, str],
    images: Mapping[Path, str],
    spacings: Spacings,
) -> dict[str, str]:
    """Columns of a run with rules."""
    if not predictor.rules:
        return {}
    spacing_mm = None
    if "image" in case and any(rule.measures for rule in predictor.rules):
        path = Path(case["image"])
        spacing_mm = spacings.find(path, images[path])
    verdicts = predictor.check(answers, spacing_mm)
    return {
        "contradictions": name_contradictions(verdicts),
        "not_checked": name_unchecked(predictor.rules, verdicts),
    }


def _cells(answers: Answers) -> dict[str, str | float]:
    return {
        f"{name}_{key}" if key else name: value
        for name, prediction in answers.items()
        for key, value in prediction.cells().items()
    }


def _write_masks(answers: Answers, name: str, out: Path) -> None:
    for task, prediction in answers.items():
        for key, mask in prediction.masks().items():
            write_mask(out / task / f"{name}_{key}.png" if key else out / task / f"{name}.png", mask)
