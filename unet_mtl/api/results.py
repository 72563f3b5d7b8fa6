"""Predictions and overlays of a run, and scores of masks of any program."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from unet_mtl.arguments import check_types
from unet_mtl.data.description import Description
from unet_mtl.data.workbooks import describe_sheets
from unet_mtl.files import require_folder
from unet_mtl.progress import case_bar, say
from unet_mtl.runs import RunFolder
from unet_mtl.wording import escape_controls

if TYPE_CHECKING:
    from unet_mtl.inference.case_result import Case
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.scoring.masks import MaskEvaluation
    from unet_mtl.scoring.pairs import Missing
    from unet_mtl.scoring.patients import AnySpacing


@check_types
def predict(
    run: RunFolder | Path | str,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    table: Path | str | None = None,
    case_column: str | None = None,
    spacing_mm: float | tuple[float, float] | None = None,
    frame: int | None = None,
    untuned: bool = False,
    on_note: Callable[[str], None] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict new cases: masks at the original size, and a table.

    Args:
        run: A trained run.
        paths: Images, or folders of images; empty for a run that reads no images. For a run that reads each channel
            from a file of its own: folders with files named like those of the training, or with a dataset.yaml.
        out: Folder for `<task>/<image>.png` and predictions.csv.
        table: Table with the columns that the run reads, one row for each image (or case). An empty cell is an unknown
            value; all values of an image without a row are unknown. For a run that uses it also the pixel spacing, in
            the columns that the run's data set has for it. For files that hold several pictures also the index of the
            picture, in the column that the run's data set has for it, or else `frame`. None if no column is known.
        case_column: Column of the table that names the images without their suffix; None for its name in the training.
        spacing_mm: Millimetres between pixels, one number or (row, column), for lengths, areas and rules about
            diameters; used for images without a spacing in the table or in their header. Lengths and areas of images
            without any are in pixels.
        frame: Index of the picture, counted from 0, that is read from files that hold several, such as volumes, and
            have no index in the table. None for the number that the run was trained with, if it has one, or else the
            first page and the middle slice.
        untuned: Whether the thresholds, temperatures and clean-up that `tune` stored in the run are left out.
        on_note: Function that receives a sentence about files that were left aside or hold several pictures; None for
            a Python warning.
        progress: Whether to show a progress bar.

    Returns:
        The table of predictions.csv, one row for each image (or case). `error` is the reason why a case has no answers,
        `unknown_columns` lists columns that the run reads and that were unknown or far from the training values,
        `contradictions` lists the consistency rules that the answers contradict, and `not_checked` the rules that could
        not be checked, with the reasons.

    Raises:
        RunError: `run` is not a trained run.
        ConfigError: `spacing_mm` is not a spacing, or the run does not use one.
        DataError: A path has no image, the table cannot be used, or it is missing for a run that was not trained to do
            without.
        WriteError: The system refused to write a file.
    """
    from unet_mtl.consistency import needs_spacing
    from unet_mtl.inference.channel_cases import find_channel_cases
    from unet_mtl.inference.columns import (
        describe_unmatched,
        read_case_rows,
        read_columns,
        require_sources,
        require_use,
        sheet_of,
    )
    from unet_mtl.inference.files import find_images, write_predictions
    from unet_mtl.inference.frame_column import frame_column, read_frames
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.inference.spacing import find_spacings, has_spacing_columns

    run = RunFolder.open(run)
    require_folder(Path(out), "predictions.csv")
    inputs, description = run.read_inputs(), run.read_description()
    needed = needs_spacing(run.read_consistency()) or any(task.needs_spacing for task in run.read_tasks())
    may_space = needed and has_spacing_columns(description)
    require_sources(inputs, n_paths=len(paths), table=table is not None)
    on_note = on_note or _warn
    spacings = find_spacings(
        spacing_mm,
        table if may_space else None,
        description,
        case_column,
        needed=needed,
        required=not inputs.tables,
    )
    images: dict[Path, str] | list[Case]
    if inputs.channels:
        images = find_channel_cases(paths, description, frame, on_note)
        names = [case.name for case in images]
    else:
        images = find_images(paths, on_note, description)
        names = list(images.values())
    columns, rows = None, {}
    if table is not None:
        rows = read_case_rows(Path(table), description, (), case_column)
        if sheets := describe_sheets(Path(table), sheet_of(Path(table), description)):
            on_note(f"{table}: {sheets}")
        require_use(Path(table), inputs, rows, frame_column(description), spacing=may_space)
        if inputs.tables:
            columns = read_columns(Path(table), description, inputs, case_column)
        unmatched = describe_unmatched(Path(table), rows, names) if inputs.image else ""
        say(escape_controls(unmatched), shown=progress and bool(unmatched))
    predictor = Predictor.load(run, tuned=not untuned)
    _show_decisions(predictor, shown=progress)
    n = len(images) if inputs.image else len(columns or {})
    with case_bar("predicting", n, shown=progress) as advance:
        return write_predictions(
            predictor,
            images,
            Path(out),
            columns=columns,
            spacings=spacings,
            frames=read_frames(rows, description, _frame_of(description, frame)),
            on_case=advance,
            on_note=on_note,
        )


def _show_decisions(predictor: "Predictor", *, shown: bool) -> None:
    for line in predictor.decisions.lines():
        say(escape_controls(line), shown=shown)


def _warn(note: str) -> None:
    warnings.warn(note, stacklevel=3)


def _frame_of(description: Description, frame: int | None) -> int | None:
    """Return the picture to read from new files that hold several: the given one, or that of the training."""
    trained = description.frame
    return trained if frame is None and isinstance(trained, int) else frame


@check_types
def overlay(
    run: RunFolder | Path | str,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    frame: int | None = None,
    on_note: Callable[[str], None] | None = None,
    progress: bool = True,
) -> list[Path]:
    """Draw the predicted contours on images, and the true ones where a mask is known.

    A picture whose answers contradict a consistency rule names the contradiction and has a red frame.

    Args:
        run: A trained run.
        paths: Images, or folders of images. The truth is read from the dataset.yaml in a folder above an image or, for
            cases of the run's own data, from the description of these. For a run that reads each channel from a file of
            its own: folders, as for `predict`.
        out: Folder for the pictures.
        spacing_mm: Millimetres between pixels, one number or (row, column), for lengths, areas and rules about
            diameters; used for images without a spacing in their data set or header.
        frame: Index of the picture, counted from 0, that is read from files that hold several, as for `predict`; files
            that the dataset.yaml describes are read as it says.
        on_note: Function that receives a sentence about files that were left aside or hold several pictures; None for
            a Python warning.
        progress: Whether to show a progress bar.

    Returns:
        Paths of the pictures.

    Raises:
        RunError: `run` is not a trained run.
        ConfigError: `spacing_mm` is not a spacing, or the run does not use one.
        DataError: A path has no image, or an image is unreadable.
        WriteError: The system refused to write a file.
    """
    from unet_mtl.inference.channel_cases import find_channel_cases
    from unet_mtl.inference.files import find_images
    from unet_mtl.inference.overlays import write_overlays
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.inference.spacing import find_spacings

    run = RunFolder.open(run)
    require_folder(Path(out), "the pictures")
    trained_on = run.read_description()
    on_note = on_note or _warn
    predictor = Predictor.load(run)
    _show_decisions(predictor, shown=progress)
    several = bool(predictor.inputs.channels)
    images: dict[Path, str] | list[Case] = (
        find_channel_cases(paths, trained_on, frame, on_note)
        if several
        else find_images(paths, on_note, trained_on)
    )
    spacings = find_spacings(spacing_mm, needed=predictor.needs_spacing)
    chosen = _frame_of(trained_on, frame)
    with case_bar("drawing", len(images), shown=progress) as advance:
        return write_overlays(
            predictor,
            images,
            Path(out),
            trained_on=trained_on,
            spacings=spacings,
            frame=chosen,
            on_case=advance,
            on_note=on_note,
        )


@check_types
def score(
    truth: Path | str,
    prediction: Path | str,
    out: Path | str | None = None,
    *,
    classes: Sequence[str] = (),
    values: "Mapping[int, int] | None" = None,  # check_values also takes the keys of JSON
    spacing: "AnySpacing" = None,
    tolerance: float | None = None,
    patients: Path | str | None = None,
    case_column: str | None = None,
    patient_column: str | None = None,
    truth_names: str = "{case}",
    prediction_names: str = "{case}",
    table_names: str = "{case}",
    missing: "Missing" = "empty",
    progress: bool = True,
) -> "MaskEvaluation":
    """Score predicted masks of any program against true masks, paired by file name, without TensorFlow.

    Args:
        truth: The folder of true masks.
        prediction: The folder of predicted masks; folders below it are not searched.
        out: The folder for cases.csv and summary.json; None: `scores` in the folder of predictions.
        classes: Names of the classes by index, the background first; empty: derived from the numbers in the files.
        values: Class index by number in the files of both folders, or 255 for unlabelled pixels. None: numbers are
            class indices and 255 in a true mask is unlabelled; but in a folder of only 0 and 255, 255 is the
            foreground.
        spacing: Millimetres between pixels: a number, (row, column), the name of a column of the table, or the names
            of two columns as "row,column"; None: distances are in pixels, and named `_px`.
        tolerance: The tolerance of surface_dice, in mm or, without spacing, in pixels; None: no surface_dice.
        patients: A table, separated by commas, semicolons or tabs, of cases and their patients, over which
            intervals are computed; None: each case is a patient of its own.
        case_column: The column of `patients` that names the cases; None: the first of the usual names.
        patient_column: The column of `patients` that names the patients; None: the first of the usual names.
        truth_names: The pattern of the names of true masks, without suffix, with `{case}` for the name of the case.
        prediction_names: The pattern of the names of predicted masks.
        table_names: The pattern of the entries in the column of cases.
        missing: The treatment of a truth without a prediction: "empty" scores it as an empty prediction, since
            leaving failures out would improve the scores; "leave-out" does not score it. Either is reported.
        progress: Whether to show a progress bar.

    Returns:
        One row per score, with "masks" as the task; the missing and the additional files, and how files were read.
        summary.json has the arguments, so that `score(**summary["arguments"])` repeats the measurement.

    Raises:
        UnetMtlError: Files, table or arguments are not usable; the message has every problem, and nothing is written.
    """
    from unet_mtl.scoring.class_mapping import check_values, map_classes
    from unet_mtl.scoring.masks import score_pairs, write_scores
    from unet_mtl.scoring.pairs import pair_masks
    from unet_mtl.scoring.patients import find_details, name_table, read_spacing

    folder = Path(prediction) / "scores" if out is None else Path(out)
    pairs = pair_masks(
        Path(truth), Path(prediction), truth_names=truth_names, prediction_names=prediction_names
    )
    require_folder(folder, "cases.csv and summary.json")
    n = len(pairs.measured(missing))
    path = None if patients is None else Path(patients)
    table = name_table(path, case_column, patient_column, table_names)
    details = find_details(pairs.cases, table, spacing, tolerance)
    indices = check_values(values)
    with case_bar("reading", n, shown=progress) as advance:
        mapping = map_classes(pairs, classes=classes, values=indices, missing=missing, on_case=advance)
    with case_bar("measuring", n, shown=progress) as advance:
        evaluation = score_pairs(
            pairs, mapping, details, tolerance=tolerance, missing=missing, on_case=advance
        )
    arguments: dict[str, Any] = {
        "truth": str(truth),
        "prediction": str(prediction),
        "classes": list(classes),
        "values": indices,
        "spacing": read_spacing(spacing),
        "tolerance": tolerance,
        "patients": None if path is None else str(path),
        "case_column": details.case_column,
        "patient_column": details.patient_column,
        "truth_names": truth_names,
        "prediction_names": prediction_names,
        "table_names": table_names,
        "missing": missing,
    }
    numbers = {
        "truth": dict(sorted(mapping.truth.items())),
        "prediction": dict(sorted(mapping.prediction.items())),
    }
    facts = {"arguments": arguments, "classes": list(mapping.classes), "numbers": numbers}
    return write_scores(folder, evaluation, facts=facts)
