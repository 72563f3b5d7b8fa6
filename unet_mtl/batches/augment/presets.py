"""Augmentation for kinds of pictures: what may change in them without changing what they show.

Measured at 256x256: each costs a few milliseconds an image. ElasticTransform (10 ms) and ThinPlateSpline (60 ms) are
in none; noise is the same in all channels and colours are shifted by ColorJitter, so that a grey picture stays grey. In
the last three what turning brings in stays black, since it is their last step; the padding of `fit: pad` is part of the
picture by then, and gets brighter and darker with it.
"""

from typing import Any

from unet_mtl.data.images import IGNORE

Step = dict[str, dict[str, Any]]

# What comes into the picture from outside it is black and has no label.
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
    "ultrasound": [
        {"HorizontalFlip": {"p": 0.5}},
        # Gain and dynamic range, as the sonographer sets them; rather up, since dark lesions must not all become black.
        {"RandomBrightnessContrast": {"brightness_limit": [-0.06, 0.14], "contrast_limit": 0.2, "p": 0.6}},
        {"RandomGamma": {"gamma_limit": [75, 135], "p": 0.4}},
        # Time gain compensation: brighter or darker with depth, so the gradient points up or down.
        {
            "Illumination": {
                "mode": "linear",
                "angle_range": [80, 100],
                "intensity_range": [0.05, 0.2],
                "p": 0.3,
            }
        },
        {"GaussianBlur": {"sigma_limit": [0.3, 0.8], "p": 0.2}},
        # Speckle is multiplied, not added.
        {"MultiplicativeNoise": {"multiplier": [0.85, 1.15], "elementwise": True, "p": 0.3}},
        {
            "Affine": {
                "scale": [0.85, 1.2],
                "translate_percent": [-0.08, 0.08],
                "rotate": [-10, 10],
                "p": 0.7,
                **_OUTSIDE,
            }
        },
    ],
    "microscopy": [
        {"HorizontalFlip": {"p": 0.5}},
        {"VerticalFlip": {"p": 0.5}},
        # Stain, thickness of the cut and scanner; small in hue, since hue is what tells the stains apart.
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
        # RandomRotate90 would not do: it changes the size of a picture that is not square.
        {"Affine": {"scale": [0.8, 1.25], "rotate": [-180, 180], "p": 0.7, **_OUTSIDE}},
    ],
    "dermoscopy": [
        # Hairs, 2 or 3 of 256 pixels wide, before the turning lays them in any direction; the skin below stays
        # labelled.
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
        # The dermatoscope's lamp lights one side more than the other.
        {"Illumination": {"mode": "linear", "intensity_range": [0.05, 0.15], "p": 0.3}},
        {"GaussianBlur": {"sigma_limit": [0.3, 1.2], "p": 0.15}},
        {"Affine": {"scale": [0.8, 1.2], "rotate": [-180, 180], "p": 0.8, **_OUTSIDE}},
    ],
}

REASONS = {
    "none": "nothing changes",
    "light": "small changes that hardly any picture forbids; it mirrors left and right",
    "any_direction": "for pictures without an up and down, grey or of colours that may not change",
    "ultrasound": (
        "the probe is at the top and shadows fall down: no vertical flip and little turning; gain, depth gain and "
        "speckle vary"
    ),
    "microscopy": "a slide has no up and down; stain, focus and noise vary from lab to lab, hue a little only",
    "dermoscopy": (
        "a lesion has no up and down; lamp, skin tone and hairs vary, hue hardly, since colour is part of the diagnosis"
    ),
}
"""Why each preset is as it is, in a line."""
