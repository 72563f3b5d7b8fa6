"""Unusual but correct variants of the good data set, in which the doctor must not find errors or warnings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from .good import (
    CASES,
    DIAGNOSIS,
    LESIONS,
    PATIENT,
    change_table,
    image_path,
    mask_path,
    read_pixels,
    set_cell,
    write_pixels,
)
from .pictures import write_dicom

ONE = LESIONS[3]


def blanks_around_words(folder: Path) -> None:
    set_cell(folder, ONE, "diagnosis", f"  {DIAGNOSIS[ONE]} ")


def semicolons_and_a_byte_order_mark(folder: Path) -> None:
    path = folder / "cases.csv"
    path.write_text(path.read_text().replace(",", ";").replace("\n", "\r\n"), encoding="utf-8-sig")


def columns_in_another_order(folder: Path) -> None:
    change_table(folder, lambda table: table[table.columns[::-1]])


def patients_in_headers_as_in_the_table(folder: Path) -> None:
    for case in CASES:
        write_dicom(image_path(folder, case), read_pixels(image_path(folder, case)), f"Doe^{PATIENT[case]}")


def one_placeholder_for_all_patients_in_headers(folder: Path) -> None:
    for case in CASES[:5]:
        write_dicom(image_path(folder, case), read_pixels(image_path(folder, case)), "ANON")


def words_for_missing_numbers(folder: Path) -> None:
    change_table(folder, lambda table: table.replace({"lesion_diameter_mm": {"": "N/A"}}))


def numbers_below_zero_and_signs(folder: Path) -> None:
    rng = np.random.default_rng(1)
    change_table(
        folder,
        lambda table: table.assign(score=[f"{z:+.2f}" for z in rng.normal(size=len(table))], grade="-"),
    )


def mask_of_floats_off_by_little(folder: Path) -> None:
    tifffile.imwrite(mask_path(folder, ONE), read_pixels(mask_path(folder, ONE)) * np.float32(1.0000152))


def mask_of_sixteen_bits(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE), read_pixels(mask_path(folder, ONE)).astype(np.uint16))


def image_with_an_opaque_alpha(folder: Path) -> None:
    grey = read_pixels(image_path(folder, ONE))
    write_pixels(image_path(folder, ONE), np.dstack([grey, grey, grey, np.full_like(grey, 255)]))


def image_brighter_than_others(folder: Path) -> None:
    path = image_path(folder, ONE)
    write_pixels(path, np.clip(read_pixels(path) * 1.6 + 40, 0, 255).astype(np.uint8))


def image_upside_down(folder: Path) -> None:
    path = image_path(folder, ONE)
    write_pixels(path, read_pixels(path)[::-1].copy())
    write_pixels(mask_path(folder, ONE), read_pixels(mask_path(folder, ONE))[::-1].copy())


def files_of_macos_and_windows(folder: Path) -> None:
    for place in ("images", "masks"):
        for case in CASES[:5]:
            (folder / place / f"._{case}.png").write_bytes(b"\0\5\x16\7" + bytes(100))
        (folder / place / "Thumbs.db").write_bytes(bytes(64))
        (folder / place / "desktop.ini").write_text("[.ShellClassInfo]\n")
        (folder / place / ".DS_Store").write_bytes(bytes(64))


def other_files_beside_the_images(folder: Path) -> None:
    (folder / "images" / "README.txt").write_text("Thanks to all patients.")
    (folder / "images" / "notes.json").write_text("{}")


HARMLESS: list[Callable[[Path], None]] = [
    blanks_around_words,
    semicolons_and_a_byte_order_mark,
    columns_in_another_order,
    words_for_missing_numbers,
    numbers_below_zero_and_signs,
    mask_of_floats_off_by_little,
    mask_of_sixteen_bits,
    image_with_an_opaque_alpha,
    image_brighter_than_others,
    image_upside_down,
    files_of_macos_and_windows,
    other_files_beside_the_images,
    patients_in_headers_as_in_the_table,
    one_placeholder_for_all_patients_in_headers,
]
