"""Problems of single images, and of images compared with each other."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.inspection import ImageFacts, Inspection
from unet_mtl.data.observations import Observation
from unet_mtl.data.readers import format_named, suffix_of
from unet_mtl.data.records import Dataset
from unet_mtl.wording import count_of

TEXT = 4
"""Length of a row of letters that counts as text; 1,000 ultrasound and microscopy images without text had none."""

_COLOURED = 10  # coloured pixels
_CONSTANT = 2 / 255
_DARK = 0.25  # 12 bits of 16 are 0.06
_FEWEST_TO_COMPARE = 8
_FAR = 4.0  # robust standard deviations of the mean brightness
_ALIKE, _UNLIKE = 0.35, -0.2  # correlation with the median image


def is_other_format(named: str, suffix: str) -> bool:
    """Return whether two suffixes stand for different formats."""
    return format_named(named) is not format_named(suffix)


def check_images(dataset: Dataset, inspection: Inspection) -> Iterator[Observation]:
    """Report the problems of single images, then those of the images compared with each other.

    Args:
        dataset: The cases that could be read.
        inspection: Facts about their files.
    """
    suffixes = {record.case: suffix_of(record.image) for record in dataset if record.image is not None}
    for case, image in inspection.images.items():
        yield from _check_one(case, image, suffixes[case])
    yield from _missing_channels(dataset)
    yield from _mixed(inspection)
    yield from _inverted(inspection)
    for (height, width), n, box in inspection.strokes.find_shared():
        top, left, bottom, right = box
        place = f"rows {top} to {bottom} and columns {left} to {right}"
        cases = tuple(case for case, image in inspection.images.items() if image.size == (height, width))
        text = f"most of the {n} images of {height}x{width} have bright strokes at the same place in {place}"
        yield Observation("fixed-marks", text, cases)


def _check_one(case: str, image: ImageFacts, named: str) -> Iterator[Observation]:
    if image.orientation != 1:
        text = f"case {case!r}: EXIF orientation {image.orientation}; the image is rotated upright when it is read"
        yield Observation("image-turned", text, (case,))
    if is_other_format(named, image.suffix):
        suffix = f"the suffix {named}" if named else "no suffix"
        text = f"case {case!r}: the file has {suffix}, but its content is {image.suffix}"
        yield Observation("image-suffix", text, (case,))
    if image.high - image.low <= _CONSTANT:
        yield Observation(
            "image-constant", f"case {case!r}: every pixel has the value {image.high:.3g} of 1", (case,)
        )
    elif image.kind.startswith("16") and image.high < _DARK:
        text = f"case {case!r}: the brightest pixel is at {image.high:.1%} of the range of its data type"
        yield Observation("image-dark", text, (case,))
    if image.other_spacing:
        yield Observation("channel-spacing", f"case {case!r}: {image.other_spacing}", (case,))
    if image.burned_in.letters >= TEXT:
        text = f"case {case!r}: a row of {image.burned_in.letters} letters"
        yield Observation("text", text, (case,))
    if image.burned_in.coloured >= _COLOURED:
        text = f"case {case!r}: {image.burned_in.coloured} coloured pixels in an otherwise grey image"
        yield Observation("coloured-marks", text, (case,))


def _missing_channels(dataset: Dataset) -> Iterator[Observation]:
    for name in dataset.description.optional_channels:
        cases = tuple(record.case for record in dataset if name in record.missing_channels)
        if cases:
            text = f"channel {name!r} is missing in {len(cases):,} of {count_of(len(dataset), 'case')}"
            yield Observation("channel-absent", text, cases)


def _mixed(inspection: Inspection) -> Iterator[Observation]:
    types = inspection.types
    if len(types) > 1:
        usual = types.most_common(1)[0][0]
        text = ", ".join(f"{n} {kind}" for kind, n in types.most_common())
        cases = tuple(case for case, image in inspection.images.items() if image.kind != usual)
        yield Observation("types-mixed", text, cases)
    plain = tuple(case for case, image in inspection.images.items() if image.plain)
    if plain:
        text = (
            f"{len(plain)} of {len(inspection.images)} images are stored as colour with three equal channels"
        )
        yield Observation("plain-colour", text, plain)


def _inverted(inspection: Inspection) -> Iterator[Observation]:
    """Report images that are bright where the others are dark; needs images that resemble each other."""
    cases = [case for case, image in inspection.images.items() if image.high - image.low > _CONSTANT]
    if len(cases) < _FEWEST_TO_COMPARE:
        return
    coarse = np.array([np.frombuffer(inspection.images[case].coarse, np.uint8) for case in cases], np.float32)
    mean = coarse.mean(axis=1)
    usual = np.median(mean)
    away = np.abs(mean - usual)
    negative = (np.abs(255 - mean - usual) < away) & (away > _FAR * 1.4826 * np.median(away))
    patterns = _unit(coarse)
    correlation = patterns @ _unit(np.median(patterns, axis=0))
    if np.median(correlation) < _ALIKE:
        return
    for index in np.flatnonzero(negative & (correlation < _UNLIKE)):
        text = (
            f"case {cases[index]!r}: the mean brightness is {mean[index]:.0f} of 255, the median over all images is "
            f"{usual:.0f}, and the image is bright where the others are dark"
        )
        yield Observation("image-inverted", text, (cases[index],))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-6), np.float32)
