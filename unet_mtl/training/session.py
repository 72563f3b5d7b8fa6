"""Everything that one training needs, from labelled cases to callbacks."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import keras
import pandas as pd

from unet_mtl.batches.augment.augment import Augment
from unet_mtl.batches.batches import Batches, ImageType
from unet_mtl.batches.cache.array_cache import Cache
from unet_mtl.batches.feed import feed
from unet_mtl.batches.order.sampling import make_strata
from unet_mtl.batches.preprocess.views import Views
from unet_mtl.config import Config, TrainingSettings
from unet_mtl.data.file_hashes import FileHashes
from unet_mtl.data.records import Dataset
from unet_mtl.data.splits import (
    SplitName,
)
from unet_mtl.device import choose_precision
from unet_mtl.errors import ConfigError, WriteError
from unet_mtl.files import write_text
from unet_mtl.network import build_network
from unet_mtl.nn.encoders import ENCODERS
from unet_mtl.nn.weights.transfer import InitialWeights, assign_weights
from unet_mtl.optimization.budget import Budget
from unet_mtl.plots.balance import plot_balance
from unet_mtl.plots.curves import plot_curves
from unet_mtl.plots.overlay import save_figure
from unet_mtl.runs import RunFolder
from unet_mtl.tasks import Task, adapt_tasks, learned_tasks
from unet_mtl.training.callbacks import (
    BalanceLog,
    Checkpointer,
    EpochSync,
    Progress,
    StopOnNonFinite,
    load_checkpoint,
)
from unet_mtl.training.inputs import make_inputs
from unet_mtl.training.labels import Labels, count_by_curve, count_labels
from unet_mtl.training.limits import FollowPlan, describe_plan
from unet_mtl.training.task_schedule import TaskSchedule
from unet_mtl.training.trainer import MultiTaskTrainer, make_trainer


@dataclass(frozen=True, kw_only=True)
class Session:
    """Everything that a training needs, made and checked before a file is written.

    Attributes:
        trainer: The compiled trainer.
        tasks: All adapted tasks, also those that the network has no output for.
        train: Batches to learn from.
        val: Batches that select the best checkpoint.
        labels: Numbers of labelled cases by task and split.
        settings: Epochs, optimizer and early stopping.
        monitor: The column of the history that selects the best checkpoint.
        mode: "max" or "min".
        precision: The precision that the network computes in.
        title: The title of the curves.
    """

    trainer: MultiTaskTrainer
    tasks: Sequence[Task[Any, Any]]
    train: Batches
    val: Batches
    labels: Labels
    settings: TrainingSettings
    monitor: str
    mode: str
    precision: str
    title: str

    def fit(
        self,
        run: RunFolder,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Train to the end, after the last finished epoch if the run has a checkpoint.

        Args:
            run: The folder of checkpoints, history and curves.
            callbacks: Further callbacks, such as a progress bar.
            clock: A function that returns seconds, for a training that is limited by time.

        Raises:
            TrainingError: The loss is not finite.
            DataError: A file has been removed or changed.
            ConfigError: An augmentation changes the size of the image.
            RunError: The checkpoint is unreadable, or belongs to another network.
            WriteError: The operating system refused a write.
            KeyboardInterrupt: The user interrupted the training, which can be resumed.
        """
        progress = load_checkpoint(run, self.trainer) if run.checkpoint.is_file() else Progress()
        checkpointer = Checkpointer(
            run,
            self.trainer.network,
            progress,
            monitor=self.monitor,
            mode=self.mode,
            patience=self.settings.patience,
            average=self.trainer.average,
        )
        follow, epochs = self._follow(progress, clock)
        # Keras writes event files with TensorFlow on every backend.
        boards = (
            [keras.callbacks.TensorBoard(str(run.tensorboard), write_graph=False)]
            if find_spec("tensorflow")
            else []
        )
        with self._drawing(run, progress), self._closing():
            if not progress.finished and progress.epochs < epochs:
                self.trainer.fit(
                    feed(self.train),
                    # Keras would shuffle the batches again, from a global state that no checkpoint holds.
                    shuffle=False,
                    validation_data=feed(self.val),
                    epochs=epochs,
                    initial_epoch=progress.epochs,
                    callbacks=[
                        EpochSync(self.train),
                        StopOnNonFinite(self.train),
                        BalanceLog(),
                        follow,
                        TaskSchedule(len(self.train)),
                        *([self.trainer.encoder_rate] if self.trainer.encoder_rate else ()),
                        checkpointer,
                        *boards,
                        *callbacks,
                    ],
                    verbose=0,
                )
                if self.settings.minutes is not None:
                    write_text(run.plan, describe_plan(progress.plan))

    def _follow(self, progress: Progress, clock: Callable[[], float]) -> tuple[FollowPlan, int]:
        """Return the callback that ends the training, and the largest number of epochs."""
        steps, plan = len(self.train), self.trainer.plan
        if self.settings.minutes is None:
            return FollowPlan(steps, progress), -(-plan.entries[-1][1] // steps)
        plan.entries[:] = [(start, total) for start, total in progress.plan]
        progress.plan = plan.entries
        budget = Budget(
            60 * self.settings.minutes,
            steps_per_epoch=steps,
            validation_steps=len(self.val),
            limit=self.settings.step_limit(steps),
            used=progress.seconds,
            clock=clock,
        )
        return FollowPlan(steps, progress, budget), sys.maxsize

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Stop the threads of the batches at the end, and raise their errors as they were."""
        try:
            yield
        except Exception:
            # TensorFlow passes on only the message of an error in a worker thread.
            if original := self.train.error or self.val.error:
                raise original from None
            raise
        finally:
            self.train.close()
            self.val.close()

    @contextmanager
    def _drawing(self, run: RunFolder, progress: Progress) -> Iterator[None]:
        """Draw the history at the end, also that of a training that failed or was interrupted."""
        try:
            yield
        except BaseException:
            # On a full disk this would fail too, and hide which file could not be written first.
            with suppress(WriteError):
                self._draw(run, progress)
            raise
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
            # Fixed weights without measured gradients would give a picture of straight lines.
            gradients = [f"{name}_gradient" for name in names if f"{name}_gradient" in history]
            varies = self.settings.balancing.name != "fixed" or history[gradients].notna().to_numpy().any()
            if len(names) > 1 and varies:
                save_figure(plot_balance(history, names, title=self.title), run.balance, dpi=100)

    @property
    def monitored(self) -> str:
        """The name of the task that `monitor` is a score of."""
        return next(
            task
            for task, scores in self.trainer.scores.items()
            if any(self.monitor == f"val_{score.name}" for score in scores)
        )


def make_session(
    config: Config,
    parts: Mapping[SplitName, Dataset],
    *,
    image_type: ImageType = "float32",
    file_hashes: FileHashes | None = None,
    weights: InitialWeights | None = None,
) -> Session:
    """Build network, trainer and batches.

    Args:
        config: All settings.
        parts: The splits train and val and, if its labels are to be counted, test.
        image_type: The type of images in batches; "uint8" requires that all images have 8 bits.
        file_hashes: Digests of the files, shared with other users of them; None: an instance per split.
        weights: The weights that the network starts from; None: random ones.

    Raises:
        ConfigError: The weights do not fit the network, `training` names a score, a class or a method that the tasks
            or the backend do not have, or the precision needs another device.
        DataError: A task has no label in train.
    """
    keras.utils.set_random_seed(config.seed)
    inputs = make_inputs(config, parts["train"])
    all_tasks = adapt_tasks(config.tasks, parts["train"], Views(config.preprocess))
    tasks = learned_tasks(all_tasks)
    precision = choose_precision(config.precision, depthwise=ENCODERS[config.network.encoder].depthwise)
    preprocess, settings = config.preprocess, config.training
    network = build_network(
        tasks,
        inputs,
        size=preprocess.size,
        channels=preprocess.channels + inputs.n_indicators,
        settings=config.network,
        precision=precision,
    )
    if weights is not None:
        assign_weights(network, weights)
    options: dict[str, Any] = {
        "inputs": inputs,
        "batch_size": settings.batch_size,
        "workers": settings.workers,
        "cache": None if config.delivery.cache == "off" else Cache(config.delivery),
        "image_type": image_type,
        "file_hashes": file_hashes,
    }
    sampling = settings.sampling
    train = Batches(
        parts["train"],
        tasks,
        preprocess,
        augment=Augment(config.augment),
        hide=True,
        shuffle=True,
        spread_labels=settings.spread_labels,
        strata=None if sampling is None else make_strata(sampling, tasks, parts["train"]),
        seed=config.seed,
        **options,
    )
    trainer = make_trainer(network, tasks, settings, steps=len(train), seed=config.seed)
    monitor, mode = _choose_monitor(trainer, settings)
    description = parts["train"].description
    return Session(
        trainer=trainer,
        tasks=all_tasks,
        train=train,
        val=Batches(parts["val"], tasks, preprocess, **options),
        labels=count_labels(tasks, parts),
        settings=settings,
        monitor=monitor,
        mode=mode,
        precision=precision,
        title=f"{description.name}{' (SYNTHETIC data)' if description.synthetic else ''}",
    )


def _choose_monitor(trainer: MultiTaskTrainer, settings: TrainingSettings) -> tuple[str, str]:
    scores = [metric.name for metrics in trainer.scores.values() for metric in metrics]
    directions = {f"{task.name}_{task.primary[0]}": task.primary[1] for task in trainer.tasks}
    monitor = settings.monitor or next(iter(directions))
    if monitor not in scores:
        raise ConfigError(f"training.monitor: no score {monitor!r}; there is {', '.join(scores)}")
    if settings.mode is None and monitor not in directions:
        raise ConfigError(
            f"training.mode: set max or min for {monitor!r}, which is not the primary score of a task"
        )
    return f"val_{monitor}", settings.mode or ("max" if directions[monitor] else "min")
