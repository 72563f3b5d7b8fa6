"""Predictions as files: the images to predict, and what is written for them."""

import errno
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from unet_mtl.data.channel_files import missing_names
from unet_mtl.data.description import Description
from unet_mtl.data.file_listing import is_utf8, list_files
from unet_mtl.data.frames import choose_picture, describe_frames
from unet_mtl.data.images import write_mask
from unet_mtl.data.readers import name_type, split_suffix, suffixes
from unet_mtl.data.tables import guard_formulas
from unet_mtl.errors import DataError, NotFiniteError, WriteError
from unet_mtl.files import writing
from unet_mtl.inference.case_result import Answers, Case, CaseResult
from unet_mtl.inference.columns import Rows, missing_input_error, row_of
from unet_mtl.inference.described_folders import (
    find_described_images,
    find_description,
    name_below,
    note_masks,
)
from unet_mtl.inference.frame_column import Frames
from unet_mtl.inference.predictor import Predictor
from unet_mtl.inference.spacing import Spacings
from unet_mtl.wording import count_of, name_some, printable


def find_images(
    paths: Sequence[Path | str],
    on_note: Callable[[str], None] = lambda note: None,
    trained_on: Description | None = None,
) -> dict[Path, str]:
    """Find the images to predict.

    Args:
        paths: Files, or folders. Of a folder with a dataset.yaml, and of the folder of the training data, the images
            that are described are taken; of another one all images, also in subfolders, except hidden ones.
        on_note: Function that receives a sentence for each folder with files that are left aside, and one about images
            that are named like masks of the training.
        trained_on: Description of the data that the run was trained on; None if it is not known.

    Returns:
        Name for output files by path: the file name without suffix, preceded by the subfolders if the image was found
        in a folder.

    Raises:
        DataError: A path does not exist, a folder has no image, or two images would get the same name. All problems
            are listed.
    """
    names: dict[Path, str] = {}
    problems: list[str] = []
    files: list[Path] = []
    for path in map(Path, paths):
        try:
            found = _find(path, on_note, trained_on)
            names.update(found)
            files += [path] if path in found else []
        except (FileNotFoundError, NotADirectoryError):
            problems.append(f"{printable(path)}: no such file or folder")
        except OSError as error:
            problems.append(f"{printable(path)}: cannot be opened ({error.strerror})")
        except DataError as error:
            start = printable(path)
            problems += [text if text.startswith(start) else f"{start}: {text}" for text in error.problems]
    problems += _repeated_names(names)
    if problems:
        raise DataError(problems)
    note_masks("", files, trained_on, on_note)
    return names


def _find(path: Path, on_note: Callable[[str], None], trained_on: Description | None) -> dict[Path, str]:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        try:
            description = find_description(path, trained_on)
            if description is not None:
                return _images_of(description, on_note)
        except DataError as error:
            raise DataError(
                [f"{problem}; or give the folder of the images" for problem in error.problems]
            ) from error
        return _images_below(path, on_note, trained_on)
    if name_type(mode):
        raise DataError(f"this is {name_type(mode)}; expected an image, or a folder of images")
    return {path: split_suffix(path.name)[0]}


def _images_of(description: Description, on_note: Callable[[str], None]) -> dict[Path, str]:
    if description.channels:
        raise DataError(
            f"its data set has the channels {name_some(description.channels, 8)} in a file each, and the run reads one "
            "file for each image; give the files to predict"
        )
    return find_described_images(description, on_note)


def _images_below(
    folder: Path, on_note: Callable[[str], None], trained_on: Description | None
) -> dict[Path, str]:
    listing = list_files(folder, any_name=True)
    aside = listing.describe_others()
    if not listing.pictures:
        also = f"; it has {aside}" if aside else ""
        raise DataError(f"no image in this folder; known are {', '.join(suffixes())}{also}")
    if aside:
        on_note(f"{printable(folder)}: left aside {aside}")
    note_masks(f"{printable(folder)}: ", listing.pictures, trained_on, on_note)
    return {path: name_below(path.relative_to(folder)) for path in listing.pictures}


def _repeated_names(names: Mapping[Path, str]) -> list[str]:
    by_name: dict[str, Path] = {}
    return [
        f"{path} and {by_name[name]} would both be written as {name!r}; predict them separately"
        for path, name in names.items()
        if by_name.setdefault(name, path) != path
    ]


def write_predictions(
    predictor: Predictor,
    images: Mapping[Path, str] | Sequence[Case],
    out: Path,
    *,
    columns: Rows | None = None,
    spacings: Spacings | None = None,
    frames: Frames | None = None,
    on_case: Callable[[], None] = lambda: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> pd.DataFrame:
    """Write a mask for each task and image (palette PNG of class indices, original size), and predictions.csv.

    Args:
        predictor: The predictor of a run.
        images: Names by path, in the form that `find_images` returns; or cases whose channels are separate files, in
            the form that `find_channel_cases` returns; empty for a run that reads no images.
        out: Folder for `<task>/<name>.png` and predictions.csv.
        columns: Columns by case, in the form that `read_columns` returns; None if no column is known.
        spacings: Source of the pixel spacing, for lengths, areas and rules about diameters; None for the headers of
            the images.
        frames: Indices of the pictures to read from files that hold several; None for the usual ones.
        on_case: Callback after each case.
        on_note: Function that receives a sentence about files that hold several pictures, about unknown spacings, and
            about masks that earlier predictions left in `out`.

    Returns:
        The table: `image` (`case` for a run that reads no images, both for one that reads each channel from a file of
        its own), then the answers. A run with consistency rules adds `contradictions` and `not_checked`, the rules that
        could not be checked with the reasons. A run that reads columns adds `unknown_columns`, those that the case
        lacks, and `column=value` for a value far from those of the training. A run that can do without channels adds
        `missing_channels`. If a file holds several pictures, `frame` is the index of the one that was read, and
        `frames` their number. `error` is the reason why a case could not be predicted.

    Raises:
        WriteError: The system refused to write a file.
    """
    cases = _cases(predictor, images, columns or {}, frames or Frames())
    cases = (spacings or Spacings()).fill(cases, needed=predictor.needs_spacing)
    rows: list[dict[str, str | float]] = []
    pictures: list[tuple[int, int]] = []
    written: set[Path] = set()
    n_unspaced = n_not_finite = 0
    for result in predictor.predict(cases):
        rows.append(_row(predictor, _write_masks(result, out, written)))
        pictures += result.case.pictures()
        n_unspaced += result.error is None and result.case.spacing_mm is None
        n_not_finite += isinstance(result.error, NotFiniteError)
        del result  # releases the image and the masks before those of the next case are made
        on_case()
    note = describe_frames(pictures)
    if note:
        on_note(f"{note}; `frame` selects another one")
    if n_not_finite:
        on_note(_describe_not_finite(n_not_finite, len(rows)))
    stale = _find_stale(out, [task.name for task in predictor.tasks], written)
    if stale:
        on_note(
            f"{out}: {count_of(len(stale), 'mask')} of earlier predictions without a row in predictions.csv: "
            f"{name_some(printable(path.relative_to(out).as_posix()) for path in stale)}; remove what you do not need, "
            "or give another folder"
        )
    if n_unspaced and any(task.needs_spacing for task in predictor.tasks):
        on_note(
            f"{n_unspaced} of {count_of(len(rows), 'image')} have no pixel spacing, so that their lengths and areas "
            "are in pixels; give `spacing_mm`"
        )
    table = pd.DataFrame(rows)
    for name in table.columns:
        # Whole numbers stay whole beside the empty cells of an unreadable image.
        if all(isinstance(row[name], int) for row in rows if name in row):
            table[name] = table[name].astype("Int64")
    table = table[[name for name in table.columns if name != "error"] + ["error"]]
    with writing(out / "predictions.csv") as temporary:
        guard_formulas(table).to_csv(temporary, index=False)
    return table


def _describe_not_finite(n: int, n_cases: int) -> str:
    if n < n_cases:
        cases = count_of(n_cases, "case")
        return f"the network gives NaN or infinity for {n:,} of {cases}: look for extreme values in these"
    return (
        "the network gives NaN or infinity for every case, so that the weights of the run are probably damaged: "
        "restore network.keras from a copy, or train again"
    )


def _cases(
    predictor: Predictor, images: Mapping[Path, str] | Sequence[Case], columns: Rows, frames: Frames
) -> Iterator[Case]:
    """Yield the cases in the order of the images, or of the table if the run reads no images."""
    if not predictor.inputs.image:
        for name, row in columns.items():
            yield Case(name, columns=missing_input_error(predictor.inputs, row) or row)
        return
    for case in plain_cases(images, frames):
        error = case.columns if isinstance(case.columns, DataError) else _name_error(case.image or Path())
        row = error or row_of(columns, case.name)
        yield replace(case, columns=missing_input_error(predictor.inputs, row) or row)


def plain_cases(images: Mapping[Path, str] | Sequence[Case], frames: Frames) -> Iterator[Case]:
    """Yield the cases of images without columns or labels.

    Args:
        images: Names by path, or cases whose channels are separate files.
        frames: Indices of the pictures to read from the files of the former that hold several.
    """
    if not isinstance(images, Mapping):
        yield from images
        return
    for path, name in images.items():
        frame = frames.find(name)
        if isinstance(frame, DataError):
            chosen, n_pictures = choose_picture(path, None)
            yield Case(name, path, chosen, n_pictures, columns=frame if n_pictures > 1 else {})
        else:
            yield Case(name, path, *choose_picture(path, frame))


def _name_error(path: Path) -> DataError | None:
    """Return the error of an image that no table can name."""
    if is_utf8(str(path)):
        return None
    return DataError(f"{printable(path)}: the name of the file or of its folder is not UTF-8; rename it")


def _row(predictor: Predictor, result: CaseResult) -> dict[str, str | float]:
    case = result.case
    row: dict[str, str | float] = (
        {"case": case.name} if case.image is None else {"image": printable(case.image)}
    )
    if case.channels:
        row = {"case": case.name, **row}
    if case.frames > 1:
        row |= {"frame": case.frame or 0, "frames": case.frames}
    if predictor.inputs.n_indicators:
        row["missing_channels"] = ";".join(missing_names(case.channels))
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


def _find_stale(out: Path, tasks: Sequence[str], written: Collection[Path]) -> list[Path]:
    """Return the masks in the folders of the tasks that were not written now."""
    masks = (path for task in tasks for path in sorted((out / task).rglob("*.png")))
    return [path for path in masks if path not in written]


def _write_masks(result: CaseResult, out: Path, written: set[Path]) -> CaseResult:
    """Write the masks, and return the result, with an error if the name of the image is too long for a mask."""
    name = result.case.name
    try:
        for task, prediction in result.answers.items() if result.image is not None else ():
            for key, mask in prediction.masks().items():
                path = out / task / (f"{name}_{key}.png" if key else f"{name}.png")
                write_mask(path, mask)
                written.add(path)
    except WriteError as error:
        if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
            raise
        text = f"{result.case.image}: the name is too long for the file of a mask; rename the image"
        return CaseResult(result.case, DataError(text))
    return result
