"""Progress bars and messages in the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def case_bar(words: str, total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show a progress bar over cases on stderr, which disappears at the end.

    Args:
        words: The name of the activity, such as "evaluating".
        total: The number of cases.
        shown: Whether there is a bar at all.

    Yields:
        A function that is to be called after each case.
    """
    columns = (
        TextColumn(words),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        bar = progress.add_task("", total=total)
        yield lambda: progress.advance(bar)


def say(words: str, *, shown: bool) -> None:
    """Print a line on stderr.

    Args:
        words: The line.
        shown: Whether it is printed at all.
    """
    if shown:
        Console(stderr=True).print(words, highlight=False, markup=False)
