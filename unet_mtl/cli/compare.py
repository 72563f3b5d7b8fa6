"""unet-mtl compare."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.score import to_values


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Runs; the first is the reference.", show_default=False),
    ],
    split: Annotated[str, typer.Option(help="test, val, train or all.")] = "test",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for comparison.csv and comparison.json.", show_default="not written"),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of masks of another program to compare with the runs.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of that program, such as nnU-Net.")] = "other masks",
    task: Annotated[
        str | None, typer.Option(help="Task that these masks belong to.", show_default="the only one")
    ] = None,
    prediction_names: Annotated[
        str, typer.Option(metavar="PATTERN", help='Names of these masks, such as "{case}_pred".')
    ] = "{case}",
    values: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER=CLASS,...",
            help="Class index of each pixel value of these masks, such as 0=0,128=1.",
            show_default="values are class indices",
        ),
    ] = None,
) -> None:
    """Compare runs, or a run with masks of another program, case by case."""
    from unet_mtl import api
    from unet_mtl.api.comparison import lacks_evaluation
    from unet_mtl.cli.comparison_tables import print_comparison
    from unet_mtl.cli.quiet import import_quietly

    if any(lacks_evaluation(run, split) for run in runs):
        import_quietly()
    comparison = api.compare(
        runs,
        split=split,
        out=out,
        masks=masks,
        name=name,
        task=task,
        prediction_names=prediction_names,
        values=to_values(values) if values else None,
    )
    print_comparison(comparison)
    if comparison.folder is not None:
        typer.echo(f"tables in {comparison.folder}")
