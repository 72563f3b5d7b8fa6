"""What is odd in single images, and in images beside each other."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.inspection import ImageFacts, Inspection
from unet_mtl.data.observations import Observation
from unet_mtl.data.readers import format_named, suffix_of
from unet_mtl.data.records import Dataset

TEXT = 4
"""Letters in a row that make it text: in none of 1,000 ultrasound and microscopy images without text were there 4."""

_COLOURED = 10  # pixels
_CONSTANT = 2 / 255
_DARK = 0.25  # 12 bits of 16 are 0.06
_FEWEST_TO_COMPARE = 8
_FAR = 4.0  # robust standard deviations of the mean brightness
_ALIKE, _UNLIKE = 0.35, -0.2  # correlation with the median picture


def is_other_format(named: str, suffix: str) -> bool:
    """Whether two suffixes stand for different formats."""
    return format_named(named) is not format_named(suffix)


def check_images(dataset: Dataset, inspection: Inspection) -> Iterator[Observation]:
    """Images one by one, then side by side."""
    suffixes = {record.case: suffix_of(record.image) for record in dataset if record.image is not None}
    for case, image in inspection.images.items():
        yield from _check_one(case, image, suffixes[case])
    yield from _mixed(inspection)
    yield from _inverted(inspection)
    for (height, width), n, box in inspection.strokes.find_shared():
        top, left, bottom, right = box
        place = f"rows {top} to {bottom}, columns {left} to {right}"
        cases = tuple(case for case, image in inspection.images.items() if image.size == (height, width))
        text = (
            f"most of the {n} images of {height}x{width} have bright strokes at the same place within {place}"
        )
        yield Observation("fixed-marks", text, cases)


def _check_one(case: str, image: ImageFacts, named: str) -> Iterator[Observation]:
    if image.orientation != 1:
        text = f"case {case!r}: EXIF orientation {image.orientation}; it is turned upright when it is read"
        yield Observation("image-turned", text, (case,))
    if is_other_format(named, image.suffix):
        text = (
            f"case {case!r}: named {named or 'without a suffix'}, but its bytes are those of a {image.suffix}"
        )
        yield Observation("image-suffix", text, (case,))
    if image.high - image.low <= _CONSTANT:
        yield Observation(
            "image-constant", f"case {case!r}: every pixel is {image.high:.3g} of the range", (case,)
        )
    elif image.kind.startswith("16") and image.high < _DARK:
        text = f"case {case!r}: the brightest pixel is {image.high:.1%} of the range of its type"
        yield Observation("image-dark", text, (case,))
    if image.burned_in.letters >= TEXT:
        text = f"case {case!r}: {image.burned_in.letters} letters in a row"
        yield Observation("text", text, (case,))
    if image.burned_in.coloured >= _COLOURED:
        text = f"case {case!r}: {image.burned_in.coloured} coloured pixels in a grey image"
        yield Observation("coloured-marks", text, (case,))


def _mixed(inspection: Inspection) -> Iterator[Observation]:
    types = inspection.types
    if len(types) > 1:
        usual = types.most_common(1)[0][0]
        words = ", ".join(f"{n} {kind}" for kind, n in types.most_common())
        cases = tuple(case for case, image in inspection.images.items() if image.kind != usual)
        yield Observation("types-mixed", words, cases)
    plain = tuple(case for case, image in inspection.images.items() if image.plain)
    if plain:
        text = (
            f"{len(plain)} of {len(inspection.images)} images have three channels that are one and the same"
        )
        yield Observation("plain-colour", text, plain)


def _inverted(inspection: Inspection) -> Iterator[Observation]:
    """Images as bright as the others are dark, with the pattern turned round; silent where the others differ."""
    cases = [case for case, image in inspection.images.items() if image.high - image.low > _CONSTANT]
    if len(cases) < _FEWEST_TO_COMPARE:
        return
    coarse = np.array([np.frombuffer(inspection.images[case].coarse, np.uint8) for case in cases], np.float32)
    mean = coarse.mean(axis=1)
    usual = np.median(mean)
    away = np.abs(mean - usual)
    negative = (np.abs(255 - mean - usual) < away) & (away > _FAR * 1.4826 * np.median(away))
    patterns = _unit(coarse)
    likeness = patterns @ _unit(np.median(patterns, axis=0))
    if np.median(likeness) < _ALIKE:
        return
    for index in np.flatnonzero(negative & (likeness < _UNLIKE)):
        text = (
            f"case {cases[index]!r}: mean brightness {mean[index]:.0f} of 255 where the median image has {usual:.0f}, "
            "and bright where the others are dark"
        )
        yield Observation("image-inverted", text, (cases[index],))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-6), np.float32)
