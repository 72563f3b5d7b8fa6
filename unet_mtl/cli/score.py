"""The command `unet-mtl score`."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def to_values(text: str) -> dict[int, int]:
    """Convert `0=0,255=1` to {0: 0, 255: 1}."""
    try:
        pairs = [(int(number), int(index)) for number, index in (part.split("=") for part in text.split(","))]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r}; expected NUMBER=CLASS, as in 0=0,255=1", param_hint="--values"
        ) from None
    if len(dict(pairs)) < len(pairs):
        raise typer.BadParameter(f"{text!r}; expected each number once", param_hint="--values")
    return dict(pairs)


def score(
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH_DIR", help="Folder of the true masks.", show_default=False)
    ],
    prediction: Annotated[
        Path,
        typer.Argument(metavar="PREDICTION_DIR", help="Folder of the masks to score.", show_default=False),
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
            help="Class names in the order of their indices, such as background,liver,lesion.",
            show_default="after the pixel values found",
        ),
    ] = None,
    values: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER=CLASS,...",
            help="The class index of each pixel value, such as 0=0,128=1; =255 means unlabelled. Only needed if pixel "
            "values are not class indices.",
            show_default=False,
        ),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="MM|COLUMN",
            help="Distance of pixel centres in mm, 0.2 or 0.2,0.3 (row,column); or one or two columns of the table.",
            show_default="distances in pixels",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Tolerance of outlines in mm (in pixels without a spacing); adds the score surface_dice.",
            show_default=False,
        ),
    ] = None,
    patients: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="Table of cases and their patients, over which intervals are computed.",
            show_default="each case is its own patient",
        ),
    ] = None,
    case_column: Annotated[
        str | None, typer.Option(help="Column of cases in the table.", show_default="case, image, id ...")
    ] = None,
    patient_column: Annotated[
        str | None, typer.Option(help="Column of patients in the table.", show_default="patient, subject ...")
    ] = None,
    truth_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names of true masks, such as "{case}_segmentation".')
    ] = "{case}",
    prediction_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names of predicted masks, such as "{case}_pred".')
    ] = "{case}",
    table_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names in the column of cases, such as "bus_{case}".')
    ] = "{case}",
    missing: Annotated[
        Literal["empty", "leave-out"],
        typer.Option(help="Whether a missing prediction counts as empty, or its case is left out."),
    ] = "empty",
) -> None:
    """Score masks of any program against the true masks, paired by file name."""
    from unet_mtl import api
    from unet_mtl.cli.flags import to_flags
    from unet_mtl.cli.tables import print_scores
    from unet_mtl.wording import escape_controls

    evaluation = api.score(
        truth,
        prediction,
        out,
        classes=[name.strip() for name in classes.split(",")] if classes else (),
        values=to_values(values) if values else None,
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
        typer.echo(escape_controls(to_flags(line)))
    for line in evaluation.warnings:
        typer.echo(escape_controls(f"warning: {to_flags(line)}"), err=True)
