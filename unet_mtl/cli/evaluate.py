"""unet-mtl evaluate."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="Run folder, or folder of the runs of all folds, from `unet-mtl train`.",
            show_default=False,
        ),
    ],
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
) -> None:
    """Measure a run: one row per task and score, with interval and n; tables and pictures in RUN/evaluation."""
    from unet_mtl import api
    from unet_mtl.cli.fold_tables import print_folds
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.tables import print_scores
    from unet_mtl.studies.folds.evaluation import FoldsEvaluation

    import_quietly()
    evaluation = api.evaluate(run, split=split, data=data, tolerance=tolerance)
    print_scores(evaluation)
    if isinstance(evaluation, FoldsEvaluation):
        print_folds(evaluation)
    typer.echo(f"tables, pictures and overlays in {evaluation.folder}")
