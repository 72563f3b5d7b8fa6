"""unet-mtl train."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import ConfigArgument, OverridesArgument


def train(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    run: Annotated[Path, typer.Option("--run", help="Folder for the run.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
) -> None:
    """Train one network on all tasks of a config."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.signals import exit_code
    from unet_mtl.config import load_config

    settings = load_config(config, overrides or [])
    dataset = api.read_dataset(settings.data)
    import_quietly()
    try:
        folder = api.train(dataset, settings.tasks, run, **settings.arguments(), resume=resume)
    except KeyboardInterrupt as interruption:
        # Nothing was written if the interruption came during the checks.
        how = (
            f"continue from the last finished epoch with the same command and --resume ({run})"
            if run.is_dir() and any(run.iterdir())
            else "nothing was written; start again with the same command"
        )
        typer.echo(f"interrupted; {how}", err=True)
        raise typer.Exit(exit_code(interruption)) from None
    typer.echo(
        f"best network, history and curves in {folder.path}; measure it with: unet-mtl evaluate {folder.path}"
    )
