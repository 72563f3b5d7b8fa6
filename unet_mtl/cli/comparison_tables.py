"""Tables of subgroups and of compared runs that commands print."""

from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console
from rich.table import Table

from unet_mtl.cli.flags import to_flags
from unet_mtl.cli.tables import (
    format_cell,
    format_interval,
    format_signed,
    new_table,
    plain_text,
)
from unet_mtl.wording import count_of

if TYPE_CHECKING:
    from unet_mtl.studies.compare.report import RunComparison

_WIDTH = 140
"""Width of a table that is written into a file or to another program."""


def wide_console() -> Console:
    """Return a console that is wide enough for these tables if the output is not a terminal."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def print_subgroups(subgroups: pd.DataFrame) -> None:
    """Print one row for each group, task and score; nothing for an empty table."""
    if subgroups.empty:
        return
    console = wide_console()
    for column, rows in subgroups.groupby("column", sort=False):
        table = new_table(f"subgroups by {column}")
        heads = (
            "group",
            "task",
            "score",
            "value",
            "95 % interval",
            "n",
            "patients",
            "difference",
            "p",
            "verdict",
        )
        for head in heads:
            number = head in ("value", "95 % interval", "n", "patients", "difference", "p")
            table.add_column(head, justify="right" if number else "left", overflow="fold")
        last = ""
        for row in rows.to_dict("records"):
            if row["group"] != last and last:
                table.add_section()
            difference = format_signed(row["difference"])
            interval = format_interval(row["difference_low"], row["difference_high"])
            table.add_row(
                *map(
                    plain_text, ("" if row["group"] == last else str(row["group"]), row["task"], row["label"])
                ),
                format_cell(row["value"]),
                format_interval(row["low"], row["high"]),
                str(int(row["n"])),
                str(int(row["n_patients"])),
                f"{difference} ({interval})" if interval else difference,
                format_cell(row["p_holm"]),
                row["verdict"],
            )
            last = row["group"]
        console.print(table)
    console.print(
        "difference: to the cases of all other known groups; p: corrected by Holm's method over all tests of "
        "subgroups.csv",
        style="dim",
    )


def print_comparison(comparison: "RunComparison") -> None:
    """Print the differences, the cases that differ most, and sentences and notes."""
    console = wide_console()
    numbers = ("reference", "this run", "difference", "p", "cases", "better / equal / worse")
    table = new_table(comparison.title)
    for head in ("run", "task", "score", *numbers, "verdict"):
        table.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    for row in comparison.table.to_dict("records"):
        interval = format_interval(row["low"], row["high"])
        counts = [row[name] for name in ("n_better", "n_equal", "n_worse")]
        difference = format_signed(row["difference"])
        table.add_row(
            *map(plain_text, (row["run"], row["task"], row["score"])),
            format_cell(row["value_reference"]),
            format_cell(row["value"]),
            f"{difference} ({interval})" if interval else difference,
            format_cell(row["p_holm"]),
            str(row["n"]),
            "" if pd.isna(counts[0]) else " / ".join(map(str, counts)),
            row["verdict"],
        )
    console.print(table)
    if not comparison.largest.empty:
        console.print(_largest(comparison.largest))
    for sentence in comparison.sentences:
        console.print(plain_text(sentence), highlight=False)
    for note in comparison.notes:
        console.print(plain_text(to_flags(note)), style="dim", highlight=False)


def _largest(largest: pd.DataFrame) -> Table:
    table = new_table("cases that differ most")
    texts = ("run", "task", "score", "case", "patient")
    for head in (*texts, "reference", "this run", "difference"):
        table.add_column(head, justify="left" if head in texts else "right", overflow="fold")
    for row in largest.to_dict("records"):
        values = (
            format_cell(row["value_reference"]),
            format_cell(row["value"]),
            format_signed(row["difference"]),
        )
        table.add_row(*(plain_text(str(row[name])) for name in texts), *values)
    return table


def print_runs(runs: pd.DataFrame) -> None:
    """Print one line for each run; those that cannot be read follow with the reason."""
    from unet_mtl.studies.leaderboard import cell_text

    console = wide_console()
    broken = runs["problem"].notna()
    shown = runs[~broken].drop(columns="problem").dropna(axis="columns", how="all")
    table = new_table(f"{count_of(len(runs), 'run')}")
    for name, column in shown.items():
        number = pd.api.types.is_numeric_dtype(column)
        # With spaces, so that long names are broken between words.
        head = plain_text(str(name).replace("_", " "))
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for cells in shown.itertuples(index=False):
        table.add_row(*(plain_text(cell_text(cell)) for cell in cells))
    if len(shown):
        console.print(table)
    for row in runs[broken].to_dict("records"):
        console.print(plain_text(f"{row['run']}: {row['problem']}"), highlight=False)
