"""unet-mtl runs."""

from pathlib import Path
from typing import Annotated

import typer


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with runs, at any depth.", show_default=False)
    ],
    sort: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column to sort by, best scores first.", show_default="by path"),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="File for the table as CSV.", show_default="not written")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
) -> None:
    """List the runs in a folder: data, settings that differ, minutes, and scores on validation and test."""
    from unet_mtl import api
    from unet_mtl.cli.comparison_tables import print_runs
    from unet_mtl.studies.leaderboard import to_markdown

    table = api.list_runs(folder, sort=sort, csv=csv)
    if markdown:
        typer.echo(to_markdown(table))
    else:
        print_runs(table)
    if csv is not None:
        typer.echo(f"table in {csv}", err=markdown)
