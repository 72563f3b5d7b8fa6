"""The Python API: what each command does, as a function. Wiring only."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.cache.settings import Delivery
from unet_mtl.batches.inputs.columns import TabularInput
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.consistency import Rule
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, read_dataset
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.device import Precision
from unet_mtl.errors import ConfigError
from unet_mtl.nn.settings import NetworkSettings
from unet_mtl.prepare.doctor.checkup import Checkup, check_dataset
from unet_mtl.progress import case_bar, say
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import MaskTask, Task
from unet_mtl.training.settings import TrainingSettings

if TYPE_CHECKING:
    from unet_mtl.evaluation.summary import Evaluation
    from unet_mtl.prepare.drafting.write import Drafted
    from unet_mtl.prepare.exchange import Exported, Imported
    from unet_mtl.prepare.exchange.coco import Crowd
    from unet_mtl.prepare.exchange.shapes import Nested
    from unet_mtl.prepare.repair.repaired_copy import Repaired
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
    split: SplitSettings | Mapping[str, Any] | None = None,
    preprocess: Preprocess | Mapping[str, Any] | None = None,
    augment: str | Sequence[Step] = "light",
    network: NetworkSettings | Mapping[str, Any] | None = None,
    training: TrainingSettings | Mapping[str, Any] | None = None,
    delivery: Delivery | Mapping[str, Any] | None = None,
    precision: Precision = "auto",
    seed: int = 7,
    inputs: Mapping[str, TabularInput] | None = None,
    consistency: Sequence[Rule] = (),
    resume: bool = False,
    progress: bool = True,
) -> RunFolder:
    """Trains one network on all tasks.

    Args:
        dataset: From `read_dataset`.
        tasks: What the network is to answer; the first one's primary score picks the best checkpoint.
        run: Folder to be; with `resume`, one that an interrupted training left.
        split: How cases are dealt out.
        preprocess: Fixed steps before the network. This and other settings may be mappings, as in a config.
        augment: Name of a preset, or a list of `{albumentations name: arguments}`.
        network: Of the U-Net.
        training: How long and how fast.
        delivery: Where decoded images are kept between epochs; changes no result.
        precision: "auto" takes bfloat16 where this machine is fast at it.
        seed: The same seed gives the same run on one machine.
        inputs: Columns of the table that the network reads beside the image, or without one, by a name for each group.
        consistency: What the answers for one case must not contradict; counted by `evaluate`, named by `predict`, and
            without any influence on the training.
        resume: Goes on after the last finished epoch, to the same end as without the interruption.
        progress: Whether to show a progress bar.

    Returns:
        The run folder.

    Raises:
        UnetMtlError: Data, settings or run folder are not usable; nothing is written then.
    """
    from unet_mtl.training.plan import Plan
    from unet_mtl.training.session import run_plan

    plan = Plan.of(
        tasks,
        split=split,
        preprocess=preprocess,
        augment=augment,
        network=network,
        training=training,
        delivery=delivery,
        precision=precision,
        seed=seed,
        inputs=inputs,
        consistency=consistency,
    )
    return run_plan(plan, dataset, Path(run), resume=resume, progress=progress)


def evaluate(
    run: RunFolder | Path | str,
    *,
    split: str | None = None,
    data: Path | str | None = None,
    tolerance: float | None = None,
    progress: bool = True,
) -> "Evaluation":
    """Measures a run on labelled cases and writes `evaluation/<split>/` into it.

    Args:
        run: A trained run.
        split: train, val or test, as saved with the run (default: test); "all" for every case.
        data: Folder of another data set with dataset.yaml; then the default split is "all".
        tolerance: What an outline may be off, in mm (without a spacing: pixels), for the score surface_dice of all
            masks; None: as the run's config says.
        progress: Whether to show a progress bar.

    Returns:
        One row a task and score, with its interval, n, and what was undefined, missed or hallucinated.

    Raises:
        RunError: Not a trained run.
        DataError: The data are unreadable, gone, or changed since the training.
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
    **arguments: Any,
) -> "Ablation":
    """Did it help to learn the tasks together? Trains one network on all of them, and one on each alone.

    Splits, inputs, augmentation, settings of the network and optimizer steps are the same: a network of one task sees
    the same train cases, those without its label too, and nobody stops early. All are measured on the test split.

    Args:
        dataset: From `read_dataset`.
        tasks: Two or more.
        folder: Of the runs (`together_seed7`, `<task>_seed7`, ...), ablation.csv and ablation.json.
        seeds: How many trainings of each network; they count up from `seed`.
        resume: Goes on with what an interrupted ablation left; finished runs are not trained again.
        progress: Whether to show what is being trained, and progress bars.
        **arguments: As for `train`.

    Returns:
        One row a task, with the paired difference of its score case by case and a verdict; and one of the cost.

    Raises:
        UnetMtlError: Data, settings or folder are not usable, or the runs in it are of others.
    """
    from unet_mtl.studies.ablation.comparison import Ablation, compare_networks
    from unet_mtl.studies.ablation.plans import finish_run, plan_runs, require_folder, require_test_cases
    from unet_mtl.studies.ablation.report import describe, require_same_splits, usual_seconds, write_ablation
    from unet_mtl.training.plan import Plan

    folder = Path(folder)
    plan = Plan.of(tasks, **arguments)
    planned = plan_runs(plan, seeds)
    require_folder(folder, resume=resume)
    require_test_cases(plan, dataset)
    runs = {}
    for number, one in enumerate(planned, start=1):
        say(f"{one.name} ({number} of {len(planned)})", shown=progress)
        runs[one.network, one.plan.seed] = finish_run(one, dataset, folder, resume=resume, progress=progress)
    splits = require_same_splits(list(runs.values()))
    measured = {key: evaluate(run, split="test", progress=progress) for key, run in runs.items()}
    seconds = {key: usual_seconds(run.read_history()) for key, run in runs.items()}
    adapted = runs[planned[0].network, plan.seed].read_tasks()
    ablation = Ablation(
        compare_networks(adapted, measured, seconds),
        describe(plan, planned, splits, folder),
        f"together against alone: {next(iter(measured.values())).title}",
    )
    return write_ablation(folder, ablation, planned, seconds, plan.to_config(dataset))


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
    """Scores masks that any program has written against the true masks, paired by file name; without TensorFlow.

    Args:
        truth: Folder of the true masks.
        prediction: Folder of the masks to score. Masks in folders below are ignored.
        out: Folder for cases.csv and summary.json; None for `scores` in the folder of predictions.
        classes: Class names by index, the background first; empty to name the classes after the pixel values found.
        values: Pixel value in the files of both folders -> class index, or 255 for unlabelled pixels. None: pixel
            values are class indices, and 255 in a true mask is unlabelled; but in a folder that has no values but 0
            and 255, 255 is the foreground.
        spacing: The distance of pixel centres in mm, one number or `(row, column)` in any sequence; or the column of
            the table that has it, or two columns "row,column". None: distances are in pixels and named `_px`.
        tolerance: The tolerance of outlines in mm or, without a spacing, in pixels; adds the score surface_dice.
        patients: Table of cases and their patients, over which intervals are bootstrapped; its cells are separated by
            commas, semicolons or tabs. None: each case is its own patient.
        case_column: The column of cases in the table; None for the first usual name.
        patient_column: The column of patients in the table; None for the first usual name.
        truth_names: The pattern of the names of true masks without suffix, with `{case}` for the case name.
        prediction_names: The pattern of the names of predicted masks.
        table_names: The pattern of the names in the column of cases.
        missing: "empty": a true mask without a prediction counts as an empty prediction, since leaving out failures
            would improve the scores. "leave-out": it is not measured. Both are reported.
        progress: Whether to show a progress bar.

    Returns:
        One row for each score of the task "masks"; the missing and extra cases, and remarks on how the files were
        read. summary.json contains the arguments: `score(**summary["arguments"])` repeats the measurement.

    Raises:
        UnetMtlError: Files, table or arguments are not usable; every problem is listed, and nothing is written.
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
    """Answers for new cases: masks at the original size, and a table.

    Args:
        run: A trained run.
        paths: Images, or folders of images; none for a run that reads none.
        out: Folder for `<task>/<image>.png` and predictions.csv.
        table: For a run that reads columns, the table that has them, a row an image (or case). An empty cell is an
            unknown value; an image without a row has no known one. None: nothing is known of any. For a run with
            rules about diameters also the pixel spacing, in the columns that its data set has for it.
        case_column: Of the table, which names the images without their suffix; None: called as in training.
        spacing_mm: For rules about diameters, millimetres between pixels, one number or (row, column), of images that
            neither the table nor their own headers know it of.
        progress: Whether to show a progress bar.

    Returns:
        predictions.csv: one row an image (or case); `error` says why one has no answers, `unknown_columns` which
        columns that the run reads were unknown, or far from what it has seen in training, `contradictions` what rules
        of consistency found, and `not_checked` which of these could not be checked and why.

    Raises:
        RunError: Not a trained run.
        ConfigError: A spacing that is none, or of no use to the run.
        DataError: No image at one of the paths, a table that cannot be used, or none for a run that has not
            learned to do without.
        WriteError: The disk refused.
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
    """Pictures of images with predicted contours, and with the true ones where a mask is known.

    A picture whose answers contradict a rule of consistency says so and has a red frame.

    Args:
        run: A trained run.
        paths: Images, or folders of images. Truth comes from the dataset.yaml in a folder above an image.
        out: Folder for the pictures.
        spacing_mm: As of `predict`; the spacing that a data set knows comes first.
        progress: Whether to show a progress bar.

    Returns:
        Paths of the pictures.

    Raises:
        RunError: Not a trained run.
        ConfigError: A spacing that is none, or of no use to the run.
        DataError: No image at one of the paths, or one of them is unreadable.
        WriteError: The disk refused.
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
    """Opens every file and says what is in a data set and all that is wrong, without TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: Looked at too: does each have a label in train?
        split: How cases are dealt out.
        preprocess: How images are read; its `intensity` says which numbers are black and white.

    Returns:
        Tables of what was found; its `problems` are empty if training may start.

    Raises:
        DataError: The table cannot be used at all.
    """
    return check_dataset(source, tasks, split or SplitSettings(), (preprocess or Preprocess()).intensity)


def init(folder: Path | str, out: Path | str | None = None, *, overwrite: bool = False) -> "Drafted":
    """Looks at a folder, guesses what its files and columns mean, and drafts dataset.yaml and config.yaml.

    Args:
        folder: With images, and whatever else: masks, tables.
        out: Folder for the two files, which then name `folder` as `root`; None: into `folder`.
        overwrite: Whether files that are there may be replaced.

    Returns:
        The two files, and notes: what was guessed and why, and what could not be told.

    Raises:
        DataError: The folder is not usable, or a file is there already; nothing is written.
        WriteError: The system refused.
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
    """Writes a repaired copy of a data set in the layout of this package, with a log of every change.

    It does not need TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description. It is only read.
        out: The new folder, outside the original; it must be absent or empty.
        tasks: The tasks that the original and the copy are checked for, as with `check`.
        split: The split that the original and the copy are checked for.
        mend: Kinds of findings that are repaired only on request: "mask-inverted", "image-inverted".
        preprocess: The reading of images, as with `check`.
        leave_out: Whether to leave out cases with errors that cannot be repaired. If False, such errors are raised.
        progress: Whether to show a progress bar.

    Returns:
        Every change, as in repairs.csv, the checkup of the original, and the findings that are left in the copy.

    Raises:
        DataError: Errors cannot be repaired, or `out` or `mend` is not usable; every problem is listed, and nothing
            is written.
        WriteError: The operating system refused the write.
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
    """Imports the annotations of a COCO file as one mask of classes, in which the background is class 0.

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
    """Imports a JSON export of Label Studio: polygons and brush strokes, choices and numbers.

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
    """Imports a raw data set folder of nnU-Net v2 with 2-D images: imagesTr with labelsTr, and imagesTs.

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
    """Writes one mask of a data set as a raw data set folder of nnU-Net v2.

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


def show(dataset: Dataset, tasks: Sequence[Task[Any, Any]], **arguments: Any) -> "Outline":
    """What `train` would make of the same arguments: parts of the network, and the shapes of one batch.

    Args:
        dataset: From `read_dataset`.
        tasks: What the network is to answer.
        **arguments: As for `train`.

    Raises:
        UnetMtlError: Data or settings are not usable.
    """
    from unet_mtl.training.outline import make_outline
    from unet_mtl.training.plan import Plan
    from unet_mtl.training.session import make_session

    plan = Plan.of(tasks, **arguments)
    session = make_session(plan, split_dataset(dataset, plan.split))
    return make_outline(session.trainer.network, session.train, session.trainer.tasks, session.precision)


def show_augment(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    out: Path | str,
    *,
    cases: int = 4,
    epochs: int = 5,
    **arguments: Any,
) -> Path:
    """Draws a few train cases as `train` with the same arguments would show them to the network, epoch by epoch.

    Args:
        dataset: From `read_dataset`.
        tasks: What the network is to answer.
        out: The picture to be, a .png.
        cases: Rows, of different classes where a task has some.
        epochs: Columns beside the original.
        **arguments: As for `train`.

    Returns:
        `out`.

    Raises:
        UnetMtlError: Data or settings are not usable, or `out` is no .png.
    """
    from unet_mtl.batches.augment.augment_preview import make_sheet
    from unet_mtl.plots.overlay import save_figure
    from unet_mtl.tasks import adapt_tasks
    from unet_mtl.training.plan import Plan

    out = Path(out)
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: the picture is a .png; received {out.suffix or 'no suffix'}")
    plan = Plan.of(tasks, **arguments)
    train = split_dataset(dataset, plan.split)["train"]
    figure = make_sheet(
        train,
        adapt_tasks(plan.tasks, train),
        plan.preprocess,
        plan.augment,
        seed=plan.seed,
        cases=cases,
        epochs=epochs,
    )
    save_figure(figure, out)
    return out


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
    "to_nnunet",
    "train",
]
