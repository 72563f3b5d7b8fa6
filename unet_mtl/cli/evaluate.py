"""unet-mtl evaluate."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import RunArgument, UntunedOption


def evaluate(
    run: RunArgument,
    split: Annotated[str | None, typer.Option(help="train, val, test or all.", show_default="test")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the dataset.yaml of another data set.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Tolerance of surface_dice in millimetres (without spacing: pixels); adds that score."
        ),
    ] = None,
    untuned: UntunedOption = False,
) -> None:
    """Measure a run: one row per task and score, with interval and n; tables and pictures in RUN/evaluation."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.tables import print_scores

    import_quietly()
    evaluation = api.evaluate(run, split=split, data=data, tolerance=tolerance, untuned=untuned)
    print_scores(evaluation)
    typer.echo(f"tables, pictures and overlays in {evaluation.folder}")
