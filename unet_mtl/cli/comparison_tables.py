"""Tables of subgroups and of compared runs that commands print."""

from typing import TYPE_CHECKING

from rich.console import Console

from unet_mtl.cli.tables import format_cell, format_interval, format_signed, new_table, plain_text

if TYPE_CHECKING:
    import pandas as pd

_WIDTH = 140
"""Width of a table that is written into a file or to another program."""


def wide_console() -> Console:
    """Return a console that is wide enough for these tables if it is no terminal."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def print_subgroups(subgroups: "pd.DataFrame") -> None:
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
