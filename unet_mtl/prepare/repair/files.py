"""The files of a repaired copy: one image and its masks, as they are read, and what was wrong with them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.description import MaskDescription
from unet_mtl.data.images import IGNORE, count_soft_alpha, read_header
from unet_mtl.data.inspection import ImageFacts
from unet_mtl.data.masks import count_pixels, read_case_mask, unite_masks
from unet_mtl.data.readers import reader_of, suffix_of
from unet_mtl.data.readers.intensity import Intensity, to_image
from unet_mtl.data.readers.picture import Picture
from unet_mtl.data.records import MaskFile, Record
from unet_mtl.errors import DataError
from unet_mtl.prepare.doctor.images import is_other_format

Tell = Callable[[Path, str, str, str], None]
"""Is told of a file, the kind, what was there, and what is there now."""


def write_image(
    stem: Path, record: Record, facts: ImageFacts, *, invert: bool, intensity: Intensity, tell: Tell
) -> Path:
    """Writes one image: as it is where nothing is wrong with it, else upright and without loss.

    Of a DICOM the pixels alone, since its header has the patient's name.

    Args:
        stem: Of the file to be; the suffix is added.
        record: Of the case.
        facts: Of its image.
        invert: Whether it is a negative to be turned round.
        intensity: As the training will read it.
        tell: Is told of what was changed.

    Returns:
        The file.

    Raises:
        DataError: The image cannot be read.
        OSError: The disk refused.
    """
    source = record.require_image()
    header = read_header(source, record.frame)
    chosen = record.frame is not None and header.frames > 1
    turned = header.orientation != 1
    named = facts.suffix == ".dcm"
    if not (chosen or named or turned or invert):
        path = _with_suffix(stem, facts.suffix)
        shutil.copyfile(source, path)
    else:
        picture = reader_of(source).read(source, record.frame)
        numbers = _lossless(picture, source, invert=invert, intensity=intensity)
        path = _write_numbers(stem, numbers)
    if turned:
        tell(source, "image-turned", f"EXIF orientation {header.orientation}", f"{path.name}, upright")
    if invert:
        tell(source, "image-inverted", "a negative", f"{path.name}, black and white swapped")
    if chosen or named:
        tell(
            source,
            "frame" if chosen else "dicom",
            f"frame {record.frame} of {header.frames}"
            if chosen
            else "a DICOM, whose header may name the patient",
            f"{path.name}, where {_range(picture.pixels)} is {_range(numbers)}",
        )
    if is_other_format(suffix_of(source), facts.suffix):
        tell(source, "image-suffix", f"{source.name}, a {facts.suffix} by its bytes", path.name)
    return path


def _with_suffix(stem: Path, suffix: str) -> Path:
    path = stem.with_name(stem.name + suffix)
    if path.exists():  # on a disk that ignores capitals
        raise DataError(
            f"case {stem.name!r}: another one's file has the same name, capitals apart; rename one"
        )
    return path


def _lossless(picture: Picture, source: Path, *, invert: bool, intensity: Intensity) -> NDArray[Any]:
    """Numbers without more to know of them, which read as what the training sees of the picture."""
    pixels = picture.pixels
    coded = picture.colours is not None or picture.extent is not None or picture.inverted
    measured = picture.measured or picture.window is not None
    if pixels.dtype in (np.uint8, np.uint16) and not (coded or measured):
        return np.asarray(np.iinfo(pixels.dtype).max - pixels if invert else pixels)
    if intensity not in ("auto", "window") and not (coded or invert or pixels.dtype == np.bool_):
        return pixels  # what is black and white then goes by the numbers alone
    image = to_image(picture, "auto", source)
    if not invert:
        return image
    return np.asarray((255 if image.dtype == np.uint8 else np.float32(1)) - image)


def _write_numbers(stem: Path, numbers: NDArray[Any]) -> Path:
    """PNG where it can hold them, else NPY."""
    channels = numbers.shape[-1]
    if channels not in (1, 3) or numbers.dtype not in (np.uint8, np.uint16):
        path = _with_suffix(stem, ".npy")
        np.save(path, numbers)
        return path
    path = _with_suffix(stem, ".png")
    if numbers.dtype == np.uint8 or channels == 1:
        Image.fromarray(numbers[..., 0] if channels == 1 else numbers).save(path)
        return path
    done, packed = cv2.imencode(
        ".png", np.ascontiguousarray(numbers[..., ::-1])
    )  # Pillow has no such colours
    if not done:
        raise DataError(f"{path}: colours of 16 bits cannot be packed")
    path.write_bytes(packed.tobytes())
    return path


def _range(numbers: NDArray[Any]) -> str:
    return f"{numbers.min():g}..{numbers.max():g}"


def mend_mask(
    record: Record, target: str, description: MaskDescription, *, invert: bool, tell: Tell
) -> NDArray[np.uint8] | None:
    """Reads the mask of a case as `read_case_mask`, and mends what is wrong with its files.

    Args:
        record: Of the case.
        target: Which mask.
        description: Of the mask.
        invert: Whether background and foreground are to be swapped.
        tell: Is told of what was changed.

    Returns:
        The mask; None where there is none.

    Raises:
        DataError: What is wrong is none of what can be mended.
    """
    files = record.masks.get(target, ())
    if not files:
        return None
    single = description.model_copy(update={"overlap": False})
    mask = unite_masks([_mend_file(file, record, target, single, tell) for file in files], description)
    return _swapped(mask, files[0].path, tell) if invert else mask


def _mend_file(
    file: MaskFile, record: Record, target: str, description: MaskDescription, tell: Tell
) -> NDArray[np.uint8]:
    alone = replace(record, masks={target: (file,)})
    turn = False
    while True:
        try:
            mask = read_case_mask(alone, target, description, turn=turn)
            break
        except DataError as error:
            was = str(error).removeprefix(f"{file.path}: ").partition(";")[0]
            if error.kind == "mask-unturned" and not turn:
                turn = True
                tell(file.path, error.kind, was, "turned as its image")
            elif error.kind in ("mask-stray", "mask-antialiased") and description.repair is None:
                description = description.model_copy(update={"repair": "nearest"})
                now = (
                    "like the nearest known pixel"
                    if error.kind == "mask-stray"
                    else "the nearest known value"
                )
                tell(file.path, error.kind, was, now)
            else:
                raise
    if mask is None:
        raise DataError(f"{file.path}: no such file", kind="mask-missing")
    soft = count_soft_alpha(file.path)
    if soft:
        tell(file.path, "mask-soft-alpha", f"{soft} half-transparent pixels", "no alpha")
    return mask


def _swapped(mask: NDArray[np.uint8], path: Path, tell: Tell) -> NDArray[np.uint8]:
    """Background and the one class that is there, each for the other; as it is where there are several."""
    present = [index for index in count_pixels(mask) if index not in (0, IGNORE)]
    if len(present) != 1:
        return mask
    tell(path, "mask-inverted", "foreground around background", "swapped")
    if mask.ndim == 3:
        swapped = mask.copy()
        swapped[..., present[0] - 1] ^= 1
        return swapped
    return np.asarray(np.where(mask == 0, present[0], np.where(mask == present[0], 0, mask)), np.uint8)
