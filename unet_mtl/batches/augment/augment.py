"""Random augmentation with albumentations, in which each sample depends on its seed alone."""

import random
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.augment.augment_config import make_transforms
from unet_mtl.batches.augment.presets import PRESETS, Step
from unet_mtl.errors import ConfigError


def find_preset(name: str) -> list[Step]:
    """Return the steps of a preset.

    Raises:
        ConfigError: There is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(
            f"augment: there is no preset {name!r}; the presets are {', '.join(PRESETS)}. Choose one of them, or write "
            "a list of steps"
        )
    return PRESETS[name].steps


def sample_seed(seed: int, epoch: int, case: str) -> int:
    """Return the seed of one case in one epoch; it does not depend on the order of the cases or on the worker.

    Args:
        seed: The seed of the training.
        epoch: The index of the epoch, from 0.
        case: The name of the case.

    Returns:
        A seed for `Augment`, 0..2^32 - 1.
    """
    key = (seed, epoch, zlib.crc32(case.encode()))
    return int(np.random.SeedSequence(key).generate_state(1)[0])


class Moved(NamedTuple):
    """An image, its masks by task name, and points, (n, 2) as (column, row), after augmentation; None: no points."""

    image: NDArray[Any]
    masks: dict[str, NDArray[np.uint8]]
    points: NDArray[np.floating[Any]] | None


class Augment:
    """Random steps for one image and its masks.

    Args:
        steps: The name of a preset, or a list of `{albumentations name: its arguments}`. Pixels from outside the image
            become 255 (unlabelled) in the masks, unless the step has the argument `fill_mask`.

    Raises:
        ConfigError: The preset, the name of a step or an argument is unknown.
    """

    def __init__(self, steps: str | Sequence[Step]) -> None:
        self.steps = list(find_preset(steps) if isinstance(steps, str) else steps)
        # A Compose contains its random state, so each thread needs its own.
        self._local = threading.local()
        self._compose()

    def __call__(
        self, image: NDArray[Any], masks: Mapping[str, NDArray[np.uint8]], seed: int
    ) -> tuple[NDArray[Any], dict[str, NDArray[np.uint8]]]:
        """Transform an image and its masks alike; masks by nearest neighbour.

        Args:
            image: (height, width, channels), uint8 or float32 in 0..1.
            masks: (height, width) or (height, width, classes) uint8, by task name.
            seed: The seed of the sample; the same seed gives the same steps, independent of earlier calls.

        Returns:
            The image and the masks, of the same shapes and dtypes; 255 in a mask is unlabelled.

        Raises:
            ConfigError: A step changes the size of the image.
        """
        moved = self.move(image, masks, seed)
        return moved.image, moved.masks

    def move(
        self,
        image: NDArray[Any],
        masks: Mapping[str, NDArray[np.uint8]],
        seed: int,
        points: NDArray[np.float32] | None = None,
    ) -> "Moved":
        """Transform an image and its masks as a call does, and points with them.

        Args:
            image: See `__call__`, also for the errors.
            masks: See `__call__`.
            seed: See `__call__`.
            points: Points (n, 2) as (column, row) of the image; None: none. They do not change image and masks, and
                those that leave the image are kept.
        """
        if not self.steps:
            return Moved(image, dict(masks), points)
        compose = self._compose()
        _seed(compose, seed)
        planes = [plane for mask in masks.values() for plane in _planes_of(mask)]
        targets = _as_targets(planes)
        if points is not None and "keypoints" in compose.processors:
            targets["keypoints"] = points
        moved = compose(image=image, **targets)
        if moved["image"].shape[:2] != image.shape[:2]:
            after, before = ("x".join(map(str, x.shape[:2])) for x in (moved["image"], image))
            raise ConfigError(
                f"augment: the steps change the size from {before} to {after} pixels; use steps that keep the size"
            )
        moved_planes = iter([moved["mask"]] if len(planes) == 1 else moved.get("masks", ()))
        moved_masks = {
            name: np.stack([next(moved_planes) for _ in _planes_of(mask)], axis=-1).reshape(mask.shape)
            for name, mask in masks.items()
        }
        return Moved(moved["image"].reshape(image.shape), moved_masks, moved.get("keypoints", points))

    def _compose(self) -> Any:
        if not hasattr(self._local, "compose"):
            import albumentations

            transforms = make_transforms(self.steps)
            keep = albumentations.KeypointParams(format="xy", remove_invisible=False)
            moves = any("keypoints" in transform.available_keys for transform in transforms)
            self._local.compose = albumentations.Compose(transforms, keypoint_params=keep if moves else None)
        return self._local.compose


def _planes_of(mask: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return planes (height, width), since albumentations needs masks of one shape and drops a single channel."""
    return [mask] if mask.ndim == 2 else list(np.moveaxis(mask, -1, 0))


def _as_targets(planes: list[NDArray[np.uint8]]) -> dict[str, Any]:
    # A single mask is passed as `mask`, because albumentations stacks all `masks` before and after every step.
    if len(planes) == 1:
        return {"mask": planes[0]}
    return {"masks": planes} if planes else {}


def _seed(compose: Any, seed: int) -> None:
    """Seed all random choices of the steps."""
    # All steps share one stream. `set_random_seed` gives each step its own stream with the same seed, so that all steps
    # draw the same number, and an image is flipped, rotated and darkened together or not at all.
    compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
    # GaussNoise draws from the random state of OpenCV, of which each thread has one.
    cv2.setRNGSeed(seed & 0x7FFFFFFF)
