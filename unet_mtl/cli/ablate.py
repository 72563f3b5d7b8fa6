"""unet-mtl ablate."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import ConfigArgument, OverridesArgument


def ablate(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    *,
    run: Annotated[
        Path, typer.Option("--run", help="Folder for all runs and the table.", show_default=False)
    ],
    seeds: Annotated[int, typer.Option(help="Trainings of each network.", min=1)] = 3,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted ablation; finished runs are kept.")
    ] = False,
) -> None:
    """Train one network on all tasks and one on each alone, and compare them on the test split."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.signals import exit_code
    from unet_mtl.cli.tables import print_ablation
    from unet_mtl.config import load_config

    settings = load_config(config, overrides or [])
    dataset = api.read_dataset(settings.data)
    import_quietly()
    try:
        ablation = api.ablate(
            dataset, settings.tasks, run, seeds=seeds, resume=resume, **settings.arguments()
        )
    except KeyboardInterrupt as interruption:
        typer.echo(f"interrupted; continue with the same command and --resume ({run})", err=True)
        raise typer.Exit(exit_code(interruption)) from None
    print_ablation(ablation)
    typer.echo(f"table in {run / 'ablation.csv'} and ablation.json; the runs are beside them")
