"""Losses with one value a sample, so that a label weight of shape (batch,) always belongs to a case."""

from unet_mtl.losses.registry import LOSSES, LossSpec

__all__ = ["LOSSES", "LossSpec"]
