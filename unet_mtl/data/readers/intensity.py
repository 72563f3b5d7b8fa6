"""Convert stored values to an image: uint8, or float32 in 0..1."""

from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from unet_mtl.data.readers.picture import Picture
from unet_mtl.errors import DataError

_Name = Literal[
    "auto", "window", "percentile", "range", "zscore", "percentile_per_channel", "zscore_per_channel"
]
_PER_CHANNEL = "_per_channel"


def _check_intensity(intensity: Any) -> Any:
    if isinstance(intensity, str) and intensity in get_args(_Name):
        return intensity
    if isinstance(intensity, list | tuple) and len(intensity) == 2 and all(map(_is_number, intensity)):
        low, high = map(float, intensity)
        if isfinite(low) and isfinite(high) and low < high:
            return low, high
    raise ValueError(
        f"expected one of {', '.join(get_args(_Name))}, or a window [low, high], low below high, such as [-160, 240]"
    )


def _is_number(part: Any) -> bool:
    return isinstance(part, int | float) and not isinstance(part, bool)


Intensity = Annotated[_Name | tuple[float, float], BeforeValidator(_check_intensity)]
"""The stored values that become black and white.

`auto` is the display window of the file if it has one; else `percentile` for measurements of scanners (DICOM above
8 bits, volumes); else `range`. `window` is the display window of the file. `percentile` is the 0.5th and the 99.5th
percentile of the picture. `range` is the range of the type; floating-point values must be in 0..1. `zscore` is 4
standard deviations below and above the mean of the picture over all channels, so that 0..1 is (z + 4) / 8.
`percentile_per_channel` and `zscore_per_channel` treat each channel as a picture of its own, for channels that differ
in kind, such as sequences of MRI or stains of fluorescence. `(low, high)` is a window for all types. A picture with
only one value is black under `percentile` and `zscore`.
"""

PERCENTILES = (0.5, 99.5)
DEVIATIONS = 4.0


def to_image(picture: Picture, intensity: Intensity, path: Path) -> NDArray[Any]:
    """Convert a picture to an image.

    Args:
        picture: The picture as stored.
        intensity: The values that become black and white.
        path: The file, named in errors.

    Returns:
        An array `(height, width, channels)`: uint8 if 8-bit values are kept unchanged, else float32 in 0..1.

    Raises:
        DataError: The range of the values is unknown, or `intensity` does not fit the file.
    """
    try:
        intensity = _check_intensity(intensity)
    except ValueError as error:
        raise DataError(f"intensity {intensity!r} is unknown; {error}") from None
    if picture.colours is not None:
        picture = replace(picture, pixels=_look_up_colours(picture, picture.colours, path), colours=None)
    if picture.pixels.dtype.kind not in "buif":
        raise DataError(
            f"{path}: values of type {picture.pixels.dtype}; expected whole numbers or floating point"
        )
    _check_finite(picture, path)
    chosen = _resolve_auto(picture, intensity)
    if chosen == "range" and picture.pixels.dtype in (np.bool_, np.uint8) and picture.extent is None:
        # Photographs, which take much memory, are not copied.
        as_stored = picture.pixels.dtype == np.uint8 and picture.pixels.flags.carray
        pixels = picture.pixels if as_stored else picture.pixels.astype(np.uint8)
        if picture.pixels.dtype == np.bool_:
            pixels *= np.uint8(255)
        return 255 - pixels if picture.inverted else pixels
    if isinstance(chosen, str) and chosen.endswith(_PER_CHANNEL):
        alike = _check_intensity(chosen.removesuffix(_PER_CHANNEL))
        planes = np.split(picture.pixels, picture.pixels.shape[-1], axis=-1)
        return np.concatenate([to_image(replace(picture, pixels=plane), alike, path) for plane in planes], -1)
    return _scale(picture, _limits(picture, chosen, intensity, path))


def _look_up_colours(picture: Picture, colours: NDArray[Any], path: Path) -> NDArray[Any]:
    indices = picture.pixels[..., 0]
    if indices.max() >= len(colours):
        raise DataError(
            f"{path}: index {indices.max()} exceeds the palette of {len(colours)} colours; export the file again"
        )
    return np.asarray(colours[indices])


def _resolve_auto(picture: Picture, intensity: Intensity) -> Intensity:
    if intensity != "auto":
        return intensity
    if picture.window is not None:
        return "window"
    return "percentile" if picture.measured else "range"


def _limits(picture: Picture, chosen: Intensity, requested: Intensity, path: Path) -> tuple[float, float]:
    if chosen == "window":
        if picture.window is None:
            raise DataError(
                f'{path}: the file has no window; choose intensity "percentile" or "range"',
                kind="image-range",
            )
        return picture.window
    if isinstance(chosen, tuple):
        return chosen
    if chosen == "range":
        return _range(picture, requested, path)
    if chosen == "percentile":
        low, high = np.percentile(picture.pixels, PERCENTILES)
        return float(low), float(high)
    numbers = picture.pixels.astype(np.float64)
    if numbers.min() == numbers.max():  # the standard deviation may be above 0 by rounding
        return float(numbers.flat[0]), float(numbers.flat[0])
    mean, reach = float(numbers.mean()), DEVIATIONS * float(numbers.std())
    return mean - reach, mean + reach


def _range(picture: Picture, requested: Intensity, path: Path) -> tuple[float, float]:
    dtype, pixels = picture.pixels.dtype, picture.pixels
    if picture.extent is not None:
        return picture.extent
    if dtype.kind in "ui" and (requested == "range" or dtype == np.uint16):
        return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    if dtype.kind in "ui" or not (pixels.min() >= 0 and pixels.max() <= 1):
        raise DataError(
            f"{path}: pixels of type {dtype} with values {pixels.min():g}..{pixels.max():g}; expected 8-bit, "
            '16-bit, or floating point in 0..1. Convert them, or read with intensity "percentile"',
            kind="image-range",
        )
    return 0.0, 1.0


def _check_finite(picture: Picture, path: Path) -> None:
    if picture.pixels.dtype.kind != "f":
        return
    bad = int((~np.isfinite(picture.pixels)).sum())
    if bad:
        raise DataError(
            f"{path}: {bad:,} of {picture.pixels.size:,} values are not finite, so that no `intensity` can read the "
            "image; replace them by numbers, or export the file again",
            kind="image-not-finite",
        )


def _scale(picture: Picture, limits: tuple[float, float]) -> NDArray[Any]:
    low, high = limits
    if low == high:  # a constant picture has no contrast
        return np.zeros(picture.pixels.shape, np.float32)
    # float64 only for values that float32 cannot represent, such as 32-bit integers.
    pixels: NDArray[Any] = picture.pixels.astype(
        np.float32 if picture.pixels.dtype.itemsize <= 2 else np.float64
    )
    if limits != (0.0, 1.0):
        pixels = np.clip((pixels - low) / (high - low), 0, 1)
    return (1 - pixels if picture.inverted else pixels).astype(np.float32)
