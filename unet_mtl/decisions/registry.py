"""Tuners by kind of task. Kinds without a tuner keep their settings."""

from typing import Any

from unet_mtl.decisions.classes import ClassTuner
from unet_mtl.decisions.labels import LabelTuner
from unet_mtl.decisions.masks import MaskTuner
from unet_mtl.decisions.numbers import NumberTuner
from unet_mtl.decisions.tuner import Tuner

TUNERS: dict[str, type[Tuner[Any]]] = {
    "segmentation": MaskTuner,
    "overlapping_segmentation": MaskTuner,
    "classification": ClassTuner,
    "multilabel": LabelTuner,
    "regression": NumberTuner,
}
"""An ordinal task answers with the median grade, which needs no threshold; a measurement follows its mask."""
