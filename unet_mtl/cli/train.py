"""unet-mtl train."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import ConfigArgument, OverridesArgument


def train(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    run: Annotated[
        Path, typer.Option("--run", help="Folder for the run, or for those of all folds.", show_default=False)
    ],
    folds: Annotated[
        int | None,
        typer.Option(
            "--folds",
            metavar="N",
            help="Train one network for each of N folds of the patients, instead of one for a split.",
            show_default=False,
        ),
    ] = None,
    fold_column: Annotated[
        str | None,
        typer.Option(
            "--fold-column",
            metavar="COLUMN",
            help="Train one network for each fold in a column of the data set.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run; finished folds are kept.")
    ] = False,
) -> None:
    """Train one network on all tasks of a config, or one for each fold."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.signals import exit_code
    from unet_mtl.config import load_config

    settings = load_config(config, overrides or [])
    dataset = api.read_dataset(settings.data)
    import_quietly()
    arguments = settings.arguments() | {"resume": resume}
    in_folds = folds is not None or fold_column is not None
    try:
        if in_folds:
            api.train_folds(dataset, settings.tasks, run, folds=folds, fold_column=fold_column, **arguments)
        else:
            api.train(dataset, settings.tasks, run, **arguments)
    except KeyboardInterrupt as interruption:
        # Nothing was written if the interruption came during the checks.
        how = (
            f"continue from the last finished epoch with the same command and --resume ({run})"
            if run.is_dir() and any(run.iterdir())
            else "nothing was written; start again with the same command"
        )
        typer.echo(f"interrupted; {how}", err=True)
        raise typer.Exit(exit_code(interruption)) from None
    content = "a run for each fold" if in_folds else "best network, history and curves"
    typer.echo(f"{content} in {run}; measure it with: unet-mtl evaluate {run}")
