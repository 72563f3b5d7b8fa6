"""Predictions as files: the images to predict, and what is written for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from unet_mtl.batches.inputs.columns import Labels
from unet_mtl.data.images import write_mask
from unet_mtl.data.readers import suffix_of, suffixes, without_suffix
from unet_mtl.data.tables import guard_formulas
from unet_mtl.errors import DataError
from unet_mtl.files import writing
from unet_mtl.inference.case_result import Answers, Case, CaseResult
from unet_mtl.inference.columns import Rows, missing_input_error, row_of
from unet_mtl.inference.predictor import Predictor
from unet_mtl.inference.spacing import Spacings


def find_images(paths: Sequence[Path | str]) -> dict[Path, str]:
    """Find the images to predict.

    Args:
        paths: Files, or folders; of a folder all images are taken, also in subfolders, except hidden ones.

    Returns:
        Name for output files by path: the file name without suffix, preceded by the subfolders if the image was found
        in a folder.

    Raises:
        DataError: A path does not exist, a folder has no image, or two images would get the same name. All problems
            are listed.
    """
    names: dict[Path, str] = {}
    problems: list[str] = []
    for path in map(Path, paths):
        if path.is_dir():
            images = _images_below(path)
            if not images:
                problems.append(f"{path}: no image in this folder; known are {', '.join(suffixes())}")
            names.update({image: without_suffix(image.relative_to(path).as_posix()) for image in images})
        elif path.is_file():
            names[path] = without_suffix(path.name) if suffix_of(path) else path.stem
        else:
            problems.append(f"{path}: no such file or folder")
    problems += _repeated_names(names)
    if problems:
        raise DataError(problems)
    return names


def _images_below(folder: Path) -> list[Path]:
    # Hidden files are not images: macOS writes a ._x.png beside each x.png on foreign disks.
    paths = (path for path in folder.rglob("*") if not path.name.startswith("."))
    return sorted(path for path in paths if suffix_of(path))


def _repeated_names(names: Mapping[Path, str]) -> list[str]:
    by_name: dict[str, Path] = {}
    return [
        f"{path} and {by_name[name]} would both be written as {name!r}; predict them separately"
        for path, name in names.items()
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
    """Write a mask for each task and image (palette PNG of class indices, original size), and predictions.csv.

    Args:
        predictor: The predictor of a run.
        images: Names by path, in the form that `find_images` returns; empty for a run that reads no images.
        out: Folder for `<task>/<name>.png` and predictions.csv.
        columns: Columns by case, in the form that `read_columns` returns; None if no column is known.
        spacings: Source of the pixel spacing, for rules about diameters; None for the headers of the images.
        on_case: Callback after each case.

    Returns:
        The table: `image` (`case` for a run that reads no images), then the answers. A run with consistency rules adds
        `contradictions` and `not_checked`, the rules that could not be checked with the reasons. A run that reads
        columns adds `unknown_columns`, those that the case lacks, and `column=value` for a value far from those of the
        training. `error` is the reason why a case could not be predicted.

    Raises:
        WriteError: The system refused to write a file.
    """
    cases = (spacings or Spacings()).fill(_cases(predictor, images, columns or {}), predictor.rules)
    rows: list[dict[str, str | float]] = []
    for result in predictor.predict(cases):
        rows.append(_row(predictor, result))
        if result.image is not None:
            _write_masks(result.answers, result.case.name, out)
        del result  # releases the image and the masks before those of the next case are made
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


def _cases(predictor: Predictor, images: Mapping[Path, str], columns: Rows) -> Iterator[Case]:
    """Yield the cases in the order of the images, or of the table if the run reads no images."""
    rows: list[tuple[str, Path | None, Labels | DataError]]
    if predictor.inputs.image:
        rows = [(name, path, row_of(columns, name)) for path, name in images.items()]
    else:
        rows = [(name, None, row) for name, row in columns.items()]
    for name, path, row in rows:
        yield Case(name, path, columns=missing_input_error(predictor.inputs, row) or row)


def _row(predictor: Predictor, result: CaseResult) -> dict[str, str | float]:
    case = result.case
    row: dict[str, str | float] = {"case": case.name} if case.image is None else {"image": str(case.image)}
    if result.error is not None:
        return row | {"error": str(result.error)}
    row |= _answer_cells(result.answers)
    for extra in result.extras.values():
        row |= extra.cells()
    if predictor.inputs.tables and not isinstance(case.columns, DataError):
        row["unknown_columns"] = ";".join(predictor.inputs.describe_unknown(case.columns))
    return row | {"error": ""}


def _answer_cells(answers: Answers) -> dict[str, str | float]:
    return {
        f"{name}_{key}" if key else name: value
        for name, prediction in answers.items()
        for key, value in prediction.cells().items()
    }


def _write_masks(answers: Answers, name: str, out: Path) -> None:
    for task, prediction in answers.items():
        for key, mask in prediction.masks().items():
            write_mask(out / task / f"{name}_{key}.png" if key else out / task / f"{name}.png", mask)
