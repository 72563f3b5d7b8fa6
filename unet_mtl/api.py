"""The Python API: one function per command, which only connects the parts."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.config import make_config
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, read_dataset
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.prepare.doctor.checkup import Checkup, check_dataset
from unet_mtl.progress import case_bar, say
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import MaskTask, Task

if TYPE_CHECKING:
    from unet_mtl.evaluation.summary import Evaluation
    from unet_mtl.prepare.drafting.write import Drafted
    from unet_mtl.prepare.exchange import Exported, Imported
    from unet_mtl.prepare.exchange.coco import Crowd
    from unet_mtl.prepare.exchange.shapes import Nested
    from unet_mtl.prepare.repair.repaired_copy import Repaired
    from unet_mtl.prepare.split import CaseSplit
    from unet_mtl.scoring.masks import MaskEvaluation
    from unet_mtl.scoring.pairs import Missing
    from unet_mtl.scoring.patients import AnySpacing
    from unet_mtl.studies.ablation.comparison import Ablation
    from unet_mtl.training.outline import Outline


def train(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    run: Path | str,
    *,
    resume: bool = False,
    progress: bool = True,
    **settings: Any,
) -> RunFolder:
    """Train one network on all tasks.

    Args:
        dataset: The data set, from `read_dataset`.
        tasks: The outputs of the network. The primary score of the first one selects the best checkpoint.
        run: The folder of the run: a new one or, with `resume`, that of an interrupted training.
        resume: Whether to continue after the last finished epoch; the result is that of an uninterrupted training.
        progress: Whether to show a progress bar.
        **settings: Fields of `Config` by name (`split`, `preprocess`, `augment`, `network`, `training`, `delivery`,
            `precision`, `seed`, `inputs`, `consistency`), as objects or as the mappings that config.yaml holds.

    Returns:
        The run folder.

    Raises:
        ConfigError: Settings are unknown or wrong; the message has every problem.
        UnetMtlError: Data or run folder are not usable; nothing is written then.
    """
    from unet_mtl.training.session import run_training

    config = make_config(dataset.description, tasks, **settings)
    return run_training(config, dataset, Path(run), resume=resume, progress=progress)


def evaluate(
    run: RunFolder | Path | str,
    *,
    split: str | None = None,
    data: Path | str | None = None,
    tolerance: float | None = None,
    progress: bool = True,
) -> "Evaluation":
    """Measure a run on labelled cases and write `evaluation/<split>/` into it.

    Args:
        run: A trained run.
        split: "train", "val" or "test", as saved with the run (default: "test"); "all" for every case.
        data: Folder of another data set with dataset.yaml; the default split is "all" then.
        tolerance: Accepted distance of an outline for the score surface_dice of all masks, in mm, or in pixels for
            cases without a spacing; None for the setting in the run's config.
        progress: Whether to show a progress bar.

    Returns:
        The evaluation: one row for each task and score, with its interval, n, and the numbers of undefined, missed and
        hallucinated cases.

    Raises:
        RunError: `run` is not a trained run.
        DataError: The data are unreadable, missing, or changed since the training.
    """
    from unet_mtl.evaluation.evaluator import evaluate_cases, with_tolerance
    from unet_mtl.evaluation.files import write_evaluation
    from unet_mtl.evaluation.source import cases_to_measure
    from unet_mtl.inference.predictor import Predictor

    run = RunFolder.open(run)
    name, dataset = cases_to_measure(run, split, data)
    predictor = Predictor.load(run)
    if tolerance is not None:
        predictor.tasks = with_tolerance(predictor.tasks, tolerance)
    with case_bar("evaluating", len(dataset), shown=progress) as advance:
        evaluation = evaluate_cases(predictor, dataset, on_case=advance)
    facts: dict[str, Any] = {"run": str(run.path), "split": name, "data": str(dataset.description.root)}
    facts["tolerance"] = {task.name: task.tolerance for task in predictor.tasks if isinstance(task, MaskTask)}
    return write_evaluation(run.evaluation(name), evaluation, predictor, dataset, facts=facts)


def ablate(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    folder: Path | str,
    *,
    seeds: int = 3,
    resume: bool = False,
    progress: bool = True,
    **settings: Any,
) -> "Ablation":
    """Measure the benefit of joint learning: train one network on all tasks and one on each alone, and compare.

    Splits, inputs, augmentation, settings of the network and optimizer steps are the same: a network of one task sees
    the same train cases, including those without its label, and early stopping is off. All networks are measured on
    the test split.

    Args:
        dataset: The data set, from `read_dataset`.
        tasks: Two tasks or more.
        folder: The folder for the runs (`together_seed7`, `<task>_seed7`, ...), ablation.csv and ablation.json.
        seeds: The number of trainings of each network, with seeds that count up from `seed`.
        resume: Whether to continue an interrupted ablation; finished runs are not trained again.
        progress: Whether to show the name of the current training, and progress bars.
        **settings: Fields of `Config` by name, as for `train`.

    Returns:
        One row per task, with the paired difference of its score over cases and a verdict; and one row of the cost.

    Raises:
        UnetMtlError: Data, settings or folder are not usable, or the runs in it have other settings or data.
    """
    from unet_mtl.studies.ablation.comparison import Ablation, compare_networks
    from unet_mtl.studies.ablation.plans import finish_run, plan_runs, require_folder, require_test_cases
    from unet_mtl.studies.ablation.report import describe, require_same_splits, usual_seconds, write_ablation

    folder = Path(folder)
    config = make_config(dataset.description, tasks, **settings)
    planned = plan_runs(config, seeds)
    require_folder(folder, resume=resume)
    require_test_cases(config, dataset)
    runs = {}
    for number, plan in enumerate(planned, start=1):
        say(f"{plan.name} ({number} of {len(planned)})", shown=progress)
        runs[plan.network, plan.config.seed] = finish_run(
            plan, dataset, folder, resume=resume, progress=progress
        )
    splits = require_same_splits(list(runs.values()))
    measured = {key: evaluate(run, split="test", progress=progress) for key, run in runs.items()}
    seconds = {key: usual_seconds(run.read_history()) for key, run in runs.items()}
    adapted = runs[planned[0].network, config.seed].read_tasks()
    ablation = Ablation(
        compare_networks(adapted, measured, seconds),
        describe(config, planned, splits, folder),
        f"together against alone: {next(iter(measured.values())).title}",
    )
    return write_ablation(folder, ablation, planned, seconds, config)


def score(
    truth: Path | str,
    prediction: Path | str,
    out: Path | str | None = None,
    *,
    classes: Sequence[str] = (),
    values: Mapping[int, int] | None = None,
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
        patients: A table, separated by commas, semicolons or tabs, of cases and their patients, which bootstrap
            intervals resample; None: each case is a patient of its own.
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
    from unet_mtl.scoring.masks import require_folder, score_pairs, write_scores
    from unet_mtl.scoring.pairs import pair_masks
    from unet_mtl.scoring.patients import find_details, name_table, read_spacing

    folder = Path(prediction) / "scores" if out is None else Path(out)
    pairs = pair_masks(
        Path(truth), Path(prediction), truth_names=truth_names, prediction_names=prediction_names
    )
    require_folder(folder)
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


def predict(
    run: RunFolder | Path | str,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    table: Path | str | None = None,
    case_column: str | None = None,
    spacing_mm: float | tuple[float, float] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Predict new cases: masks at the original size, and a table.

    Args:
        run: A trained run.
        paths: Images, or folders of images; empty for a run that reads no images.
        out: Folder for `<task>/<image>.png` and predictions.csv.
        table: Table with the columns that the run reads, one row for each image (or case). An empty cell is an unknown
            value; all values of an image without a row are unknown. For a run with rules about diameters also the pixel
            spacing, in the columns that the run's data set has for it. None if no column is known.
        case_column: Column of the table that names the images without their suffix; None for its name in the training.
        spacing_mm: Millimetres between pixels, one number or (row, column), for rules about diameters; used for images
            without a spacing in the table or in their header.
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
    from unet_mtl.inference.columns import read_columns, require_sources
    from unet_mtl.inference.files import find_images, write_predictions
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.inference.spacing import find_spacings, has_spacing_columns

    run = RunFolder.open(run)
    inputs, rules, description = run.read_inputs(), run.read_consistency(), run.read_description()
    may_space = has_spacing_columns(rules, description)
    require_sources(inputs, n_paths=len(paths), table=table is not None, spacing=may_space)
    images = find_images(paths)
    columns = None
    if table is not None and inputs.tables:
        columns = read_columns(Path(table), description, inputs, case_column)
    spacings = find_spacings(
        rules, spacing_mm, table if may_space else None, description, case_column, required=not inputs.tables
    )
    predictor = Predictor.load(run)
    n = len(images) if inputs.image else len(columns or {})
    with case_bar("predicting", n, shown=progress) as advance:
        return write_predictions(
            predictor, images, Path(out), columns=columns, spacings=spacings, on_case=advance
        )


def overlay(
    run: RunFolder | Path | str,
    paths: Sequence[Path | str],
    out: Path | str,
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    progress: bool = True,
) -> list[Path]:
    """Draw the predicted contours on images, and the true ones where a mask is known.

    A picture whose answers contradict a consistency rule names the contradiction and has a red frame.

    Args:
        run: A trained run.
        paths: Images, or folders of images. The truth is read from the dataset.yaml in a folder above an image.
        out: Folder for the pictures.
        spacing_mm: Millimetres between pixels, one number or (row, column), for rules about diameters; used for images
            without a spacing in their data set or header.
        progress: Whether to show a progress bar.

    Returns:
        Paths of the pictures.

    Raises:
        RunError: `run` is not a trained run.
        ConfigError: `spacing_mm` is not a spacing, or the run does not use one.
        DataError: A path has no image, or an image is unreadable.
        WriteError: The system refused to write a file.
    """
    from unet_mtl.inference.files import find_images
    from unet_mtl.inference.overlays import write_overlays
    from unet_mtl.inference.predictor import Predictor
    from unet_mtl.inference.spacing import find_spacings

    images = find_images(paths)
    predictor = Predictor.load(run)
    spacings = find_spacings(predictor.rules, spacing_mm)
    with case_bar("drawing", len(images), shown=progress) as advance:
        return write_overlays(predictor, images, Path(out), spacings=spacings, on_case=advance)


def check(
    source: Path | str | Description,
    tasks: Sequence[Task[Any, Any]] = (),
    split: SplitSettings | None = None,
    preprocess: Preprocess | None = None,
) -> Checkup:
    """Open every file of a data set and report its content and all problems, without TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: Tasks to check for labels in the train split.
        split: How cases are divided into train, val and test.
        preprocess: How images are read; only `intensity` is used, which maps numbers to black and white.

    Returns:
        Tables of the content; `problems` is empty if training may start.

    Raises:
        DataError: The table cannot be used at all.
    """
    return check_dataset(source, tasks, split or SplitSettings(), (preprocess or Preprocess()).intensity)


def init(folder: Path | str, out: Path | str | None = None, *, overwrite: bool = False) -> "Drafted":
    """Guess what the files and columns of a folder mean, and draft dataset.yaml and config.yaml.

    Args:
        folder: A folder of images and, if there are any, masks and tables.
        out: The folder for the two files, which then have `folder` as `root`; None: `folder` itself.
        overwrite: Whether existing files may be replaced.

    Returns:
        The two files, and notes: the guesses with their reasons, and what could not be determined.

    Raises:
        DataError: The folder is not usable, or one of the files exists already; nothing is written.
        WriteError: The operating system refused a write.
    """
    from unet_mtl.prepare.drafting.write import write_draft

    return write_draft(Path(folder), None if out is None else Path(out), overwrite=overwrite)


def repair(
    source: Path | str | Description,
    out: Path | str,
    tasks: Sequence[Task[Any, Any]] = (),
    split: SplitSettings | None = None,
    mend: Collection[str] = (),
    preprocess: Preprocess | None = None,
    *,
    leave_out: bool = False,
    progress: bool = True,
) -> "Repaired":
    """Write a repaired copy of a data set in our own layout, with a log of every change, without TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description; it is only read.
        out: The folder of the copy, outside the original; it must be absent or empty.
        tasks: Tasks to check for labels in the train split, before and after the repair.
        split: How cases are divided into train, val and test.
        mend: Kinds of findings that are repaired only on request: "mask-inverted", "image-inverted".
        preprocess: How images are read; only `intensity` is used.
        leave_out: Whether cases with errors that cannot be repaired are left out; otherwise nothing is written.
        progress: Whether to show a progress bar.

    Returns:
        Every change, as in repairs.csv; the findings before the repair, and those that remain.

    Raises:
        DataError: Errors cannot be repaired, all of which are in the message; or `out` or `mend` is not usable.
        WriteError: The operating system refused a write.
    """
    from unet_mtl.prepare.repair.repaired_copy import repair_dataset

    return repair_dataset(
        source,
        Path(out),
        tasks=tasks,
        split=split,
        intensity=(preprocess or Preprocess()).intensity,
        mend=mend,
        leave_out=leave_out,
        progress=progress,
    )


def import_coco(
    source: Path | str,
    out: Path | str,
    *,
    images: Path | str | None = None,
    target: str = "mask",
    nested: "Nested" = "hole",
    crowd: "Crowd" = "class",
) -> "Imported":
    """Import the annotations of a COCO file as one mask of classes, in which the background is class 0.

    Crowd regions are drawn first, then all annotations in the order of the file, later ones over earlier ones. An
    image without annotations gets an empty mask, since COCO lists the images that were annotated.

    Args:
        source: The COCO file (annotations.json). It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder that `file_name` is relative to; None for `images` beside the COCO file, or its own folder.
        target: The name of the mask.
        nested: The meaning of an outline inside another one of the same annotation: "hole", or "part", which is
            filled as pycocotools does.
        crowd: The meaning of `iscrowd` regions: "class" for their class, "ignore" for pixels that are left out of
            training and scores.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The file or an image is not usable; every problem is listed with its image or annotation id, and
            nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_coco(
        Path(source), Path(out), images=folder, target=target, nested=nested, crowd=crowd
    )


def import_label_studio(
    source: Path | str, out: Path | str, *, images: Path | str | None = None, target: str | None = None
) -> "Imported":
    """Import a JSON export of Label Studio: polygons and brush strokes, choices and numbers.

    Regions become masks, choices columns of classes, numbers columns of numbers. Of several annotations of a task,
    the latest one that is not cancelled counts. A task without annotations has no mask and no labels; in an annotated
    task, pixels outside all regions are background. Classes are in alphabetical order.

    Args:
        source: The export in the format "JSON" (not JSON-MIN). It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        images: The folder of the images; None for `images` beside the export, or its own folder.
        target: The name of one mask for all regions; None for one mask for each labelling tag, with the tag's name.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The export or an image is not usable; every problem is listed with its task and annotation id, and
            nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    folder = None if images is None else Path(images)
    return exchange.import_label_studio(Path(source), Path(out), images=folder, target=target)


def import_nnunet(source: Path | str, out: Path | str, *, target: str = "mask") -> "Imported":
    """Import a raw data set folder of nnU-Net v2 with 2-D images: imagesTr with labelsTr, and imagesTs.

    If the folder has splits_final.json, its first fold becomes train and val, and imagesTs becomes test. Otherwise,
    the column `folder` of the table contains the folder of each case. Labels in labelsTs are used if they exist.

    Args:
        source: The folder DatasetXXX_Name. It is only read.
        out: The new folder, which gets images, masks, cases.csv and dataset.yaml; it must be absent or empty.
        target: The name of the mask.

    Returns:
        The folder, the number of cases and of masks, and notes on decisions that were made.

    Raises:
        DataError: The folder is not usable: 3-D files, labels that are regions, neither one nor three channels, or a
            pixel value outside the labels; every problem is listed with its file, and nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    return exchange.import_nnunet(Path(source), Path(out), target=target)


def to_nnunet(
    dataset: Dataset,
    out: Path | str,
    *,
    target: str | None = None,
    number: int = 501,
    name: str | None = None,
) -> "Exported":
    """Write one mask of a data set as a raw data set folder of nnU-Net v2.

    Images and masks become PNG files; pixels to ignore get the highest label. If the description names a split
    column, test cases are written into imagesTs and labelsTs, and train and val into splits_final.json. Other
    columns, patients and spacings are not exported, since nnU-Net has no place for them.

    Args:
        dataset: The data set, as `read_dataset` returns it.
        out: The folder nnUNet_raw, in which DatasetXXX_Name is made.
        target: The name of the mask; None for the only one.
        number: The number XXX, 1 to 999; no data set in `out` may have it.
        name: The name after the number; None for the name of the data set or of its folder.

    Returns:
        The folder, the number of training and test cases, and notes on what was not exported.

    Raises:
        DataError: The mask, the number or a case is not usable; every problem is listed, and nothing is written.
        WriteError: The operating system refused the write.
    """
    from unet_mtl.prepare import exchange

    return exchange.to_nnunet(dataset, Path(out), target=target, number=number, name=name)


def show(dataset: Dataset, tasks: Sequence[Task[Any, Any]], **settings: Any) -> "Outline":
    """Return the parts of the network and the shapes of one batch that `train` would make of the same arguments.

    Args:
        dataset: The data set, from `read_dataset`.
        tasks: The outputs of the network.
        **settings: Fields of `Config` by name, as for `train`.

    Raises:
        UnetMtlError: Data or settings are not usable.
    """
    from unet_mtl.training.outline import make_outline
    from unet_mtl.training.session import make_session

    config = make_config(dataset.description, tasks, **settings)
    session = make_session(config, split_dataset(dataset, config.split))
    return make_outline(session.trainer.network, session.train, session.trainer.tasks, session.precision)


def show_augment(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    out: Path | str,
    *,
    cases: int = 4,
    epochs: int = 5,
    **settings: Any,
) -> Path:
    """Draw a few train cases with the augmentation that `train` would apply to them, epoch by epoch.

    Args:
        dataset: The data set, from `read_dataset`.
        tasks: The outputs of the network.
        out: The picture to write, a .png file.
        cases: The number of rows, of different classes where a task has classes.
        epochs: The number of columns beside the original.
        **settings: Fields of `Config` by name, as for `train`.

    Returns:
        The path of the picture.

    Raises:
        UnetMtlError: Data or settings are not usable, or `out` is not a .png file.
    """
    from unet_mtl.batches.augment.augment_preview import make_sheet
    from unet_mtl.plots.overlay import save_figure
    from unet_mtl.tasks import adapt_tasks

    out = Path(out)
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: expected the name of a .png file, received {out.suffix or 'no suffix'}")
    config = make_config(dataset.description, tasks, **settings)
    train = split_dataset(dataset, config.split)["train"]
    figure = make_sheet(
        train,
        adapt_tasks(config.tasks, train),
        config.preprocess,
        config.augment,
        seed=config.seed,
        cases=cases,
        epochs=epochs,
    )
    save_figure(figure, out)
    return out


def split(
    source: Path | str | Description,
    out: Path | str,
    settings: SplitSettings | None = None,
    *,
    folds: int | None = None,
    fold: int | None = None,
    train: float | None = None,
    val: float | None = None,
    test: float | None = None,
    stratify: str | Sequence[str] | None = None,
    seed: int | None = None,
    preprocess: Preprocess | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> "CaseSplit":
    """Assign cases to train, val and test, keep patients together, and save the table; without TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description.
        out: The CSV file to write; `split.table` of a config then names it.
        settings: How cases are assigned. A saved table in it is not used, since the split is made anew.
        folds: The number of folds, instead of that in `settings`, like the arguments up to `seed`.
        fold: The number of the fold that is test.
        train: The share of train. Of the three shares one may be left out.
        val: The share of val.
        test: The share of test.
        stratify: What each split gets in equal proportions: a column, `mask:TARGET`, or a list of these.
        seed: Seed of the random assignment.
        preprocess: How images are read; its `intensity` is used to find nearly identical images.
        overwrite: Whether an existing file is replaced.
        progress: Whether to show a progress bar.

    Returns:
        The split: its `table` as written, its `parts` as data sets, and its `warnings`.

    Raises:
        ConfigError: The arguments contradict each other.
        DataError: The data cannot be read, there are too few patients, or a patient is in two splits of a split
            column. Nothing is written then.
        WriteError: The file exists and `overwrite` is False, or the operating system refused to write.
    """
    from unet_mtl.prepare.split import require_free, split_cases

    require_free(Path(out), overwrite=overwrite)
    result = split_cases(
        source,
        settings,
        intensity=(preprocess or Preprocess()).intensity,
        progress=progress,
        folds=folds,
        fold=fold,
        train=train,
        val=val,
        test=test,
        stratify=stratify,
        seed=seed,
    )
    result.write(Path(out))
    return result


__all__ = [
    "ablate",
    "check",
    "evaluate",
    "import_coco",
    "import_label_studio",
    "import_nnunet",
    "init",
    "overlay",
    "predict",
    "read_dataset",
    "repair",
    "score",
    "show",
    "show_augment",
    "split",
    "to_nnunet",
    "train",
]
