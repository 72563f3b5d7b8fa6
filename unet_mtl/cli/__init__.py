"""The program `unet-mtl`: one file for each command, with heavy imports inside the commands."""

import os

import typer

# Hides the start-up notes of TensorFlow, so it must be set before any command imports it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from unet_mtl.cli import (
    ablate,
    check,
    compare,
    evaluate,
    import_,
    init,
    overlay,
    phantom,
    predict,
    runs,
    score,
    show,
    split,
    train,
    tune,
    weights,
)
from unet_mtl.cli.command import Command, Group
from unet_mtl.cli.signals import interrupted_by_signals

app = typer.Typer(
    name="unet-mtl",
    cls=Group,
    help="One U-Net for several tasks on 2-D medical images: masks, classes and numbers. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (
    phantom,
    init,
    check,
    split,
    show,
    train,
    tune,
    evaluate,
    compare,
    runs,
    ablate,
    score,
    predict,
    overlay,
):
    app.command(cls=Command)(getattr(module, module.__name__.rpartition(".")[2]))
app.command("import", cls=Command)(import_.import_data)
app.command("to-nnunet", cls=Command)(import_.to_nnunet)
weights_app = typer.Typer(
    cls=Group, help="List the pretrained weights of encoders, and fetch them.", no_args_is_help=True
)
weights_app.command("list", cls=Command)(weights.list_)
weights_app.command("get", cls=Command)(weights.get)
app.add_typer(weights_app, name="weights")


def main() -> None:
    """Run a command.

    The exit code is 1 for an error that the user can act on, 2 for wrong usage, and 128 plus the number of the signal
    that ended it.
    """
    with interrupted_by_signals():
        app()
