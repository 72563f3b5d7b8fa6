"""unet-mtl evaluate."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from unet_mtl.cli.options import UntunedOption


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
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN[:LIMITS]",
            help="Compare the groups of a column of the table: device, age:40,60, age:tertiles, or lesion_size. May be "
            "repeated.",
            show_default=False,
        ),
    ] = None,
    per_patient: Annotated[
        Literal["mean", "max", "most_suspicious"] | None,
        typer.Option(help="Pool the answers for several images of a patient.", show_default=False),
    ] = None,
    untuned: UntunedOption = False,
) -> None:
    """Measure a run: one row per task and score, with interval and n; tables and pictures in RUN/evaluation."""
    from unet_mtl import api
    from unet_mtl.cli.comparison_tables import print_subgroups
    from unet_mtl.cli.fold_tables import print_folds
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.tables import print_scores
    from unet_mtl.studies.folds.evaluation import FoldsEvaluation

    import_quietly()
    evaluation = api.evaluate(
        run,
        split=split,
        data=data,
        tolerance=tolerance,
        by=by or (),
        per_patient=per_patient,
        untuned=untuned,
    )
    print_scores(evaluation)
    for note in evaluation.notes:
        typer.echo(note)
    print_subgroups(evaluation.subgroups)
    if evaluation.by_patient is not None:
        print_scores(evaluation.by_patient, file="patients.json")
    if isinstance(evaluation, FoldsEvaluation):
        print_folds(evaluation)
    typer.echo(f"tables, pictures and overlays in {evaluation.folder}")
