"""Progress bars and lines in the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def case_bar(words: str, total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A bar over cases on stderr, taken down at the end.

    Args:
        words: What is being done.
        total: Cases.
        shown: False for none at all.

    Yields:
        To be called after each case.
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
    """Writes a line on stderr.

    Args:
        words: What is being done.
        shown: False for none.
    """
    if shown:
        Console(stderr=True).print(words, highlight=False, markup=False)
