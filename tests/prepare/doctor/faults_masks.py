"""Faults of masks."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from .fault import Fault, allow
from .faults_images import TRANSPOSED
from .good import (
    CASES,
    LESIONS,
    SIZE,
    cases_of,
    change_yaml,
    image_path,
    mask_path,
    read_pixels,
    write_pixels,
)
from .pictures import encoded

BENIGN, MALIGNANT, NORMAL = (cases_of(word) for word in ("benign", "malignant", "normal"))
ONE, OTHER = LESIONS[3], LESIONS[8]
LEVELS = (0, 120, 240)
"""Grey levels of the three classes, for masks that are not class indices."""


def _mask(folder: Path, case: str = ONE) -> Any:
    return read_pixels(mask_path(folder, case))


def _to_levels(folder: Path) -> None:
    """Rewrite the masks of the good data set in three grey levels, which show the effect of smoothing."""
    for case in CASES:
        write_pixels(mask_path(folder, case), np.array(LEVELS, np.uint8)[_mask(folder, case)])
    values = {level: index for index, level in enumerate(LEVELS)}
    change_yaml(folder, lambda content: content["masks"]["mask"].update(values=values))


def mask_cut_off(folder: Path) -> None:
    path = mask_path(folder, ONE)
    path.write_bytes(path.read_bytes()[:-40])


def mask_of_no_bytes(folder: Path) -> None:
    mask_path(folder, ONE).write_bytes(b"")


def mask_is_a_page(folder: Path) -> None:
    mask_path(folder, ONE).write_text("<html><body>Please log in</body></html>")


def mask_of_half_the_size(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.ascontiguousarray(_mask(folder)[::2, ::2]))


def mask_shifted_to_another_size(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.pad(_mask(folder), ((3, 0), (5, 0))))


def mask_on_its_side(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.ascontiguousarray(_mask(folder).T))


def mask_not_turned_with_its_image(folder: Path) -> None:
    upright = Image.fromarray(read_pixels(image_path(folder, ONE)))
    exif = Image.Exif()
    exif[0x0112] = TRANSPOSED
    upright.transpose(Image.Transpose.ROTATE_90).save(image_path(folder, ONE), exif=exif)
    write_pixels(mask_path(folder, ONE), np.rot90(_mask(folder)).copy())


def mask_of_objects(folder: Path) -> None:
    mask = _mask(folder)
    numbers = 3 + (np.arange(SIZE[0])[:, None] // 4 + np.zeros(SIZE, int)) % 9
    write_pixels(mask_path(folder, ONE), np.where(mask > 0, numbers, 0).astype(np.uint8))


def mask_of_a_number_too_many(folder: Path) -> None:
    mask = _mask(folder)
    write_pixels(mask_path(folder, ONE), np.where(mask == 2, 3, mask).astype(np.uint8))


def masks_of_0_128_and_255_not_described(folder: Path) -> None:
    for case in CASES:
        write_pixels(mask_path(folder, case), np.array([0, 128, 255], np.uint8)[_mask(folder, case)])


def mask_with_three_strange_pixels(folder: Path) -> None:
    mask = _mask(folder)
    mask[3:6, 4] = 7
    write_pixels(mask_path(folder, ONE), mask)


def mask_smoothed(folder: Path) -> None:
    _to_levels(folder)
    write_pixels(mask_path(folder, ONE), _smoothed(_mask(folder)))


def all_masks_smoothed(folder: Path) -> None:
    _to_levels(folder)
    for case in CASES:
        write_pixels(mask_path(folder, case), _smoothed(_mask(folder, case)))


def _smoothed(mask: Any) -> Any:
    return cv2.GaussianBlur(mask, (5, 5), 1.0)


def mask_saved_as_jpeg(folder: Path) -> None:
    _to_levels(folder)
    mask_path(folder, ONE).write_bytes(encoded(_mask(folder), "JPEG", quality=60))


def mask_drawn_in_colours(folder: Path) -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    write_pixels(mask_path(folder, ONE), colours[_mask(folder)])


def mask_of_a_colour_not_described(folder: Path) -> None:
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    for case in CASES:
        write_pixels(mask_path(folder, case), colours[_mask(folder, case)])
    described = {"lesion": "#ff0000", "posterior region": "#00ff00"}
    change_yaml(folder, lambda content: content["masks"]["mask"].update(colours=described))
    pixels = _mask(folder)
    pixels[10:20, 10:20] = 0, 0, 255
    write_pixels(mask_path(folder, ONE), pixels)


def mask_of_halves(folder: Path) -> None:
    mask = _mask(folder).astype(np.float32)
    tifffile.imwrite(mask_path(folder, ONE), (mask + np.roll(mask, 1, axis=0)) / 2)


def mask_of_0_and_128(folder: Path) -> None:
    for case in CASES:
        white = 128 if case == ONE else 1
        write_pixels(mask_path(folder, case), np.where(_mask(folder, case) > 0, white, 0).astype(np.uint8))
    change_yaml(folder, lambda content: content["masks"]["mask"].update(classes=["background", "lesion"]))


def mask_of_nan_outside(folder: Path) -> None:
    mask = _mask(folder).astype(np.float32)
    tifffile.imwrite(mask_path(folder, ONE), np.where(mask > 0, mask, np.nan))


def mask_in_the_alpha_alone(folder: Path) -> None:
    alpha = np.where(_mask(folder) == 1, 255, 0)
    pixels = np.dstack([np.zeros((*SIZE, 3), int), alpha]).astype(np.uint8)
    write_pixels(mask_path(folder, ONE), pixels)


def mask_half_transparent(folder: Path) -> None:
    mask = _mask(folder)
    alpha = np.where(mask > 0, 255, 0)
    alpha[0, :5] = 128
    write_pixels(mask_path(folder, ONE), np.dstack([mask, mask, mask, alpha]).astype(np.uint8))


def all_masks_empty(folder: Path) -> None:
    for case in CASES:
        write_pixels(mask_path(folder, case), np.zeros(SIZE, np.uint8))


def all_masks_of_0_and_255_not_described(folder: Path) -> None:
    for case in CASES:
        write_pixels(mask_path(folder, case), np.where(_mask(folder, case) == 1, 255, 0).astype(np.uint8))


def mask_of_0_and_255_not_described(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.where(_mask(folder) == 1, 255, 0).astype(np.uint8))


def one_of_two_masks_of_0_and_255_not_described(folder: Path) -> None:
    """As in BUSI: the second mask of a case is white in 8 bits, the first one in 1 bit."""
    for case in CASES:
        write_pixels(mask_path(folder, case), _mask(folder, case) == 1)
    second = np.zeros(SIZE, np.uint8)
    second[60:70, 10:20] = 255
    write_pixels(mask_path(folder, f"{ONE}_1"), second)
    change_yaml(folder, lambda content: content["masks"]["mask"].update(path="masks/{case}*.png"))
    change_yaml(folder, lambda content: content["masks"]["mask"].update(classes=["background", "lesion"]))


def class_that_no_mask_shows(folder: Path) -> None:
    for case in CASES:
        mask = _mask(folder, case)
        mask[mask == 2] = 0
        write_pixels(mask_path(folder, case), mask)


def mask_not_drawn_yet(folder: Path) -> None:
    write_pixels(mask_path(folder, MALIGNANT[2]), np.zeros(SIZE, np.uint8))


def mask_of_a_lesion_in_a_normal_case(folder: Path) -> None:
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, (30, 40), 9, 1, -1)
    write_pixels(mask_path(folder, NORMAL[2]), mask)


def case_without_a_mask_or_a_diagnosis(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.zeros(SIZE, np.uint8))
    text = (folder / "cases.csv").read_text().splitlines()
    rows = [line.replace("benign", "").replace("malignant", "") if ONE in line else line for line in text]
    (folder / "cases.csv").write_text("\n".join(rows) + "\n")


def mask_full(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), np.ones(SIZE, np.uint8))


def mask_inverted(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), (_mask(folder) != 1).astype(np.uint8))


def mask_of_another_case(folder: Path) -> None:
    mask_path(folder, ONE).write_bytes(mask_path(folder, OTHER).read_bytes())


MASK_FAULTS = [
    Fault(mask_cut_off, "mask-unreadable", (ONE,), words=(f"masks/{ONE}.png",)),
    Fault(mask_of_no_bytes, "mask-unreadable", (ONE,), words=(f"masks/{ONE}.png",)),
    Fault(mask_is_a_page, "mask-unreadable", (ONE,), words=(f"masks/{ONE}.png",)),
    Fault(mask_of_half_the_size, "mask-size", (ONE,), words=("44x36",)),
    Fault(mask_shifted_to_another_size, "mask-size", (ONE,), words=("91x77",)),
    Fault(mask_on_its_side, "mask-size", (ONE,), words=("72x88",)),
    Fault(
        mask_not_turned_with_its_image,
        "mask-unturned",
        (ONE,),
        repaired=True,
    ),
    Fault(mask_of_objects, "mask-values", (ONE,)),
    Fault(mask_of_a_number_too_many, "mask-values", (ONE,)),
    Fault(
        masks_of_0_128_and_255_not_described,
        "mask-values",
        tuple(LESIONS),
        words=("values",),
        allowed=allow("masks-empty"),
    ),
    Fault(mask_with_three_strange_pixels, "mask-stray", (ONE,), repaired=True),
    Fault(mask_smoothed, "mask-antialiased", (ONE,), repaired=True),
    Fault(
        all_masks_smoothed, "mask-antialiased", tuple(LESIONS), allowed=allow("masks-empty"), repaired=True
    ),
    Fault(mask_saved_as_jpeg, "mask-antialiased", (ONE,), repaired=True),
    Fault(mask_drawn_in_colours, "mask-colours", (ONE,)),
    Fault(mask_of_a_colour_not_described, "mask-colours", (ONE,), words=("#0000ff",)),
    Fault(mask_of_halves, "mask-fractions", (ONE,), words=("0.5",)),
    Fault(mask_of_0_and_128, "mask-coding", (ONE,), words=("`masks.mask.values: {0: 0, 1: 1, 128: 1}`",)),
    Fault(mask_of_nan_outside, "mask-not-finite", (ONE,), words=("not finite",)),
    Fault(mask_in_the_alpha_alone, "mask-alpha", (ONE,)),
    Fault(mask_half_transparent, "mask-soft-alpha", (ONE,), words=("5 pixels",), repaired=True),
    Fault(all_masks_empty, "masks-empty", tuple(CASES)),
    Fault(all_masks_of_0_and_255_not_described, "masks-empty", tuple(CASES), words=("not labelled",)),
    Fault(mask_of_0_and_255_not_described, "mask-ignored", (ONE,), allowed=allow("mask-contradicts")),
    Fault(
        one_of_two_masks_of_0_and_255_not_described,
        "mask-ignored",
        (ONE,),
        words=(f"{ONE}_1.png", "100 unlabelled pixels"),
    ),
    Fault(class_that_no_mask_shows, "class-no-pixels", words=("posterior region",)),
    Fault(mask_not_drawn_yet, "mask-contradicts", (MALIGNANT[2],), words=("empty",)),
    Fault(mask_of_a_lesion_in_a_normal_case, "mask-contradicts", (NORMAL[2],), words=("has foreground",)),
    Fault(case_without_a_mask_or_a_diagnosis, "mask-empty", (ONE,)),
    Fault(mask_full, "mask-full", (ONE,)),
    Fault(mask_inverted, "mask-inverted", (ONE,), repaired=True),
    Fault(mask_of_another_case, "mask-repeated", (ONE, OTHER)),
]
