"""unet-mtl predict."""

import typer

from unet_mtl.cli.options import ImagesArgument, OutOption, RunArgument


def predict(run: RunArgument, paths: ImagesArgument, *, out: OutOption) -> None:
    """Predict new images: masks at the original size, and predictions.csv."""
    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly

    import_quietly()
    table = api.predict(run, paths, out)
    failed = table[table["error"] != ""]
    typer.echo(f"{len(table) - len(failed)} images predicted; masks and predictions.csv in {out}")
    for error in failed["error"]:
        typer.echo(f"error: {error}", err=True)
    if len(failed):
        raise typer.Exit(1)
