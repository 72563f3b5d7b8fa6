"""unet-mtl overlay."""

import typer

from unet_mtl.cli.options import (
    FrameOption,
    ImagesArgument,
    OutOption,
    RunArgument,
    SpacingOption,
    to_spacing_mm,
)
from unet_mtl.wording import count_of


def overlay(
    run: RunArgument,
    paths: ImagesArgument,
    *,
    out: OutOption,
    spacing_mm: SpacingOption = None,
    frame: FrameOption = None,
) -> None:
    """Draw predicted contours on images, and the true ones if a data set has them."""
    from unet_mtl import api
    from unet_mtl.cli.problems import print_note
    from unet_mtl.cli.quiet import import_quietly

    import_quietly()
    spacing = to_spacing_mm(spacing_mm)
    pictures = api.overlay(run, paths, out, spacing_mm=spacing, frame=frame, on_note=print_note)
    typer.echo(f"{count_of(len(pictures), 'picture')} in {out}")
