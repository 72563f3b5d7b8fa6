"""The command `unet-mtl phantom`."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.wording import count_of


def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The new folder.", show_default=False)],
    cases: Annotated[int, typer.Option(help="The number of cases.", min=1)] = 60,
    seed: Annotated[int, typer.Option(help="Seed; the same seed writes the same files.", min=0)] = 7,
    workers: Annotated[int, typer.Option(help="The number of processes.", min=1)] = 1,
) -> None:
    """Write a SYNTHETIC data set of breast-ultrasound-like images with masks, diagnoses and diameters."""
    from unet_mtl.phantom import write_phantom
    from unet_mtl.progress import case_bar

    with case_bar("writing", cases, shown=True) as advance:
        write_phantom(out, cases=cases, seed=seed, workers=workers, progress=lambda done, total: advance())
    typer.echo(f"{count_of(cases, 'synthetic case')} in {out}; look at them with: unet-mtl check {out}")
