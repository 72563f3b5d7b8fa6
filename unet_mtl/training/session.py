"""One training from labelled cases to a run folder, and its continuation."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.augment.augment_config import check_steps
from unet_mtl.batches.batches import Batches, ImageType
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.feed import feed
from unet_mtl.batches.order.sampling import make_strata
from unet_mtl.consistency import require_rules
from unet_mtl.data.duplicates import find_duplicates
from unet_mtl.data.inspection import Inspection, inspect_dataset
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import (
    CaseGroups,
    SplitName,
    keeps_duplicates_together,
    split_dataset,
    split_table,
)
from unet_mtl.device import choose_precision
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.network import build_network
from unet_mtl.plots.balance import plot_balance
from unet_mtl.plots.curves import plot_curves
from unet_mtl.plots.overlay import save_figure
from unet_mtl.runs import RunFolder, describe_environment, git_commit
from unet_mtl.tasks import adapt_tasks
from unet_mtl.training.callbacks import (
    BalanceLog,
    Checkpointer,
    EpochSync,
    Progress,
    StopOnNonFinite,
    load_checkpoint,
)
from unet_mtl.training.labels import Labels, count_by_curve, count_labels, describe_labels
from unet_mtl.training.plan import Plan, make_inputs
from unet_mtl.training.progress import ProgressBar
from unet_mtl.training.settings import TrainingSettings
from unet_mtl.training.trainer import MultiTaskTrainer, make_trainer


def run_plan(plan: Plan, dataset: Dataset, path: Path, *, resume: bool, progress: bool) -> RunFolder:
    """Checks everything, then writes the run folder, then trains.

    Raises:
        UnetMtlError: As `api.train` says.
    """
    config = plan.to_config(dataset)
    require_rules(plan.consistency, plan.tasks, dataset.description)
    run = RunFolder(path)
    if resume:
        # Delivery changes no number, and a run may go on where there is less memory.
        run.require_settings({key: value for key, value in config.items() if key != "delivery"})
    else:
        run.require_free()
    inspection = _inspect(dataset, plan)
    parts = split_dataset(dataset, plan.split, _linked(dataset, plan, inspection))
    eight_bits = all(kind.startswith("8-bit") for kind in inspection.types)
    session = make_session(plan, parts, image_type="uint8" if eight_bits else "float32")
    facts = {"seed": plan.seed, "precision": session.precision, "data_hash": dataset.fingerprint()}
    if resume:
        run.require_facts(facts)
    else:
        run.create(
            config=config,
            tasks=session.trainer.tasks,
            inputs=session.train.inputs,
            preprocess=plan.preprocess,
            splits=split_table(parts),
            environment=describe_environment(
                **facts, data_commit=git_commit(dataset.description.root), labels=session.labels
            ),
        )
    with _progress_bar(session, shown=progress) as callbacks:
        session.fit(run, callbacks=callbacks)
    return run


def _inspect(dataset: Dataset, plan: Plan) -> Inspection:
    """Opens every file once, before anything is written: what cannot be read is an error."""
    inspection = inspect_dataset(dataset, intensity=plan.preprocess.intensity)
    if inspection.problems:
        raise DataError(inspection.problems)
    return inspection


def _linked(dataset: Dataset, plan: Plan, inspection: Inspection) -> CaseGroups:
    if not keeps_duplicates_together(dataset, plan.split):
        return []
    return [group.cases for group in find_duplicates(inspection.fingerprints)]


@contextmanager
def _progress_bar(session: "Session", *, shown: bool) -> Iterator[list[keras.callbacks.Callback]]:
    if not shown:
        yield []
        return
    bar = ProgressBar(session.monitor)
    cases = f"{len(session.train.dataset)} train, {len(session.val.dataset)} validation cases"
    bar.console.print(
        f"{cases}; computing in {session.precision}; monitoring {session.monitor} ({session.mode})"
    )
    for line in describe_labels(session.labels, session.monitored):
        bar.console.print(line, highlight=False, markup=False)
    with bar.progress:
        yield [bar]


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything that a training needs, made and checked before a file is written.

    Attributes:
        trainer: Compiled.
        train: Batches to learn from.
        val: Batches that pick the best checkpoint.
        labels: Labelled cases by task and split.
        settings: How long and how fast.
        monitor: Column of the history that picks the best checkpoint.
        mode: "max" or "min".
        precision: What it computes in.
        title: Of the curves.
    """

    trainer: MultiTaskTrainer
    train: Batches
    val: Batches
    labels: Labels
    settings: TrainingSettings
    monitor: str
    mode: str
    precision: str
    title: str

    def fit(self, run: RunFolder, *, callbacks: Sequence[keras.callbacks.Callback] = ()) -> None:
        """Trains to the end, from the last finished epoch where the run has a checkpoint.

        Args:
            run: Where checkpoints, history and curves go.
            callbacks: More of them: a progress bar, say.

        Raises:
            TrainingError: The loss is not finite.
            DataError: A file is not there any more.
            ConfigError: An augmentation changes the size of the image.
            WriteError: The disk refused.
            KeyboardInterrupt: Handed on; the run can be continued.
        """
        progress = load_checkpoint(run, self.trainer) if run.checkpoint.is_file() else Progress()
        keeper = Checkpointer(
            run,
            self.trainer.network,
            progress,
            monitor=self.monitor,
            mode=self.mode,
            patience=self.settings.patience,
        )
        # Keras writes event files with TensorFlow, whatever the backend.
        boards = (
            [keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False)]
            if find_spec("tensorflow")
            else []
        )
        try:
            if not progress.finished and progress.epochs < self.settings.epochs:
                self.trainer.fit(
                    feed(self.train),
                    # Keras would shuffle whole batches again, by a global state that no checkpoint holds.
                    shuffle=False,
                    validation_data=feed(self.val),
                    epochs=self.settings.epochs,
                    initial_epoch=progress.epochs,
                    callbacks=[
                        EpochSync(self.train),
                        StopOnNonFinite(self.train),
                        BalanceLog(),
                        keeper,
                        *boards,
                        *callbacks,
                    ],
                    verbose=0,
                )
        except Exception:
            if own := self.train.error or self.val.error:
                raise own from None
            raise
        finally:
            self.train.close()
            self.val.close()
            self._draw(run, progress)

    def _draw(self, run: RunFolder, progress: Progress) -> None:
        if progress.history:
            history = pd.DataFrame(progress.history)
            names = [task.name for task in self.trainer.tasks]
            figure = plot_curves(
                history,
                best_epoch=progress.best_epoch,
                monitor=self.monitor,
                counts=count_by_curve(
                    self.labels, self.trainer.scores, self.trainer.tasks, self.train.dataset, self.val.dataset
                ),
                unjudged=[name for name, counts in self.labels.items() if not counts["val"]],
                title=self.title,
                tasks=names,
            )
            save_figure(figure, run.curves, dpi=100)
            # Weights that stay as the user set them are no picture.
            measured = [f"{name}_gradient" for name in names if f"{name}_gradient" in history]
            seen = self.settings.balancing.name != "fixed" or history[measured].notna().to_numpy().any()
            if len(names) > 1 and seen:
                save_figure(plot_balance(history, names, title=self.title), run.balance, dpi=100)

    @property
    def monitored(self) -> str:
        """Name of the task whose score is `monitor`."""
        scores = self.trainer.scores.items()
        return next(task for task, own in scores if any(self.monitor == f"val_{score.name}" for score in own))


def make_session(
    plan: Plan, parts: Mapping[SplitName, Dataset], *, image_type: ImageType = "float32"
) -> Session:
    """Builds network, trainer and batches.

    Args:
        plan: What was set.
        parts: train, val and, where its labels are to be counted, test.
        image_type: Of the batches; "uint8" where all images are known to be of 8 bits.

    Raises:
        ConfigError: The size does not suit the network, a step of `augment` is wrong, or `monitor`, `sampling` or
            `balancing` asks for what is not there.
        DataError: A task has no label in train.
    """
    keras.utils.set_random_seed(plan.seed)
    inputs = make_inputs(plan, parts["train"])
    tasks = adapt_tasks(plan.tasks, parts["train"])
    precision = choose_precision(plan.precision)
    size, channels = plan.preprocess.size, plan.preprocess.channels
    if not isinstance(plan.augment, str):
        check_steps(plan.augment, size, channels)
    network = build_network(
        tasks, inputs, size=size, channels=channels, settings=plan.network, precision=precision
    )
    options: dict[str, Any] = {
        "inputs": inputs,
        "batch_size": plan.training.batch_size,
        "workers": plan.training.workers,
        "cache": None if plan.delivery.cache == "off" else Cache(plan.delivery),
        "image_type": image_type,
    }
    sampling = plan.training.sampling
    train = Batches(
        parts["train"],
        tasks,
        plan.preprocess,
        augment=Augment(plan.augment),
        hide=True,
        shuffle=True,
        spread_labels=plan.training.spread_labels,
        strata=None if sampling is None else make_strata(sampling, tasks, parts["train"]),
        seed=plan.seed,
        **options,
    )
    trainer = make_trainer(network, tasks, plan.training, steps=len(train), seed=plan.seed)
    monitor, mode = _choose_monitor(trainer, plan.training)
    description = parts["train"].description
    return Session(
        trainer=trainer,
        train=train,
        val=Batches(parts["val"], tasks, plan.preprocess, **options),
        labels=count_labels(tasks, parts),
        settings=plan.training,
        monitor=monitor,
        mode=mode,
        precision=precision,
        title=f"{description.name}{' (SYNTHETIC data)' if description.synthetic else ''}",
    )


def _choose_monitor(trainer: MultiTaskTrainer, settings: TrainingSettings) -> tuple[str, str]:
    scores = [metric.name for metrics in trainer.scores.values() for metric in metrics]
    directions = {f"{task.name}_{task.primary[0]}": task.primary[1] for task in trainer.tasks}
    wanted = settings.monitor or next(iter(directions))
    if wanted not in scores:
        raise ConfigError(f"training.monitor: no score {wanted!r}; there is {', '.join(scores)}")
    if settings.mode is None and wanted not in directions:
        raise ConfigError(f"training.mode: say max or min for {wanted!r}, which is no task's primary score")
    return f"val_{wanted}", settings.mode or ("max" if directions[wanted] else "min")
