"""unet-mtl predict."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import OutOption, RunArgument

SomeImagesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Images, or folders of images; none for a run that reads columns alone.", show_default=False
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="For a run that reads columns: the table that has them, a row an image.",
        show_default=False,
    ),
]
CaseColumnOption = Annotated[
    str | None,
    typer.Option(
        "--case-column",
        help="Column of that table that names the images; else as in training.",
        show_default=False,
    ),
]


def predict(
    run: RunArgument,
    paths: SomeImagesArgument = None,
    *,
    out: OutOption,
    table: TableOption = None,
    case_column: CaseColumnOption = None,
) -> None:
    """Predict new images or cases: masks at the original size, and predictions.csv."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly

    import_quietly()
    found = api.predict(run, paths or [], out, table=table, case_column=case_column)
    failed = found[found["error"] != ""]
    cases = "images" if "image" in found else "cases"
    typer.echo(f"{len(found) - len(failed)} {cases} predicted; predictions.csv and any masks in {out}")
    unknown = found["unknown_columns"].fillna("").ne("").sum() if "unknown_columns" in found else 0
    if unknown:
        typer.echo(
            f"{unknown} of them with columns unknown or never seen in training: see unknown_columns", err=True
        )
    for error in failed["error"]:
        typer.echo(f"error: {error}", err=True)
    if len(failed):
        raise typer.Exit(1)
