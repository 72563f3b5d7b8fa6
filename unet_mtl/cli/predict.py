"""unet-mtl predict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unet_mtl.cli.options import (
    FrameOption,
    OutOption,
    RunArgument,
    SpacingOption,
    UntunedOption,
    to_spacing_mm,
)
from unet_mtl.wording import count_of

if TYPE_CHECKING:
    import pandas as pd

SomeImagesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Images, or folders of images; none for a run that reads only columns.",
        show_default=False,
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--table",
        help="Table with one row per image: columns that the run reads, the spacing for lengths, areas and rules about "
        "diameters, and the frame to read from files that hold several.",
        show_default=False,
    ),
]
CaseColumnOption = Annotated[
    str | None,
    typer.Option(
        "--case-column",
        help="Column of that table that names the images; by default that of the training data.",
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
    frame: FrameOption = None,
    untuned: UntunedOption = False,
) -> None:
    """Predict new images or cases: masks at the original size, and predictions.csv."""
    from unet_mtl import api
    from unet_mtl.cli.problems import print_note, print_problems
    from unet_mtl.cli.quiet import import_quietly

    import_quietly()
    predictions = api.predict(
        run,
        paths or [],
        out,
        table=table,
        case_column=case_column,
        spacing_mm=to_spacing_mm(spacing_mm),
        frame=frame,
        untuned=untuned,
        on_note=print_note,
    )
    failed = predictions[predictions["error"] != ""]
    predicted = count_of(len(predictions) - len(failed), "image" if "image" in predictions else "case")
    typer.echo(f"{predicted} predicted; predictions.csv and any masks in {out}")
    unknown = (
        predictions["unknown_columns"].fillna("").ne("").sum() if "unknown_columns" in predictions else 0
    )
    if unknown:
        typer.echo(
            f"{unknown} of them with columns that are unknown or were never seen in training: see unknown_columns",
            err=True,
        )
    _print_contradictions(predictions)
    print_problems(list(failed["error"]))
    if len(failed):
        raise typer.Exit(1)


def _print_contradictions(predictions: "pd.DataFrame") -> None:
    from unet_mtl.consistency import NO_SPACING

    if "contradictions" not in predictions:
        return
    n = predictions["contradictions"].fillna("").ne("").sum()
    typer.echo(f"{n or 'none'} of them contradict a rule of consistency{': see contradictions' if n else ''}")
    unchecked = predictions["not_checked"].fillna("").str.contains(NO_SPACING).sum()
    if unchecked:
        typer.echo(
            f"diameters of {unchecked} were not checked, since their pixel spacing is not known: give --spacing-mm",
            err=True,
        )
