"""The random steps of training, by albumentations: one sample's chance depends on nothing but its seed."""

import random
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.augment.augment_config import make_transforms
from unet_mtl.batches.augment.presets import PRESETS, Step
from unet_mtl.errors import ConfigError


def find_preset(name: str) -> list[Step]:
    """Steps of a preset.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"augment: no preset {name!r}; there is {', '.join(PRESETS)}, or give a list")
    return PRESETS[name]


def sample_seed(seed: int, epoch: int, case: str) -> int:
    """The seed of one case in one epoch, for `Augment`: not of its place in the epoch, nor of who computes it.

    Returns:
        0..2^32 - 1.
    """
    key = (seed, epoch, zlib.crc32(case.encode()))
    return int(np.random.SeedSequence(key).generate_state(1)[0])


class Augment:
    """Random steps for one image and its masks.

    Args:
        steps: Name of a preset, or a list of `{albumentations name: its arguments}`. What a step brings in from
            outside the picture gets 255 in the masks unless it says `fill_mask`.

    Raises:
        ConfigError: The preset, a name or an argument is unknown.
    """

    def __init__(self, steps: str | Sequence[Step]) -> None:
        self.steps = list(find_preset(steps) if isinstance(steps, str) else steps)
        # A Compose holds its random state, so each thread needs its own.
        self._local = threading.local()
        self._compose()

    def __call__(
        self, image: NDArray[Any], masks: Mapping[str, NDArray[np.uint8]], seed: int
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]]]:
        """Moves image and masks alike; masks by nearest neighbour, 255 where nothing is known.

        Args:
            image: (height, width, channels), uint8 or float32 in 0..1.
            masks: (height, width) or (height, width, any number) by task name.
            seed: The same seed gives the same steps, whatever was done before.

        Raises:
            ConfigError: A step changes the size.
        """
        if not self.steps:
            return image, dict(masks)
        compose = self._compose()
        _seed(compose, seed)
        planes = [plane for mask in masks.values() for plane in _planes_of(mask)]
        moved = compose(image=image, **_as_targets(planes))
        if moved["image"].shape[:2] != image.shape[:2]:
            made, given = ("x".join(map(str, x.shape[:2])) for x in (moved["image"], image))
            raise ConfigError(
                f"augment: the steps make {made} pixels of {given}; take steps that keep the size"
            )
        moved_planes = iter([moved["mask"]] if len(planes) == 1 else moved.get("masks", ()))
        return moved["image"].reshape(image.shape), {
            name: np.stack([next(moved_planes) for _ in _planes_of(mask)], axis=-1).reshape(mask.shape)
            for name, mask in masks.items()
        }

    def _compose(self) -> Any:
        if not hasattr(self._local, "compose"):
            import albumentations

            self._local.compose = albumentations.Compose(make_transforms(self.steps))
        return self._local.compose


def _planes_of(mask: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Each (height, width): albumentations wants all masks of one shape, and drops a single channel."""
    return [mask] if mask.ndim == 2 else list(np.moveaxis(mask, -1, 0))


def _as_targets(planes: list[NDArray[np.uint8]]) -> dict[str, Any]:
    # albumentations stacks what is in `masks` before and after every step.
    if len(planes) == 1:
        return {"mask": planes[0]}
    return {"masks": planes} if planes else {}


def _seed(compose: Any, seed: int) -> None:
    """Makes all chance follow from the seed."""
    # One stream for all steps. `set_random_seed` gives each step its own with this very seed: all would draw the same
    # number, so that a picture would be flipped, turned and darkened together or, three times in ten, not at all.
    compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
    # GaussNoise draws from OpenCV's state, one a thread.
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
