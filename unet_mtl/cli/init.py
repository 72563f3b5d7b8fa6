"""The command `unet-mtl init`."""

import io
import shutil
import textwrap
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_mtl.wording import escape_controls

if TYPE_CHECKING:
    from unet_mtl.prepare.drafting.notes import Notes

_REST = 6
"""Lines of the report beside guesses and questions, and the prompt after it."""


def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Folder with images, or with a table.", show_default=False),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write the files to DIR instead of FOLDER.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing dataset.yaml and config.yaml.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Print the whole report, even if it is longer than the screen.")
    ] = False,
) -> None:
    """Draft dataset.yaml and config.yaml from the files, names and tables in a folder."""
    from unet_mtl import api

    drafted = api.init(folder, out, overwrite=overwrite)
    screen = shutil.get_terminal_size((80, 50))
    _print_report(drafted.notes, min(screen.columns, 120), None if full else screen.lines - _REST)
    description, config = drafted.files
    typer.echo(f"\nwrote {description} and {config}")
    typer.echo(f"check and correct both, then run: unet-mtl check {config}")


def _first(rows: Sequence[Mapping[str, str]], n: int) -> list[Mapping[str, str]]:
    """Return the `n` most important rows in their order: masks and tasks, then others, then single columns."""
    ranks = {"masks": 0, "tasks": 0, "columns": 2}
    by_rank = sorted(range(len(rows)), key=lambda i: ranks.get(rows[i]["what"].partition(".")[0], 1))
    return [rows[i] for i in sorted(by_rank[:n])]


def _height(rows: Sequence[Mapping[str, str]]) -> int:
    """Return the number of lines of the table of guesses."""
    from unet_mtl.cli.tables import print_rows

    with redirect_stdout(io.StringIO()) as printed:
        print_rows("guesses", rows)
    return printed.getvalue().count("\n")


def _print_report(notes: "Notes", width: int, most_lines: int | None) -> None:
    """Print guesses and questions, as many as fit into a number of lines, of which questions get at least a half."""
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.wording import count_of

    guesses = notes.in_order()
    rows = [{"what": g.what, "guess": g.guess, "because": g.because} for g in guesses]
    questions = [
        textwrap.fill(escape_controls(line), width, initial_indent="- ", subsequent_indent="  ")
        for line in notes.unsure
    ]
    n_questions, n_rows = len(questions), len(rows)
    if most_lines is not None:
        heights = [text.count("\n") + 1 for text in questions]
        free = max(most_lines - _height(rows), most_lines // 2)
        while sum(heights[:n_questions]) > free:
            n_questions -= 1
        free = most_lines - sum(heights[:n_questions])
        n_rows = bisect_right(range(1, len(rows) + 1), free, key=lambda n: _height(_first(rows, n)))
    print_rows("guesses", _first(rows, n_rows))
    if questions:
        typer.echo("to be decided:")
    for text in questions[:n_questions]:
        typer.echo(text)
    left_out = {"more guess": len(rows) - n_rows, "more question": len(questions) - n_questions}
    parts = [count_of(n, thing) for thing, n in left_out.items() if n]
    if parts:
        typer.echo(f"{' and '.join(parts)} in the two files; --full prints all of them")
