"""The losses of each kind of task, by name. This module does not import Keras: settings derive from its names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class LossSpec:
    """A loss that is imported when it is built.

    Attributes:
        module: The module that defines the class.
        class_name: A subclass of `unet_mtl.losses.base.PerSampleLoss`.
        options: Arguments of the class that distinguish this loss from others of the same class.
        outputs: The number of network outputs that the loss reads for each target.
    """

    module: str
    class_name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1

    def build(self, *arguments: Any, **options: Any) -> Any:
        """Return the `keras.losses.Loss`, made of these arguments of the class and of `options` of the spec."""
        return getattr(import_module(self.module), self.class_name)(*arguments, **self.options, **options)


LOSSES: dict[str, dict[str, LossSpec]] = {
    "segmentation": {"dice_cross_entropy": LossSpec("unet_mtl.losses.masks", "MaskLoss")},
    "overlapping_segmentation": {
        "dice_cross_entropy": LossSpec("unet_mtl.losses.overlapping", "OverlapLoss")
    },
    "classification": {"cross_entropy": LossSpec("unet_mtl.losses.classes", "ClassLoss")},
    "ordinal": {
        "corn": LossSpec("unet_mtl.losses.grades", "GradeLoss", {"conditional": True}),
        "cumulative": LossSpec("unet_mtl.losses.grades", "GradeLoss", {"conditional": False}),
    },
    "multilabel": {"cross_entropy": LossSpec("unet_mtl.losses.multilabel", "MultilabelLoss")},
    "regression": {
        "huber": LossSpec("unet_mtl.losses.values", "ValueLoss", {"delta": 1.0}),
        "mse": LossSpec("unet_mtl.losses.values", "ValueLoss", {"delta": None}),
        "gaussian": LossSpec("unet_mtl.losses.values", "GaussianLoss", outputs=2),
    },
}
"""Losses by kind of task and name. A new loss of a kind is one file and one line here.

Kinds with several losses have a setting that names one: `method` of an ordinal task, `loss` of a regression.
"""
