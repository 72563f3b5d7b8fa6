"""The command `unet-mtl init`."""

import shutil
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.wording import escape_controls


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with images.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write the files to DIR instead of FOLDER.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing dataset.yaml and config.yaml.")
    ] = False,
) -> None:
    """Draft dataset.yaml and config.yaml from the files, names and tables in a folder."""
    from unet_mtl import api
    from unet_mtl.cli.tables import print_rows

    drafted = api.init(folder, out, overwrite=overwrite)
    rows = [{"what": g.what, "guess": g.guess, "because": g.because} for g in drafted.notes.in_order()]
    print_rows("guesses", rows)
    if drafted.notes.unsure:
        typer.echo("to be decided:")
    width = min(shutil.get_terminal_size().columns, 120)
    for line in drafted.notes.unsure:
        typer.echo(textwrap.fill(escape_controls(line), width, initial_indent="- ", subsequent_indent="  "))
    description, config = drafted.files
    typer.echo(f"\nwrote {description} and {config}")
    typer.echo(f"check and correct both, then run: unet-mtl check {config}")
