"""Faults of several images: duplicates, and splits that divide what belongs together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from .fault import Fault, allow
from .good import (
    CASES,
    DIAGNOSIS,
    LESIONS,
    PATIENT,
    cases_of,
    change_table,
    change_yaml,
    image_path,
    mask_path,
    read_pixels,
    set_cell,
    write_pixels,
)
from .pictures import encoded

ONE, COPY = LESIONS[3], "case_9000"
TWO_VIEWS = next(case for case in CASES if sum(PATIENT[other] == PATIENT[case] for other in CASES) > 1)
VIEWS = tuple(case for case in CASES if PATIENT[case] == PATIENT[TWO_VIEWS])


def _add_copy(folder: Path, change: Callable[[Any], Any], **cells: str) -> None:
    """Add a case again under another name, with the same change to image and mask."""
    row = {"case": COPY} | cells
    change_table(folder, lambda table: pd.concat([table, table.loc[[ONE]].assign(**row)]))
    for path in (image_path, mask_path):
        write_pixels(path(folder, COPY), np.ascontiguousarray(change(read_pixels(path(folder, ONE)))))


def copy_with_equal_labels(folder: Path) -> None:
    _add_copy(folder, lambda pixels: pixels)


def copy_with_another_diagnosis(folder: Path) -> None:
    other = "benign" if DIAGNOSIS[ONE] == "malignant" else "malignant"
    _add_copy(folder, lambda pixels: pixels, diagnosis=other)


def copy_stored_as_colour(folder: Path) -> None:
    copy_with_equal_labels(folder)
    pixels = read_pixels(image_path(folder, COPY))
    write_pixels(image_path(folder, COPY), np.repeat(pixels[..., None], 3, axis=-1))


def copy_as_jpeg(folder: Path) -> None:
    copy_with_equal_labels(folder)
    path = image_path(folder, COPY)
    path.write_bytes(encoded(read_pixels(path), "JPEG", quality=70))


def copy_brightened(folder: Path) -> None:
    copy_with_equal_labels(folder)
    path = image_path(folder, COPY)
    write_pixels(path, np.clip(read_pixels(path) * 1.15 + 12, 0, 255).astype(np.uint8))


def copy_turned(folder: Path) -> None:
    _add_copy(folder, np.rot90)


def copy_mirrored(folder: Path) -> None:
    _add_copy(folder, np.fliplr)


def copy_cropped(folder: Path) -> None:
    _add_copy(folder, lambda pixels: pixels[1:-1, 1:-1])


def copy_enlarged(folder: Path) -> None:
    _add_copy(folder, lambda pixels: cv2.resize(pixels, (108, 132), interpolation=cv2.INTER_NEAREST))


def _sides() -> list[str]:
    """Return the part of each case in a split by patient in which each part has every class."""
    side = {}
    for word in ("normal", "benign", "malignant"):
        patients = list(dict.fromkeys(PATIENT[case] for case in cases_of(word)))
        for place, patient in enumerate(patients):
            side[patient] = ("train", "val", "train", "test", "train")[place % 5]
    return [side[PATIENT[case]] for case in CASES]


def _with_split(folder: Path) -> None:
    change_table(folder, lambda table: table.assign(split=_sides()))
    change_yaml(folder, lambda content: content.update(split="split"))


def patient_on_two_sides(folder: Path) -> None:
    _with_split(folder)
    other = "test" if _sides()[CASES.index(VIEWS[0])] == "train" else "train"
    set_cell(folder, VIEWS[0], "split", other)


def _copy_on_the_other_side(folder: Path) -> None:
    other = "test" if _sides()[CASES.index(ONE)] == "train" else "train"
    set_cell(folder, COPY, "split", other)
    set_cell(folder, COPY, "patient", "patient_900")  # a shared patient would be a fault of its own


def copy_on_two_sides(folder: Path) -> None:
    _with_split(folder)
    copy_with_equal_labels(folder)
    _copy_on_the_other_side(folder)


def mirrored_copy_on_two_sides(folder: Path) -> None:
    _with_split(folder)
    copy_mirrored(folder)
    _copy_on_the_other_side(folder)


def no_case_to_validate(folder: Path) -> None:
    _with_split(folder)
    change_table(folder, lambda table: table.assign(split="train"))


def train_and_test_alone(folder: Path) -> None:
    _with_split(folder)
    change_table(folder, lambda table: table.assign(split=table["split"].replace("val", "train")))


def split_misspelt(folder: Path) -> None:
    _with_split(folder)
    set_cell(folder, ONE, "split", "trian")


def class_only_in_train(folder: Path) -> None:
    _with_split(folder)
    change_table(
        folder, lambda table: table.assign(split=table["split"].mask(table["diagnosis"] == "normal", "train"))
    )


def one_patient_of_nearly_all_cases(folder: Path) -> None:
    change_table(
        folder,
        lambda table: table.assign(patient=table["patient"].mask(table["case"].isin(CASES[:36]), "one")),
    )


PAIR = (ONE, COPY)
COPY_FAULTS = [
    Fault(copy_with_equal_labels, "identical", PAIR, repaired=True),
    Fault(copy_with_another_diagnosis, "identical", PAIR, words=("diagnosis",)),
    Fault(copy_stored_as_colour, "identical", PAIR, repaired=True),
    Fault(copy_as_jpeg, "near", PAIR),
    Fault(copy_brightened, "near", PAIR),
    Fault(copy_turned, "near", PAIR),
    Fault(copy_mirrored, "near", PAIR),
    Fault(copy_cropped, "near", PAIR),
    Fault(copy_enlarged, "near", PAIR),
    Fault(patient_on_two_sides, "patient-split", VIEWS),
    Fault(copy_on_two_sides, "identical-split", PAIR, allowed=allow("identical")),
    Fault(mirrored_copy_on_two_sides, "near-split", PAIR, allowed=allow("near")),
    Fault(no_case_to_validate, "split", words=("no val cases",)),
    Fault(train_and_test_alone, "split-val", words=("cases are used as val",)),
    Fault(split_misspelt, "split", words=("trian", ONE)),
    Fault(class_only_in_train, "split-class", words=("normal",)),
    Fault(
        one_patient_of_nearly_all_cases,
        "split-shares",
        tuple(CASES[:36]),
        words=("36, 2 and 2 of 40 cases", "60%, 20% and 20%"),
        allowed=allow("split-class"),
    ),
]
