"""unet-mtl predict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_mtl.cli.options import OutOption, RunArgument, SpacingOption, to_spacing_mm

if TYPE_CHECKING:
    import pandas as pd

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
        help="For a run that reads columns: the table that has them, a row an image; its spacing columns serve rules "
        "about diameters.",
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
    spacing_mm: SpacingOption = None,
) -> None:
    """Predict new images or cases: masks at the original size, and predictions.csv."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly

    import_quietly()
    spacing = to_spacing_mm(spacing_mm)
    found = api.predict(run, paths or [], out, table=table, case_column=case_column, spacing_mm=spacing)
    failed = found[found["error"] != ""]
    cases = "images" if "image" in found else "cases"
    typer.echo(f"{len(found) - len(failed)} {cases} predicted; predictions.csv and any masks in {out}")
    unknown = found["unknown_columns"].fillna("").ne("").sum() if "unknown_columns" in found else 0
    if unknown:
        typer.echo(
            f"{unknown} of them with columns unknown or never seen in training: see unknown_columns", err=True
        )
    _say_contradictions(found)
    for error in failed["error"]:
        typer.echo(f"error: {error}", err=True)
    if len(failed):
        raise typer.Exit(1)


def _say_contradictions(found: "pd.DataFrame") -> None:
    from unet_mtl.consistency import NO_SPACING

    if "contradictions" not in found:
        return
    n = found["contradictions"].fillna("").ne("").sum()
    typer.echo(f"{n or 'none'} of them contradict a rule of consistency{': see contradictions' if n else ''}")
    unchecked = found["not_checked"].fillna("").str.contains(NO_SPACING).sum()
    if unchecked:
        typer.echo(
            f"diameters of {unchecked} were not checked, since their pixel spacing is not known: give --spacing-mm",
            err=True,
        )
