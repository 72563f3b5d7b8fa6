"""The progress bar of a training, with losses and scores by task and the remaining time."""

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
    """Shows one bar for the whole training and prints one line per epoch, on stderr.

    Args:
        monitor: The score that is shown in bold, `val_<task>_<score>`.
        heading: Words in front of the epoch, such as "fold 2 of 5".
    """

    def __init__(self, monitor: str, heading: str = "") -> None:
        super().__init__()
        self.monitor = monitor
        self.heading = f"{heading}, " if heading else ""
        self.console = Console(stderr=True)
        if not self.console.is_terminal:
            self.console.width = 240  # an epoch stays on one line of a log file, which is searched by line
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
        self.epoch = self.done = 0
        self.bar = self.progress.add_task("", total=None, losses="")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the bar to the start of the epoch, which is not 0 in a resumed run."""
        self.epoch, self.done = epoch, int(self.params["steps"]) * epoch
        self._update()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance the bar and show the losses."""
        losses = (f"{name} {_format(value)}" for name, value in (logs or {}).items() if name.endswith("loss"))
        self.done += 1
        self._update(losses=" ".join(losses))

    def _update(self, **fields: Any) -> None:
        total = self.model.plan.total(self.done)
        planned = "" if total is None else f"/{math.ceil(total / int(self.params['steps']))}"
        self.progress.update(
            self.bar,
            description=f"{self.heading}epoch {self.epoch + 1}{planned}",
            total=total,
            completed=self.done,
            **fields,
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the losses and validation scores of the epoch."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        scores = ", ".join(
            f"[bold]{name[4:]} {_format(value)}[/bold]"
            if name == self.monitor
            else f"{name[4:]} {_format(value)}"
            for name, value in row.items()
            if name.startswith("val_") and not name.endswith("loss")
        )
        line = f"epoch {epoch + 1}: loss {row['loss']:.3f}; validation: loss {row['val_loss']:.3f}, {scores}"
        self.console.print(line, highlight=False)


def _format(value: Any) -> str:
    """Return a number as text; NaN, which stands for no labelled case so far, as a word."""
    number = float(value)
    return "undefined" if math.isnan(number) else f"{number:.3f}"
