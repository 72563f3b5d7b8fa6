"""unet-mtl show."""

from pathlib import Path
from typing import Annotated

import typer

from unet_mtl.cli.options import ConfigArgument, OverridesArgument
from unet_mtl.wording import count_of

SheetOption = Annotated[
    Path | None,
    typer.Option(
        "--augment",
        metavar="OUT.png",
        help="Write a picture of augmented train cases instead.",
        show_default=False,
    ),
]


def show(config: ConfigArgument, overrides: OverridesArgument = None, augment: SheetOption = None) -> None:
    """Show a config with every default, the parts of the network, and the shapes of one batch."""
    import yaml

    from unet_mtl import api
    from unet_mtl.cli.quiet import import_quietly
    from unet_mtl.cli.tables import print_rows
    from unet_mtl.config import load_config

    settings = load_config(config, overrides or [])
    if augment is not None:
        import_quietly()
        dataset = api.read_dataset(settings.data)
        typer.echo(f"written: {api.show_augment(dataset, settings.tasks, augment, **settings.arguments())}")
        return
    typer.echo(yaml.safe_dump(settings.to_config(), sort_keys=False, allow_unicode=True))
    import_quietly()
    outline = api.show(api.read_dataset(settings.data), settings.tasks, **settings.arguments())
    print_rows(f"network: {outline.parameters:,} parameters, computing in {outline.precision}", outline.parts)
    typer.echo(f"training: {outline.recipe}\n")
    print_rows(f"the shapes of one batch; {count_of(outline.steps, 'batch')} per epoch", outline.batch)
