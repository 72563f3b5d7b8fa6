"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    Path, typer.Argument(help="Run folder that `unet-mtl train` made.", show_default=False)
]
ImagesArgument = Annotated[
    list[Path], typer.Argument(help="Images, or folders of images.", show_default=False)
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for what is written.", show_default=False)]
ConfigArgument = Annotated[Path, typer.Argument(help="config.yaml", show_default=False)]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Settings to change, as in training.epochs=20 or tasks.NAME.weight=2", show_default=False
    ),
]
