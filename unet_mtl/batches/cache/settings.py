"""How images reach the network; none of it changes what a network learns. Free of Keras, for the config."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from unet_mtl.settings import Settings


def _off(cache: Any) -> Any:
    # YAML reads a bare `off` as false.
    return "off" if cache is False else cache


class Delivery(Settings):
    """What is kept between epochs, so that a file is decoded once.

    Attributes:
        cache: Where images and masks at the network's size are kept: "memory", "disk", "auto" (memory up to
            `memory_share`, the rest on disk) or "off". Never stale: a file that changed is read anew.
        cache_folder: Of what is kept on disk, readable by its owner alone; None: the user's cache folder
            ($XDG_CACHE_HOME/unet_mtl or ~/.cache/unet_mtl).
        memory_share: Most of the free memory that "auto" may fill.
    """

    cache: Annotated[Literal["auto", "memory", "disk", "off"], BeforeValidator(_off)] = "auto"
    cache_folder: Path | None = None
    memory_share: float = Field(default=0.25, gt=0, lt=1)
