"""The random steps of training, by albumentations: one sample's chance depends on nothing but its seed."""

import os
import random
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import IGNORE
from unet_mtl.errors import ConfigError

# Set before albumentations is imported: it asks the internet for its newest version otherwise.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

Step = dict[str, dict[str, Any]]

# What comes into the picture from outside it has no label.
_OUTSIDE = {"border_mode": 0, "fill": 0, "fill_mask": IGNORE}

PRESETS: dict[str, list[Step]] = {
    "none": [],
    "light": [
        {"HorizontalFlip": {"p": 0.5}},
        {
            "Affine": {
                "scale": [0.85, 1.15],
                "translate_percent": [-0.06, 0.06],
                "rotate": [-12, 12],
                "p": 0.7,
                **_OUTSIDE,
            }
        },
        {"RandomBrightnessContrast": {"brightness_limit": 0.15, "contrast_limit": 0.2, "p": 0.6}},
    ],
    "any_direction": [
        {"HorizontalFlip": {"p": 0.5}},
        {"VerticalFlip": {"p": 0.5}},
        {"Affine": {"scale": [0.8, 1.2], "rotate": [-90, 90], "p": 0.7, **_OUTSIDE}},
        {"RandomBrightnessContrast": {"brightness_limit": 0.2, "contrast_limit": 0.2, "p": 0.6}},
        {"RandomGamma": {"gamma_limit": [70, 140], "p": 0.3}},
    ],
}


def find_preset(name: str) -> list[Step]:
    """Steps of a preset.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"augment: no preset {name!r}; there is {', '.join(PRESETS)}, or give a list")
    return PRESETS[name]


class Augment:
    """Random steps for one image and its masks.

    Args:
        steps: Name of a preset, or a list of `{albumentations name: its arguments}`.

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
            masks: (height, width) by task name.
            seed: The same seed gives the same steps, whatever was done before.

        Raises:
            ConfigError: A step changes the size.
        """
        if not self.steps:
            return image, dict(masks)
        compose = self._compose()
        _seed(compose, seed)
        names = list(masks)
        inputs = {"image": image} | ({"masks": [masks[name] for name in names]} if names else {})
        moved = compose(**inputs)
        if moved["image"].shape[:2] != image.shape[:2]:
            made, given = ("x".join(map(str, x.shape[:2])) for x in (moved["image"], image))
            raise ConfigError(
                f"augment: the steps make {made} pixels of {given}; take steps that keep the size"
            )
        return moved["image"].reshape(image.shape), dict(zip(names, moved.get("masks", ()), strict=True))

    def _compose(self) -> Any:
        if not hasattr(self._local, "compose"):
            self._local.compose = _make_compose(self.steps)
        return self._local.compose


def _seed(compose: Any, seed: int) -> None:
    """Makes all chance follow from the seed."""
    # One stream for all steps: `set_random_seed` gives each step its own with this very seed, and two flips of
    # p = 0.5 would always go together.
    compose.set_random_state(np.random.default_rng(seed), random.Random(seed))


def _make_compose(steps: Sequence[Step]) -> Any:
    import albumentations

    transforms = []
    for step in steps:
        for name, arguments in step.items():
            kind = getattr(albumentations, name, None)
            if not (isinstance(kind, type) and issubclass(kind, albumentations.BasicTransform)):
                raise ConfigError(f"augment: albumentations has no transform {name!r}")
            transforms.append(_make_transform(kind, name, arguments))
    return albumentations.Compose(transforms)


def _make_transform(kind: type, name: str, arguments: Mapping[str, Any]) -> Any:
    # Lists come from YAML; albumentations wants ranges as tuples. It only warns of unknown arguments.
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return kind(**values)
        except (TypeError, ValueError, UserWarning) as error:
            raise ConfigError(f"augment: {name}: {error}") from error
