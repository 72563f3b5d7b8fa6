"""Losses with one value a sample, so that a label weight of shape (batch,) always means a case."""

from unet_mtl.losses.base import PerSampleLoss, weighted_mean
from unet_mtl.losses.classes import ClassLoss
from unet_mtl.losses.grades import GradeLoss
from unet_mtl.losses.masks import MaskLoss, pixel_cross_entropy, soft_dice
from unet_mtl.losses.multilabel import FindingsLoss
from unet_mtl.losses.overlapping import OverlapLoss
from unet_mtl.losses.tversky import soft_tversky
from unet_mtl.losses.values import GaussianLoss, ValueLoss, bound_log_variance

__all__ = [
    "ClassLoss",
    "FindingsLoss",
    "GaussianLoss",
    "GradeLoss",
    "MaskLoss",
    "OverlapLoss",
    "PerSampleLoss",
    "ValueLoss",
    "bound_log_variance",
    "pixel_cross_entropy",
    "soft_dice",
    "soft_tversky",
    "weighted_mean",
]
