"""Encoders: image -> features by level, finest first. A new one is one file, and one line here."""

from collections.abc import Callable
from typing import Any

from unet_mtl.nn.encoders.plain import build_plain_encoder

ENCODERS: dict[str, Callable[..., list[Any]]] = {"plain": build_plain_encoder}

__all__ = ["ENCODERS"]
