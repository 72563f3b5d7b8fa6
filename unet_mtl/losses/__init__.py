"""Losses with one value a sample, so that a label weight of shape (batch,) always means a case."""

from unet_mtl.losses.base import PerSampleLoss, weighted_mean
from unet_mtl.losses.classes import ClassLoss
from unet_mtl.losses.masks import MaskLoss, pixel_cross_entropy, soft_dice
from unet_mtl.losses.tversky import soft_tversky
from unet_mtl.losses.values import ValueLoss

__all__ = [
    "ClassLoss",
    "MaskLoss",
    "PerSampleLoss",
    "ValueLoss",
    "pixel_cross_entropy",
    "soft_dice",
    "soft_tversky",
    "weighted_mean",
]
