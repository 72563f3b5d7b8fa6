"""The training of one network for each fold, which can be interrupted and continued."""

from pathlib import Path

from unet_mtl.config import Config
from unet_mtl.data.records import Dataset
from unet_mtl.progress import say
from unet_mtl.runs import FoldsFolder
from unet_mtl.studies.folds.plans import choose_folds, find_absent_classes, plan_folds
from unet_mtl.studies.trainings import finish_run, require_folder
from unet_mtl.training.run import find_linked_cases, inspect_files
from unet_mtl.wording import escape_controls


def train_all(
    config: Config,
    dataset: Dataset,
    path: Path,
    *,
    folds: int | None,
    fold_column: str | None,
    resume: bool,
    progress: bool,
) -> FoldsFolder:
    """Check everything for all folds, then write the folder, then train one fold after another.

    Args:
        config: All settings.
        dataset: The data set that `config.data` describes.
        path: The folder of all runs.
        folds: The number of folds to make; None with a column.
        fold_column: The column that holds the numbers of the folds; None if they are made here.
        resume: Whether to continue an interrupted training; finished folds are kept.
        progress: Whether to show progress.

    Raises:
        UnetMtlError: The conditions are those of `api.train_folds`.
    """
    config = choose_folds(config, folds, fold_column)
    folder = FoldsFolder(path)
    require_folder(path, resume=resume)
    if resume:
        FoldsFolder.open(folder, trained=False)
    inspection = inspect_files(dataset, config)
    linked = find_linked_cases(dataset, config, inspection)
    table, planned = plan_folds(config, dataset, linked)
    for line in find_absent_classes(planned, [name for task in config.tasks for name in task.target_names]):
        say(escape_controls(f"WARNING: {line}"), shown=progress)
    data_hash = dataset.fingerprint()
    if resume:
        folder.require_same(table, config=config.to_config(), data_hash=data_hash)
    else:
        folder.create(table, config=config.to_config(), data_hash=data_hash)
    with folder.training():
        for position, plan in enumerate(planned, start=1):
            run = finish_run(
                plan.config,
                dataset,
                folder.run(plan.number).path,
                is_finished=folder.is_finished,
                resume=resume,
                progress=progress,
                heading=_heading(plan.number, position, len(planned)),
                inspection=inspection,
            )
            folder.mark_finished(run)
    return folder


def _heading(number: int, position: int, n_folds: int) -> str:
    """Return the words in front of the progress bar; folds of a column may begin at 0."""
    named = "" if number == position else f" ({number})"
    return f"fold {position} of {n_folds}{named}"
