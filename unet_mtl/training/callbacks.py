"""Callbacks of a training: checkpoints, history, early stopping, and a clear stop when the loss is not finite."""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np
from pydantic import TypeAdapter

from unet_mtl.batches.batches import Batches
from unet_mtl.errors import RunError, TrainingError
from unet_mtl.files import writing
from unet_mtl.optimization.average import Average, applied_average
from unet_mtl.optimization.plan import Entry
from unet_mtl.runs import RunFolder, reading, require_whole_archive


@dataclass
class Progress:
    """The state of a run that a checkpoint holds beside the variables.

    Attributes:
        epochs: The number of finished epochs.
        best: The best value of the monitored score; NaN before there is one.
        best_epoch: The epoch (from 1) of the best value; 0 before there is one.
        finished: Whether the training has ended.
        history: One row per epoch.
        plan: The entries of the plan of a training that is limited by time.
        seconds: The time that counts towards its limit.
    """

    epochs: int = 0
    best: float = math.nan
    best_epoch: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)
    plan: list[Entry] = field(default_factory=list)
    seconds: float = 0.0


_PROGRESS = TypeAdapter(Progress)


class EpochSync(keras.callbacks.Callback):
    """Sets the epoch of the batches, which determines their order and augmentation."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the epoch before its first batch is requested."""
        self.batches.epoch = epoch


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops the training at the first loss that is not finite, and names the cases of its batch."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the running mean, which is not finite from the first such step on."""
        if math.isfinite(float((logs or {})["loss"])):
            return
        cases = ", ".join(record.case for record in self.batches.records_of(batch))
        raise TrainingError(
            f"the loss is {float((logs or {})['loss'])} at epoch {self.batches.epoch + 1}, step {batch + 1}; cases of "
            f"that batch: {cases}. Look at their labels, or lower training.learning_rate"
        )


class BalanceLog(keras.callbacks.Callback):
    """Adds the weights and gradient measures of the tasks to the logs, and updates the balancer once per epoch.

    Must precede logging and checkpoint callbacks.
    """

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the measures, which are means over one epoch."""
        if self.model.measures is not None:
            self.model.measures.reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Log `<task>_weight`, the factor at the end of the epoch, before the balancer changes it for the next."""
        logs = {} if logs is None else logs
        trainer = self.model
        names = [task.name for task in trainer.tasks]
        means = np.array([float(logs[f"{name}_loss"]) for name in names])
        factors = zip(names, trainer.balancer.factors(), strict=True)
        logs |= {f"{name}_weight": float(factor) for name, factor in factors}
        if trainer.measures is not None:
            logs |= trainer.measures.results()
        trainer.balancer.end_epoch(means)


class Checkpointer(keras.callbacks.Callback):
    """Saves the best network, the latest state and the history, each completely or not at all.

    Args:
        run: The folder of the run.
        network: The network to save.
        progress: The state of the run so far; it is updated after each epoch.
        monitor: The key of the logs that selects the best network.
        mode: "max" or "min".
        patience: Epochs without a better value after which training stops; None: it never stops early.
        average: Averages of the weights of `network`, which are saved in their place; None: there are none.
    """

    def __init__(
        self,
        run: RunFolder,
        network: keras.Model,
        progress: Progress,
        *,
        monitor: str,
        mode: str,
        patience: int | None,
        average: Average | None = None,
    ) -> None:
        super().__init__()
        self.run = run
        self.network = network
        self.progress = progress
        self.monitor = monitor
        self.mode = mode
        self.patience = patience
        self.average = average
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the time at which the epoch began."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the checkpoint last: without it, a resumed run repeats the epoch."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        progress = self.progress
        progress.epochs = epoch + 1
        progress.history.append({"epoch": epoch + 1, "seconds": time.monotonic() - self._began} | row)
        if self._is_better(row[self.monitor]):
            progress.best, progress.best_epoch = row[self.monitor], epoch + 1
            with applied_average(self.average):
                save_network(self.network, self.run)
        waited = progress.epochs - max(progress.best_epoch, 1)
        progress.finished |= self.patience is not None and waited >= self.patience
        self.run.write_history(progress.history)
        save_checkpoint(self.run, self.model, progress)
        self.model.stop_training = progress.finished

    def _is_better(self, value: float) -> bool:
        best = self.progress.best
        if math.isnan(best):
            # The score has been undefined so far, and the newest network is the one trained longest.
            return True
        return value > best if self.mode == "max" else value < best


def save_network(network: keras.Model, run: RunFolder) -> None:
    """Save the network in Keras' own format."""
    with writing(run.network) as temporary:
        network.save(temporary)


def _variables(trainer: keras.Model) -> list[Any]:
    # Unlike `weights`, `variables` holds the random state of dropout.
    return [
        *trainer.network.variables,
        *trainer.optimizer.variables,
        *trainer.balancer.variables,
        *trainer.average_variables,
        *(trainer.supervision.variables if trainer.supervision else ()),
    ]


def save_checkpoint(run: RunFolder, trainer: keras.Model, progress: Progress) -> None:
    """Save network, optimizer, balancer, averages and progress in one file, without pickles."""
    arrays = {f"v{i}": np.asarray(variable) for i, variable in enumerate(_variables(trainer))}
    with writing(run.checkpoint) as temporary:
        np.savez(temporary, allow_pickle=False, progress=np.asarray(json.dumps(asdict(progress))), **arrays)


def load_checkpoint(run: RunFolder, trainer: keras.Model) -> Progress:
    """Restore the trainer to its state after the last finished epoch.

    Raises:
        RunError: The checkpoint is unreadable, or belongs to another network.
    """
    variables = _variables(trainer)
    require_whole_archive(run.checkpoint)
    # NumPy does not close a file that it has opened and cannot read.
    with reading(run.checkpoint), run.checkpoint.open("rb") as stream:
        arrays = np.load(stream, allow_pickle=False)
        values = [arrays[f"v{index}"] for index in range(len(arrays.files) - 1)]
        content = json.loads(str(arrays["progress"]))
        _PROGRESS.validate_python(content)
        progress = Progress(**content)
    found = [(value.shape, value.dtype.kind) for value in values]
    if found != [(array.shape, array.dtype.kind) for array in map(np.asarray, variables)]:
        raise RunError(f"{run.checkpoint} belongs to another network than {run.config} describes")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return progress
