"""The image and mask files of a repaired copy."""

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

LogChange = Callable[[Path, str, str, str], None]
"""A function that logs a change, from the file, the kind of repair, the old and the new content."""


def write_image(
    stem: Path, record: Record, facts: ImageFacts, *, invert: bool, intensity: Intensity, log: LogChange
) -> Path:
    """Write one image: unchanged if there is nothing to repair, otherwise upright and without loss.

    Only the pixels of a DICOM file are written, since its header may contain the patient's name.

    Args:
        stem: The path of the new file without suffix.
        record: The record of the case.
        facts: The facts about its image from the inspection.
        invert: Whether the image is a negative, in which black and white are to be swapped.
        intensity: The reading of intensities in the training.
        log: A function that logs a change.

    Returns:
        The path of the new file.

    Raises:
        DataError: The image cannot be read.
        OSError: The operating system refused the write.
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
        log(source, "image-turned", f"EXIF orientation {header.orientation}", f"{path.name}, upright")
    if invert:
        log(source, "image-inverted", "a negative", f"{path.name}, black and white swapped")
    if chosen or named:
        log(
            source,
            "frame" if chosen else "dicom",
            f"frame {record.frame} of {header.frames}"
            if chosen
            else "a DICOM with a header that may name the patient",
            f"{path.name}, where {_range(picture.pixels)} is {_range(numbers)}",
        )
    if is_other_format(suffix_of(source), facts.suffix):
        log(source, "image-suffix", f"{source.name}, a {facts.suffix} by its bytes", path.name)
    return path


def _with_suffix(stem: Path, suffix: str) -> Path:
    path = stem.with_name(stem.name + suffix)
    if path.exists():  # on a file system that ignores case
        raise DataError(
            f"case {stem.name!r}: the file of another case has the same name except for upper and lower case; "
            "rename one"
        )
    return path


def _lossless(picture: Picture, source: Path, *, invert: bool, intensity: Intensity) -> NDArray[Any]:
    """Return plain numbers that are read like the picture in the training, without its metadata."""
    pixels = picture.pixels
    coded = picture.colours is not None or picture.extent is not None or picture.inverted
    measured = picture.measured or picture.window is not None
    if pixels.dtype in (np.uint8, np.uint16) and not (coded or measured):
        return np.asarray(np.iinfo(pixels.dtype).max - pixels if invert else pixels)
    if intensity not in ("auto", "window") and not (coded or invert or pixels.dtype == np.bool_):
        return pixels  # black and white are then derived from the numbers alone
    image = to_image(picture, "auto", source)
    if not invert:
        return image
    return np.asarray((255 if image.dtype == np.uint8 else np.float32(1)) - image)


def _write_numbers(stem: Path, numbers: NDArray[Any]) -> Path:
    """Write a PNG if it can hold the numbers, otherwise an NPY file."""
    channels = numbers.shape[-1]
    if channels not in (1, 3) or numbers.dtype not in (np.uint8, np.uint16):
        path = _with_suffix(stem, ".npy")
        np.save(path, numbers)
        return path
    path = _with_suffix(stem, ".png")
    if numbers.dtype == np.uint8 or channels == 1:
        Image.fromarray(numbers[..., 0] if channels == 1 else numbers).save(path)
        return path
    # Pillow cannot write colours of 16 bits.
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(numbers[..., ::-1]))
    if not done:
        raise DataError(f"{path}: an image with colours of 16 bits could not be encoded as PNG")
    path.write_bytes(encoded.tobytes())
    return path


def _range(numbers: NDArray[Any]) -> str:
    return f"{numbers.min():g}..{numbers.max():g}"


def repair_mask(
    record: Record, target: str, description: MaskDescription, *, invert: bool, log: LogChange
) -> NDArray[np.uint8] | None:
    """Read the mask of a case like `read_case_mask`, and repairs errors of its files.

    Args:
        record: The record of the case.
        target: The name of the mask.
        description: The description of the mask.
        invert: Whether background and foreground are to be swapped.
        log: A function that logs a change.

    Returns:
        The mask of shape `(rows, columns)`, or `(rows, columns, classes - 1)` if classes overlap; None if the case has
        none.

    Raises:
        DataError: A file has an error that cannot be repaired.
    """
    files = record.masks.get(target, ())
    if not files:
        return None
    single = description.model_copy(update={"overlap": False})
    mask = unite_masks([_repair_file(file, record, target, single, log) for file in files], description)
    return _swap(mask, files[0].path, log) if invert else mask


def _repair_file(
    file: MaskFile, record: Record, target: str, description: MaskDescription, log: LogChange
) -> NDArray[np.uint8]:
    single = replace(record, masks={target: (file,)})
    turn = False
    while True:
        try:
            mask = read_case_mask(single, target, description, turn=turn)
            break
        except DataError as error:
            was = str(error).removeprefix(f"{file.path}: ").partition(";")[0]
            if error.kind == "mask-unturned" and not turn:
                turn = True
                log(file.path, error.kind, was, "turned like its image")
            elif error.kind in ("mask-stray", "mask-antialiased") and description.repair is None:
                description = description.model_copy(update={"repair": "nearest"})
                now = (
                    "like the nearest known pixel"
                    if error.kind == "mask-stray"
                    else "the nearest known value"
                )
                log(file.path, error.kind, was, now)
            else:
                raise
    if mask is None:
        raise DataError(f"{file.path}: no such file", kind="mask-missing")
    soft = count_soft_alpha(file.path)
    if soft:
        log(file.path, "mask-soft-alpha", f"{soft} half-transparent pixels", "no alpha")
    return mask


def _swap(mask: NDArray[np.uint8], path: Path, log: LogChange) -> NDArray[np.uint8]:
    """Swap the background and the only class in a mask; a mask of several classes stays unchanged."""
    present = [index for index in count_pixels(mask) if index not in (0, IGNORE)]
    if len(present) != 1:
        return mask
    log(path, "mask-inverted", "foreground around background", "swapped")
    if mask.ndim == 3:
        swapped = mask.copy()
        swapped[..., present[0] - 1] ^= 1
        return swapped
    return np.asarray(np.where(mask == 0, present[0], np.where(mask == present[0], 0, mask)), np.uint8)
