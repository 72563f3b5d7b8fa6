"""unet-mtl weights list and unet-mtl weights get."""

from typing import Annotated

import typer


def list_() -> None:
    """List the encoders with pretrained weights, their licences, and which are on this machine. Fetches nothing."""
    from unet_mtl import api
    from unet_mtl.cli.tables import print_rows

    rows = [
        {
            "encoder": row["encoder"],
            "here": "yes" if row["path"] else "no",
            "licence": row["licence"],
            "source": row["source"],
        }
        for row in api.list_weights()
    ]
    print_rows("weights from ImageNet-1k", rows)


def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the encoder.", show_default=False)],
) -> None:
    """Fetch the pretrained weights of an encoder, so that `network.weights: imagenet` works offline."""
    from unet_mtl import api

    typer.echo(f"{api.get_weights(name)}; to start from it: network: {{encoder: {name}, weights: imagenet}}")
