"""Augmentation presets for common kinds of images, which change nothing that a diagnosis or a mask depends on.

At 256x256 each preset takes a few milliseconds per image. ElasticTransform (10 ms) and ThinPlateSpline (60 ms) are in
none. Noise is the same in all channels and colours are changed by ColorJitter, so that a grey image stays grey. In
"ultrasound", "microscopy" and "dermoscopy" the rotation is the last step, so pixels from outside the image stay black;
the padding of `fit: pad` is part of the image by then, and its brightness changes with that of the image.
"""

from typing import Any, NamedTuple

from unet_mtl.data.images import IGNORE

Step = dict[str, dict[str, Any]]


class Preset(NamedTuple):
    """A named list of augmentation steps.

    Attributes:
        reason: The images that the preset is for and the reason for its steps, in a line.
        steps: The steps, each `{albumentations name: its arguments}`.
    """

    reason: str
    steps: list[Step]


# Pixels from outside the image are black and have no label. A zoom keeps the aspect ratio: the shape of a lesion, such
# as taller than wide, is part of a diagnosis, and lengths follow exactly.
_AFFINE = {"keep_ratio": True, "border_mode": 0, "fill": 0, "fill_mask": IGNORE}

PRESETS: dict[str, Preset] = {
    "none": Preset("no augmentation", []),
    "light": Preset(
        "small changes that suit nearly all images; left and right are mirrored",
        [
            {"HorizontalFlip": {"p": 0.5}},
            {
                "Affine": {
                    "scale": [0.85, 1.15],
                    "translate_percent": [-0.06, 0.06],
                    "rotate": [-12, 12],
                    "p": 0.7,
                    **_AFFINE,
                }
            },
            {"RandomBrightnessContrast": {"brightness_limit": 0.15, "contrast_limit": 0.2, "p": 0.6}},
        ],
    ),
    "light_without_zoom": Preset(
        "as light, for numbers in mm and other units of size, which do not follow a zoom",
        [
            {"HorizontalFlip": {"p": 0.5}},
            {"Affine": {"translate_percent": [-0.06, 0.06], "rotate": [-12, 12], "p": 0.7, **_AFFINE}},
            {"RandomBrightnessContrast": {"brightness_limit": 0.15, "contrast_limit": 0.2, "p": 0.6}},
        ],
    ),
    "any_direction": Preset(
        "for images without an up and down, grey or with colours that must not change",
        [
            {"HorizontalFlip": {"p": 0.5}},
            {"VerticalFlip": {"p": 0.5}},
            {"Affine": {"scale": [0.8, 1.2], "rotate": [-90, 90], "p": 0.7, **_AFFINE}},
            {"RandomBrightnessContrast": {"brightness_limit": 0.2, "contrast_limit": 0.2, "p": 0.6}},
            {"RandomGamma": {"gamma_limit": [70, 140], "p": 0.3}},
        ],
    ),
    "ultrasound": Preset(
        (
            "the probe is at the top and shadows fall downwards, so no vertical flip and little rotation; "
            "gain, depth gain and speckle vary"
        ),
        [
            {"HorizontalFlip": {"p": 0.5}},
            # Gain and dynamic range as sonographers set them; mostly brighter, so dark lesions do not become black.
            {
                "RandomBrightnessContrast": {
                    "brightness_limit": [-0.06, 0.14],
                    "contrast_limit": 0.2,
                    "p": 0.6,
                }
            },
            {"RandomGamma": {"gamma_limit": [75, 135], "p": 0.4}},
            # Time-gain compensation: brightness changes with depth, so the gradient points up or down.
            {
                "Illumination": {
                    "mode": "linear",
                    "angle_range": [80, 100],
                    "intensity_range": [0.05, 0.2],
                    "p": 0.3,
                }
            },
            {"GaussianBlur": {"sigma_limit": [0.3, 0.8], "p": 0.2}},
            # Speckle is multiplicative noise.
            {"MultiplicativeNoise": {"multiplier": [0.85, 1.15], "elementwise": True, "p": 0.3}},
            {
                "Affine": {
                    "scale": [0.85, 1.2],
                    "translate_percent": [-0.08, 0.08],
                    "rotate": [-10, 10],
                    "p": 0.7,
                    **_AFFINE,
                }
            },
        ],
    ),
    "microscopy": Preset(
        (
            "slides have no up and down; stain, focus and noise differ between laboratories, and hue "
            "changes only a little"
        ),
        [
            {"HorizontalFlip": {"p": 0.5}},
            {"VerticalFlip": {"p": 0.5}},
            # Stain, section thickness and scanner vary; hue changes little, since it distinguishes the stains.
            {
                "ColorJitter": {
                    "brightness": [0.85, 1.15],
                    "contrast": [0.8, 1.2],
                    "saturation": [0.7, 1.3],
                    "hue": [-0.04, 0.04],
                    "p": 0.7,
                }
            },
            {"RandomGamma": {"gamma_limit": [75, 135], "p": 0.3}},
            {"GaussianBlur": {"sigma_limit": [0.3, 1.2], "p": 0.2}},
            {"GaussNoise": {"std_range": [0.01, 0.04], "per_channel": False, "p": 0.2}},
            # Not RandomRotate90, which changes the size of images that are not square.
            {"Affine": {"scale": [0.8, 1.25], "rotate": [-180, 180], "p": 0.7, **_AFFINE}},
        ],
    ),
    "dermoscopy": Preset(
        (
            "lesions have no up and down; lighting, skin tone and hairs vary, and hue hardly changes, since "
            "colour is part of the diagnosis"
        ),
        [
            # Hairs, 2 or 3 of 256 pixels wide, which the rotation below turns in any direction; the skin under them
            # keeps its label.
            {
                "CoarseDropout": {
                    "num_holes_range": [1, 5],
                    "hole_height_range": [0.3, 0.8],
                    "hole_width_range": [0.008, 0.012],
                    "fill": 0,
                    "p": 0.3,
                }
            },
            {"HorizontalFlip": {"p": 0.5}},
            {"VerticalFlip": {"p": 0.5}},
            {
                "ColorJitter": {
                    "brightness": [0.85, 1.15],
                    "contrast": [0.85, 1.15],
                    "saturation": [0.8, 1.2],
                    "hue": [-0.02, 0.02],
                    "p": 0.7,
                }
            },
            # The lamp of a dermatoscope illuminates one side more than the other.
            {"Illumination": {"mode": "linear", "intensity_range": [0.05, 0.15], "p": 0.3}},
            {"GaussianBlur": {"sigma_limit": [0.3, 1.2], "p": 0.15}},
            {"Affine": {"scale": [0.8, 1.2], "rotate": [-180, 180], "p": 0.8, **_AFFINE}},
        ],
    ),
}
