"""What happens at the end of steps and epochs: checkpoints, history, early stopping, clear stops."""

import json
import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np

from unet_mtl.batches.batches import Batches
from unet_mtl.errors import RunError, TrainingError
from unet_mtl.files import writing
from unet_mtl.runs import RunFolder


@dataclass
class Progress:
    """What an interrupted run has to know, beside the variables.

    Attributes:
        epochs: Finished ones.
        best: Best value of the monitored score; NaN before the first.
        best_epoch: When that was (from 1); 0 before the first.
        finished: Whether training came to its end.
        history: One row an epoch.
    """

    epochs: int = 0
    best: float = math.nan
    best_epoch: int = 0
    finished: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


class EpochSync(keras.callbacks.Callback):
    """Tells the batches which epoch it is: order and augmentation follow from it."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before the first batch of the epoch is asked for."""
        self.batches.epoch = epoch


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops at the first loss that is not finite, and says where."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the running mean, which is not finite from the first such step on."""
        if math.isfinite(float((logs or {})["loss"])):
            return
        cases = ", ".join(record.case for record in self.batches.records_of(batch))
        raise TrainingError(
            f"the loss is {float((logs or {})['loss'])} at epoch {self.batches.epoch + 1}, step {batch + 1}; cases of "
            f"that batch: {cases}. Look at their labels, or lower training.learning_rate"
        )


class BalanceLog(keras.callbacks.Callback):
    """Writes weights and measures of the tasks into the logs, and lets the balancer learn from the epoch.

    To be called before whoever keeps logs or state.
    """

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures are means of one epoch."""
        if self.model.measures is not None:
            self.model.measures.reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """`<task>_weight` is the factor at the epoch's end, before what follows from it for the next."""
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
    """Keeps the best network, the last state and the history on disk, each whole or not at all.

    Args:
        run: Where.
        network: What is saved.
        progress: Of the run so far; updated here.
        monitor: Key of the logs to watch.
        mode: "max" or "min".
        patience: Epochs without a better value until training stops; None: never.
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
    ) -> None:
        super().__init__()
        self.run = run
        self.network = network
        self.progress = progress
        self.monitor = monitor
        self.mode = mode
        self.patience = patience
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the checkpoint last: only with it the epoch counts as done, and is not done again."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        progress = self.progress
        progress.epochs = epoch + 1
        progress.history.append({"epoch": epoch + 1, "seconds": time.monotonic() - self._began} | row)
        if self._is_better(row[self.monitor]):
            progress.best, progress.best_epoch = row[self.monitor], epoch + 1
            save_network(self.network, self.run)
        waited = progress.epochs - max(progress.best_epoch, 1)
        progress.finished = self.patience is not None and waited >= self.patience
        self.run.write_history(progress.history)
        save_checkpoint(self.run, self.model, progress)
        self.model.stop_training = progress.finished

    def _is_better(self, value: float) -> bool:
        best = self.progress.best
        if math.isnan(best):
            # Undefined on this validation set so far: the newest network is the most trained one.
            return True
        return value > best if self.mode == "max" else value < best


def save_network(network: keras.Model, run: RunFolder) -> None:
    """Writes network.keras."""
    with writing(run.network) as temporary:
        network.save(temporary)


def _variables(trainer: keras.Model) -> list[Any]:
    # `variables` holds the random state of dropout too, `weights` would not.
    return [*trainer.network.variables, *trainer.optimizer.variables, *trainer.balancer.variables]


def save_checkpoint(run: RunFolder, trainer: keras.Model, progress: Progress) -> None:
    """Writes network, optimizer, balancer and progress in one file, without pickles."""
    arrays = {f"v{i}": np.asarray(variable) for i, variable in enumerate(_variables(trainer))}
    with writing(run.checkpoint) as temporary:
        np.savez(temporary, allow_pickle=False, progress=np.asarray(json.dumps(asdict(progress))), **arrays)


def load_checkpoint(run: RunFolder, trainer: keras.Model) -> Progress:
    """Puts the trainer where it was after the last finished epoch.

    Raises:
        RunError: The checkpoint is of another network.
    """
    variables = _variables(trainer)
    with np.load(run.checkpoint, allow_pickle=False) as arrays:
        shapes = [arrays[f"v{i}"].shape for i in range(len(arrays.files) - 1)]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise RunError(f"{run.checkpoint} is of another network than {run.config} describes")
        for index, variable in enumerate(variables):
            variable.assign(arrays[f"v{index}"])
        return Progress(**json.loads(str(arrays["progress"])))
