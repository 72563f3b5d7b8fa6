"""Preparation of a data set: draft its description, check, repair and split it."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet_mtl.arguments import check_types
from unet_mtl.batches.augment.presets import Step
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.description import Description, read_description
from unet_mtl.data.splits import SplitSettings
from unet_mtl.prepare.doctor.checkup import Checkup, check_dataset
from unet_mtl.tasks import Task

if TYPE_CHECKING:
    from unet_mtl.prepare.drafting.write import Drafted
    from unet_mtl.prepare.repair.repaired_copy import Repaired
    from unet_mtl.prepare.split import CaseSplit


@check_types
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


@check_types
def check(
    source: Path | str | Description,
    tasks: Sequence[Task[Any, Any]] = (),
    split: SplitSettings | None = None,
    preprocess: Preprocess | None = None,
    augment: str | Sequence[Step] = "none",
) -> Checkup:
    """Open every file of a data set and report its content and all problems, without TensorFlow.

    Args:
        source: A folder with dataset.yaml, or a description.
        tasks: Tasks to check for labels in the train split.
        split: How cases are divided into train, val and test.
        preprocess: How images are read; only `intensity`, which maps numbers to black and white, `channels` and `size`
            are used. None: any number of channels that all images have is right.
        augment: The augmentation of the training: a preset or a list of steps.

    Returns:
        Tables of the content; `problems` is empty if training may start.

    Raises:
        DataError: The table cannot be used at all.
    """
    from unet_mtl.batches.augment.zoom import find_zoomed_numbers

    description = source if isinstance(source, Description) else read_description(Path(source))
    channels = preprocess.channels if preprocess else None
    preprocess = preprocess or Preprocess()
    zoomed = find_zoomed_numbers(tasks, description.columns, augment, preprocess.size)
    return check_dataset(description, tasks, split or SplitSettings(), preprocess.intensity, channels, zoomed)


@check_types
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
        mend: Kinds of findings that are repaired only on request: "mask-inverted", "image-inverted",
            "patient-spelling".
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


@check_types
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
