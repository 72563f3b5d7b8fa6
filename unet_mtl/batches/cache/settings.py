"""Settings of the cache of images and masks, which change no result. Without Keras, for the config."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from unet_mtl.settings import Settings


def _false_as_off(cache: Any) -> Any:
    # YAML reads a bare `off` as false.
    return "off" if cache is False else cache


class Delivery(Settings):
    """The cache of decoded images and masks, so that each file is decoded once.

    A file that has changed is always decoded again.

    Attributes:
        cache: Where images and masks are kept at the size of the network: "memory", "disk", "auto" (in memory up to
            `memory_share`, the rest on disk) or "off".
        cache_folder: The folder of the cache on disk, readable by the user alone. None: our cache folder,
            $UNET_MTL_CACHE, $XDG_CACHE_HOME/unet_mtl or ~/.cache/unet_mtl.
        memory_share: The largest share of the free memory that "auto" may fill, above 0 and below 1.
    """

    cache: Annotated[Literal["auto", "memory", "disk", "off"], BeforeValidator(_false_as_off)] = "auto"
    cache_folder: Path | None = None
    memory_share: float = Field(default=0.25, gt=0, lt=1)
