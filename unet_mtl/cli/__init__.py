"""The command `unet-mtl`: one file a command, heavy imports inside the commands."""

import os
import sys

import typer

# Before TensorFlow is imported by any command: its start-up notes are not for users.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from unet_mtl.cli import (
    ablate,
    check,
    evaluate,
    import_,
    init,
    overlay,
    phantom,
    predict,
    score,
    show,
    split,
    train,
)
from unet_mtl.cli.flags import Command, Group
from unet_mtl.cli.problems import print_problems
from unet_mtl.errors import UnetMtlError

app = typer.Typer(
    name="unet-mtl",
    cls=Group,
    help="One U-Net, several answers: masks, classes and numbers of 2-D medical images. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (phantom, init, check, split, show, train, evaluate, ablate, score, predict, overlay):
    app.command(cls=Command)(getattr(module, module.__name__.rpartition(".")[2]))
app.command("import", cls=Command)(import_.import_data)
app.command("to-nnunet", cls=Command)(import_.to_nnunet)


def main() -> None:
    """Runs a command: exit code 1 with a clear line for an error of the user's, 2 for wrong usage."""
    try:
        app()
    except UnetMtlError as error:
        print_problems(str(error).splitlines())
        sys.exit(1)
