"""The engines. A new engine is one file, and one line in `ENGINES`."""

from unet_mtl.inference.engine import Engine
from unet_mtl.inference.engines.keras import KerasEngine

ENGINES: dict[str, type[Engine]] = {
    "keras": KerasEngine,
}
