"""Faults of images: unreadable files and unusual pixels."""

import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import nibabel
import numpy as np
import tifffile
from PIL import Image

from .fault import Fault, allow
from .good import CASES, LESIONS, change_table, change_yaml, image_path, mask_path, read_pixels, write_pixels
from .pictures import encoded, write_dicom

ONE, OTHER = LESIONS[3], LESIONS[8]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 4711\n"
TRANSPOSED = 6
"""EXIF orientation of a phone held upright."""


def png_cut_off(folder: Path) -> None:
    path = image_path(folder, ONE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def jpeg_cut_off(folder: Path) -> None:
    path = image_path(folder, ONE)
    data = encoded(read_pixels(path), "JPEG", quality=95)
    path.write_bytes(data[: len(data) // 2])


def tiff_cut_off(folder: Path) -> None:
    path = image_path(folder, ONE)
    data = encoded(read_pixels(path), "TIFF")
    path.write_bytes(data[: len(data) // 2])


def png_with_a_bit_turned(folder: Path) -> None:
    path = image_path(folder, ONE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def image_of_no_bytes(folder: Path) -> None:
    image_path(folder, ONE).write_bytes(b"")


def text_named_png(folder: Path) -> None:
    image_path(folder, ONE).write_text("ID: 1\n")


def pointer_of_git_lfs(folder: Path) -> None:
    image_path(folder, ONE).write_text(POINTER)


def pointer_in_place_of_a_mask(folder: Path) -> None:
    mask_path(folder, ONE).write_text(POINTER)


def image_in_three_pages(folder: Path) -> None:
    pages = np.stack([read_pixels(image_path(folder, ONE))] * 3)
    tifffile.imwrite(image_path(folder, ONE), pages, photometric="minisblack")


def mask_in_two_pages(folder: Path) -> None:
    pages = np.stack([read_pixels(mask_path(folder, ONE))] * 2)
    tifffile.imwrite(mask_path(folder, ONE), pages, photometric="minisblack")


def page_of_an_error_named_png(folder: Path) -> None:
    image_path(folder, ONE).write_text("<!DOCTYPE html><title>404 Not Found</title><h1>Not Found</h1>")


def image_is_a_folder(folder: Path) -> None:
    image_path(folder, ONE).unlink()
    image_path(folder, ONE).mkdir()


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def header_of_60000_pixels(folder: Path) -> None:
    image_path(folder, ONE).write_bytes(_png(60_000, 60_000, b""))


def decompression_bomb(folder: Path) -> None:
    """Write 400 MB of black pixels in 400 KB: a compressed block that repeats."""
    packed = zlib.compressobj(9)
    start = packed.compress(bytes(2**20)) + packed.flush(zlib.Z_FULL_FLUSH)
    block = packed.compress(bytes(2**20)) + packed.flush(zlib.Z_FULL_FLUSH)
    rows = start + 399 * block + packed.flush()
    image_path(folder, ONE).write_bytes(_png(20_000, 20_000, rows))


def floats_of_no_range(folder: Path) -> None:
    pixels = read_pixels(image_path(folder, ONE)).astype(np.float32) * 16
    tifffile.imwrite(image_path(folder, ONE), pixels)


def floats_that_are_not_finite(folder: Path) -> None:
    pixels = read_pixels(image_path(folder, ONE)).astype(np.float32) / 255
    pixels[4, 5] = np.nan
    tifffile.imwrite(image_path(folder, ONE), pixels)


def twelve_bits_in_sixteen(folder: Path) -> None:
    pixels = read_pixels(image_path(folder, ONE)).astype(np.uint16) * 16
    write_pixels(image_path(folder, ONE), pixels)


def lying_down_with_a_note(folder: Path) -> None:
    upright = Image.fromarray(read_pixels(image_path(folder, ONE)))
    exif = Image.Exif()
    exif[0x0112] = TRANSPOSED
    upright.transpose(Image.Transpose.ROTATE_90).save(image_path(folder, ONE), exif=exif)


def jpeg_named_png(folder: Path) -> None:
    image_path(folder, ONE).write_bytes(encoded(read_pixels(image_path(folder, ONE)), "JPEG", quality=95))


def bmp_named_png(folder: Path) -> None:
    image_path(folder, ONE).write_bytes(encoded(read_pixels(image_path(folder, ONE)), "BMP"))


def image_grey_all_over(folder: Path) -> None:
    _fill(folder, 120)


def image_black(folder: Path) -> None:
    _fill(folder, 0)


def image_white(folder: Path) -> None:
    _fill(folder, 255)


def _fill(folder: Path, value: int) -> None:
    path = image_path(folder, ONE)
    write_pixels(path, np.full_like(read_pixels(path), value))


def image_negative(folder: Path) -> None:
    path = image_path(folder, ONE)
    write_pixels(path, 255 - read_pixels(path))


def two_negatives(folder: Path) -> None:
    for case in (ONE, OTHER):
        write_pixels(image_path(folder, case), 255 - read_pixels(image_path(folder, case)))


def one_image_in_colour(folder: Path) -> None:
    rgb = np.repeat(read_pixels(image_path(folder, ONE))[..., None], 3, axis=-1)
    rgb[..., 0] = np.clip(rgb[..., 0].astype(int) + 9, 0, 255)
    write_pixels(image_path(folder, ONE), rgb)


def grey_stored_as_colour(folder: Path) -> None:
    for case in CASES:
        path = image_path(folder, case)
        write_pixels(path, np.repeat(read_pixels(path)[..., None], 3, axis=-1))


def calipers_in_colour(folder: Path) -> None:
    rgb = np.repeat(read_pixels(image_path(folder, ONE))[..., None], 3, axis=-1)
    for place in ((20, 30), (50, 44)):
        cv2.drawMarker(rgb, place, (255, 230, 0), cv2.MARKER_CROSS, 9)
    write_pixels(image_path(folder, ONE), rgb)


def line_of_text(folder: Path) -> None:
    pixels = read_pixels(image_path(folder, ONE))
    cv2.putText(pixels, "LT BREAST", (2, 84), cv2.FONT_HERSHEY_SIMPLEX, 0.35, 255, 1)
    write_pixels(image_path(folder, ONE), pixels)


def name_of_the_patient(folder: Path) -> None:
    pixels = cv2.resize(read_pixels(image_path(folder, ONE)), (432, 528))
    cv2.putText(pixels, "J. DOE 01.02.1960", (20, 500), cv2.FONT_HERSHEY_PLAIN, 1.2, 255, 1)
    write_pixels(image_path(folder, ONE), pixels)


def patients_in_headers(folder: Path) -> None:
    for case, patient in {ONE: "Doe", OTHER: "Doe ", LESIONS[5]: "Roe", LESIONS[6]: ""}.items():
        write_dicom(image_path(folder, case), read_pixels(image_path(folder, case)), patient)


def ruler_at_one_place(folder: Path) -> None:
    for case in CASES:
        pixels = read_pixels(image_path(folder, case))
        pixels[10:80:6, 66:70] = 255
        write_pixels(image_path(folder, case), pixels)


def logo_at_one_place(folder: Path) -> None:
    for case in CASES:
        pixels = read_pixels(image_path(folder, case))
        cv2.circle(pixels, (8, 76), 5, 255, 1)
        cv2.line(pixels, (5, 73), (11, 79), 255, 1)
        write_pixels(image_path(folder, case), pixels)


def tiff_of_another_compression(folder: Path) -> None:
    path = image_path(folder, ONE)
    tifffile.imwrite(path, read_pixels(path).astype(np.uint32))
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags["Compression"].overwrite(34887)  # LERC


def frame_beyond_the_last(folder: Path) -> None:
    change_table(folder, lambda table: table.assign(page=["7" if case == ONE else "0" for case in CASES]))
    change_yaml(folder, lambda content: content.update(frame="page"))


UNREADABLE = [
    png_cut_off,
    jpeg_cut_off,
    tiff_cut_off,
    png_with_a_bit_turned,
    image_of_no_bytes,
    text_named_png,
    page_of_an_error_named_png,
]


def one_image_of_four_channels(folder: Path) -> None:
    pixels = read_pixels(image_path(folder, ONE))
    pixels = np.repeat(pixels.reshape(*pixels.shape[:2], -1)[..., :1], 4, axis=-1)
    extra = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": [0, 0, 0]}
    tifffile.imwrite(image_path(folder, ONE), pixels, **extra)


def in_two_channels(folder: Path, **more: Any) -> None:
    """Give each case a second channel, in a file of its own."""
    shutil.copytree(folder / "images", folder / "echo")

    def describe(content: dict[str, Any]) -> None:
        content["images"] = {
            "first": content["images"],
            "second": content["images"].replace("images", "echo"),
        }
        content.update(more)

    change_yaml(folder, describe)


def second_channel_of(folder: Path, case: str) -> Path:
    path = image_path(folder, case)
    return folder / "echo" / path.relative_to(folder / "images")


def channel_without_its_file(folder: Path) -> None:
    in_two_channels(folder)
    second_channel_of(folder, ONE).unlink()


def channel_that_may_be_missing(folder: Path) -> None:
    in_two_channels(folder, missing_channels="zeros")
    second_channel_of(folder, ONE).unlink()


def channel_of_another_size(folder: Path) -> None:
    in_two_channels(folder)
    path = second_channel_of(folder, ONE)
    write_pixels(path, read_pixels(path)[1:])


def channel_of_another_spacing(folder: Path) -> None:
    in_two_channels(folder)
    for path, zoom in ((image_path(folder, ONE), 0.5), (second_channel_of(folder, ONE), 0.6)):
        pixels = np.array(read_pixels(path))
        pixels = pixels.reshape(*pixels.shape[:2], -1)[..., :1]
        image = nibabel.Nifti1Image(pixels.swapaxes(0, 1), np.diag([zoom, zoom, 1, 1]))
        path.write_bytes(image.to_bytes())


IMAGE_FAULTS = [
    *[Fault(apply, "image-unreadable", (ONE,), words=(f"images/{ONE}.png",)) for apply in UNREADABLE],
    Fault(pointer_of_git_lfs, "lfs-pointer", (ONE,), words=(f"images/{ONE}.png", "git lfs pull")),
    Fault(pointer_in_place_of_a_mask, "lfs-pointer", (ONE,), words=(f"masks/{ONE}.png", "git lfs pull")),
    Fault(
        image_in_three_pages,
        "several-pictures",
        (ONE,),
        words=("images: 1 file holds 3 pictures, of which number 0 is read (counted from 0)",),
    ),
    Fault(
        mask_in_two_pages,
        "several-pictures",
        (ONE,),
        words=("masks of mask: 1 file holds 2 pictures, of which number 0 is read (counted from 0)",),
    ),
    Fault(header_of_60000_pixels, "image-large", (ONE,), words=(f"images/{ONE}.png",)),
    Fault(decompression_bomb, "image-large", (ONE,), words=(f"images/{ONE}.png",)),
    Fault(tiff_of_another_compression, "library-missing", (ONE,), words=("pip install imagecodecs",)),
    Fault(frame_beyond_the_last, "frame-absent", (ONE,), words=("frame 7",)),
    Fault(image_is_a_folder, "image-missing", (ONE,)),
    Fault(floats_of_no_range, "image-range", (ONE,), words=("0..",)),
    Fault(floats_that_are_not_finite, "image-not-finite", (ONE,), words=(f"images/{ONE}.png",)),
    Fault(twelve_bits_in_sixteen, "image-dark", (ONE,)),
    Fault(lying_down_with_a_note, "image-turned", (ONE,), words=("orientation 6",), repaired=True),
    Fault(jpeg_named_png, "image-suffix", (ONE,), words=(".jpg",), repaired=True),
    Fault(bmp_named_png, "image-suffix", (ONE,), words=(".bmp",), repaired=True),
    Fault(image_grey_all_over, "image-constant", (ONE,)),
    Fault(image_black, "image-constant", (ONE,)),
    Fault(image_white, "image-constant", (ONE,)),
    Fault(image_negative, "image-inverted", (ONE,), repaired=True),
    Fault(two_negatives, "image-inverted", (ONE, OTHER), repaired=True),
    Fault(one_image_in_colour, "types-mixed", (ONE,), words=("1 8-bit colour",)),
    Fault(
        one_image_of_four_channels,
        "image-channels",
        (ONE,),
        words=("1 image with 4 channels", ONE),
        allowed=allow("types-mixed"),
    ),
    Fault(
        channel_without_its_file,
        "channel-missing",
        (ONE,),
        words=("no file of channel 'second' at", f"echo/{ONE}"),
    ),
    Fault(
        channel_that_may_be_missing,
        "channel-absent",
        (ONE,),
        words=("channel 'second' is missing in 1 of",),
    ),
    Fault(
        channel_of_another_size,
        "channel-size",
        (ONE,),
        words=("channel 'second' is ", "but channel 'first' in "),
    ),
    Fault(
        channel_of_another_spacing,
        "channel-spacing",
        (ONE,),
        words=("a pixel spacing of 0.6 x 0.6 mm, but", "has 0.5 x 0.5 mm"),
    ),
    Fault(grey_stored_as_colour, "plain-colour", tuple(CASES)),
    Fault(calipers_in_colour, "coloured-marks", (ONE,)),
    Fault(line_of_text, "text", (ONE,)),
    Fault(name_of_the_patient, "text", (ONE,), allowed=allow("mask-size")),
    Fault(
        patients_in_headers,
        "patient-in-headers",
        (ONE, OTHER),
        words=(
            f"cases '{ONE}', '{OTHER}' have the same PatientID in their headers, but count as different patients",
        ),
    ),
    Fault(ruler_at_one_place, "fixed-marks", tuple(CASES)),
    Fault(logo_at_one_place, "fixed-marks", tuple(CASES)),
]
