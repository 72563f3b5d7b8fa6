"""unet-mtl score."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def _to_values(text: str) -> dict[int, int]:
    """`0=0,255=1` -> {0: 0, 255: 1}."""
    try:
        pairs = [(int(number), int(index)) for number, index in (part.split("=") for part in text.split(","))]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}; expected NUMBER=CLASS, as in 0=0,255=1", param_hint="--values"
        ) from None
    if len(dict(pairs)) < len(pairs):
        raise typer.BadParameter(f"{text!r} says twice what one number means", param_hint="--values")
    return dict(pairs)


def score(
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH_DIR", help="Masks that are right.", show_default=False)
    ],
    prediction: Annotated[
        Path, typer.Argument(metavar="PREDICTION_DIR", help="Masks to measure.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for cases.csv and summary.json.",
            show_default="PREDICTION_DIR/scores",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Class names in the order of their numbers, the background first: background,liver,lesion",
            show_default="from the files",
        ),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER=CLASS,...",
            help="What numbers in the files mean, where they are no class numbers: 0=0,255=1 "
            "(=255: not labelled)",
            show_default=False,
        ),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="MM|COLUMN",
            help="Millimetres from pixel to pixel: 0.2, or 0.2,0.3 for row,column, or a column (or two) of the table.",
            show_default="distances in pixels",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Millimetres (without spacing: pixels) that an outline may be off; adds surface_dice.",
            show_default=False,
        ),
    ] = None,
    patients: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Table (CSV, semicolons or tabs) that says whose each case is; intervals then resample patients.",
            show_default="each case its own patient",
        ),
    ] = None,
    case_column: Annotated[
        str | None, typer.Option(help="Column of the cases.", show_default="case, image, id ...")
    ] = None,
    patient_column: Annotated[
        str | None, typer.Option(help="Column of the patients.", show_default="patient, subject ...")
    ] = None,
    truth_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names of the true masks: "{case}_segmentation"')
    ] = "{case}",
    prediction_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names of the predicted masks: "{case}_pred"')
    ] = "{case}",
    table_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names in the column of the cases: "bus_{case}"')
    ] = "{case}",
    missing: Annotated[
        Literal["empty", "leave-out"],
        typer.Option(help="Count a truth without a prediction as an empty prediction, or leave it out."),
    ] = "empty",
) -> None:
    """Measure masks that any program wrote against the true ones, paired by file name. Without TensorFlow."""
    from unet_mtl import api
    from unet_mtl.cli.tables import print_scores

    evaluation = api.score(
        truth,
        prediction,
        out,
        classes=[name.strip() for name in classes.split(",")] if classes else (),
        values=_to_values(values) if values else None,
        spacing=spacing or None,
        tolerance=tolerance,
        patients=patients,
        case_column=case_column,
        patient_column=patient_column,
        truth_names=truth_names,
        prediction_names=prediction_names,
        table_names=table_names,
        missing=missing,
    )
    print_scores(evaluation)
    for line in (*evaluation.remarks, f"tables in {evaluation.folder}"):
        typer.echo(line)
    for line in evaluation.warnings:
        typer.echo(f"warning: {line}", err=True)
