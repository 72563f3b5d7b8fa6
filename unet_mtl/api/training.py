"""Training networks, showing what a training would be, and comparing several trainings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet_mtl.api.evaluation import evaluate
from unet_mtl.arguments import check_types
from unet_mtl.config import make_config
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import split_dataset
from unet_mtl.errors import ConfigError
from unet_mtl.progress import say
from unet_mtl.runs import FoldsFolder, RunFolder
from unet_mtl.tasks import Task, learned_tasks

if TYPE_CHECKING:
    from unet_mtl.studies.ablation.comparison import Ablation
    from unet_mtl.training.outline import Outline


@check_types
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
    from unet_mtl.training.run import run_training

    config = make_config(dataset.description, tasks, **settings)
    return run_training(config, dataset, Path(run), resume=resume, progress=progress)


@check_types
def train_folds(
    dataset: Dataset,
    tasks: Sequence[Task[Any, Any]],
    folder: Path | str,
    *,
    folds: int | None = None,
    fold_column: str | None = None,
    resume: bool = False,
    progress: bool = True,
    **settings: Any,
) -> FoldsFolder:
    """Train one network for each fold of a data set, for an evaluation of all cases with `evaluate(folder)`.

    Each fold is the test split of one run. The next fold is its val split (the first follows the last), and the others
    are train; with two folds, val is taken out of the other one, in the proportion of the shares of train and val.
    Everything that is fitted to cases, such as classes, weights of classes, means and standard deviations, is fitted to
    the train cases of each run.

    Args:
        dataset: The data set, from `read_dataset`.
        tasks: The outputs of the networks, as for `train`.
        folder: The folder for the runs `fold1`, `fold2` and so on, folds.csv and folds.json: a new one or, with
            `resume`, that of an interrupted training.
        folds: The number of folds to make, at least 2: by patient, stratified by `split.stratify` (the first column
            with classes), with the seed `split.seed`. Near-duplicates stay in one fold.
        fold_column: A column of the data set that holds whole numbers of folds, instead of `folds`. The description
            must list it.
        resume: Whether to continue an interrupted training; finished folds are not trained again.
        progress: Whether to show a progress bar for each fold.
        **settings: Fields of `Config` by name, as for `train`.

    Returns:
        The folder; its `runs` are ordinary run folders.

    Raises:
        ConfigError: Settings are wrong or contradict the folds; the message has every problem.
        UnetMtlError: Data or folder are not usable, a patient is in several folds of the column, or there are more
            folds than patients; nothing is written then.
    """
    from unet_mtl.studies.folds.training import train_all

    config = make_config(dataset.description, tasks, **settings)
    return train_all(
        config,
        dataset,
        Path(folder),
        folds=folds,
        fold_column=fold_column,
        resume=resume,
        progress=progress,
    )


@check_types
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
    return make_outline(
        session.trainer.network, session.train, session.trainer.tasks, session.precision, config.training
    )


@check_types
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
    from unet_mtl.batches.preprocess.views import Views
    from unet_mtl.plots.overlay import save_figure
    from unet_mtl.tasks import adapt_tasks

    out = Path(out)
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: expected the name of a .png file, received {out.suffix or 'no suffix'}")
    config = make_config(dataset.description, tasks, **settings)
    train = split_dataset(dataset, config.split)["train"]
    figure = make_sheet(
        train,
        learned_tasks(adapt_tasks(config.tasks, train, Views(config.preprocess))),
        config.preprocess,
        config.augment,
        seed=config.seed,
        cases=cases,
        epochs=epochs,
    )
    save_figure(figure, out)
    return out


@check_types
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
    from unet_mtl.studies.ablation.plans import finish_run, plan_runs, require_test_cases
    from unet_mtl.studies.ablation.report import describe, require_same_splits, usual_seconds, write_ablation
    from unet_mtl.studies.trainings import require_folder

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
    adapted = learned_tasks(runs[planned[0].network, config.seed].read_tasks())
    ablation = Ablation(
        compare_networks(adapted, measured, seconds),
        describe(config, planned, splits, folder),
        f"together against alone: {next(iter(measured.values())).title}",
    )
    return write_ablation(folder, ablation, planned, seconds, config)
