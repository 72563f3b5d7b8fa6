"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(help="Run folder, from `unet-mtl train`.", show_default=False)]
ImagesArgument = Annotated[
    list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)
]
OutOption = Annotated[Path, typer.Option("--out", help="Output folder.", show_default=False)]
SpacingOption = Annotated[
    str | None,
    typer.Option(
        "--spacing-mm",
        metavar="MM",
        help="Millimetres between pixels, for rules about diameters: 0.1, or 0.1,0.2 for row,column. It applies to "
        "images without a spacing of their own.",
        show_default=False,
    ),
]
ConfigArgument = Annotated[Path, typer.Argument(help="config.yaml", show_default=False)]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Settings to change, such as training.epochs=20 or tasks.NAME.weight=2", show_default=False
    ),
]


def to_spacing_mm(text: str | None) -> float | tuple[float, float] | None:
    """Convert `0.1` to a number and `0.1,0.2` to (row, column)."""
    if text is None:
        return None
    try:
        distances = [float(part) for part in text.split(",")]
    except ValueError:
        distances = []
    if len(distances) not in (1, 2):
        raise typer.BadParameter(
            f"{text!r}; expected millimetres, one number or row,column", param_hint="--spacing-mm"
        )
    return distances[0] if len(distances) == 1 else (distances[0], distances[1])
