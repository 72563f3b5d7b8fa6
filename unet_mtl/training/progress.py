"""The progress bar of a training: losses and scores by task, and the time left."""

import math
from typing import Any

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class ProgressBar(keras.callbacks.Callback):
    """One bar for the whole training, and one line an epoch, on stderr.

    Args:
        monitor: Shown in bold; `val_<task>_<score>`.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self.monitor = monitor
        self.console = Console(stderr=True)
        if not self.console.is_terminal:
            self.console.width = 240  # a log file is searched by the line
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=self.console,
            transient=True,
        )
        self.bar = self.progress.add_task("", total=None, losses="")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """A resumed run starts where it stood."""
        steps, epochs = int(self.params["steps"]), int(self.params["epochs"])
        self.progress.update(
            self.bar, description=f"epoch {epoch + 1}/{epochs}", total=steps * epochs, completed=steps * epoch
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """One step further."""
        losses = (f"{name} {_word(value)}" for name, value in (logs or {}).items() if name.endswith("loss"))
        self.progress.update(self.bar, advance=1, losses=" ".join(losses))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The validation scores of the epoch."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        scores = ", ".join(
            f"[bold]{name[4:]} {_word(value)}[/bold]"
            if name == self.monitor
            else f"{name[4:]} {_word(value)}"
            for name, value in row.items()
            if name.startswith("val_") and not name.endswith("loss")
        )
        line = f"epoch {epoch + 1}: loss {row['loss']:.3f}; validation: loss {row['val_loss']:.3f}, {scores}"
        self.console.print(line, highlight=False)


def _word(value: Any) -> str:
    """Without a labelled case so far there is no number."""
    number = float(value)
    return "undefined" if math.isnan(number) else f"{number:.3f}"
