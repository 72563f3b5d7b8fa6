"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Run folder, from `unet-mtl train`.", show_default=False)
]
ImagesArgument = Annotated[
    list[Path], typer.Argument(metavar="PATH", help="Images, or folders of images.", show_default=False)
]
OutOption = Annotated[Path, typer.Option("--out", help="Output folder.", show_default=False)]
FrameOption = Annotated[
    int | None,
    typer.Option(
        "--frame",
        min=0,
        metavar="N",
        help="Which picture to read from files that hold several, such as slices of a volume, counted from 0.",
        show_default="that of the training, or the first page and the middle slice",
    ),
]
SpacingOption = Annotated[
    str | None,
    typer.Option(
        "--spacing-mm",
        metavar="MM",
        help="Millimetres between pixels, for lengths, areas and rules about diameters: 0.1, or 0.1,0.2 for "
        "row,column. It applies to images without a spacing of their own.",
        show_default=False,
    ),
]
UntunedOption = Annotated[
    bool,
    typer.Option("--untuned", help="Leave out the thresholds, temperatures and clean-up of `unet-mtl tune`."),
]
ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG", help="config.yaml", show_default=False)]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Settings to change, such as training.epochs=20 or tasks.NAME.weight=2", show_default=False
    ),
]


def to_spacing_mm(text: str | None) -> tuple[float, float] | None:
    """Convert the text of the option to millimetres between (rows, columns)."""
    if text is None:
        return None
    from unet_mtl.data.spacing import parse_spacing

    try:
        return parse_spacing(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--spacing-mm") from None
