"""Faults of the names and places of files."""

import unicodedata
from pathlib import Path

import pandas as pd
from PIL import Image

from .fault import Fault, allow
from .good import CASES, LESIONS, change_table, change_yaml, image_path, mask_path, read_pixels, write_pixels
from .pictures import speckle

ONE, OTHER = LESIONS[3], LESIONS[8]
UMLAUT = "M\u00fcller"


def image_deleted(folder: Path) -> None:
    image_path(folder, ONE).unlink()


def row_without_files(folder: Path) -> None:
    change_table(
        folder, lambda table: pd.concat([table, table.loc[[ONE]].assign(case="case_9000", patient="new")])
    )


def image_in_capitals(folder: Path) -> None:
    image_path(folder, ONE).rename(folder / "images" / f"{ONE.upper()}.PNG")


def image_with_another_suffix(folder: Path) -> None:
    image_path(folder, ONE).rename(folder / "images" / f"{ONE}.jpeg")


def image_with_a_blank(folder: Path) -> None:
    image_path(folder, ONE).rename(folder / "images" / f"{ONE.replace('_', ' ')}.png")


def image_without_leading_zeros(folder: Path) -> None:
    image_path(folder, ONE).rename(folder / "images" / f"{ONE.replace('_00', '_')}.png")


def images_and_masks_with_backslashes(folder: Path) -> None:
    """Write the paths of the files into the table as Windows writes them."""
    paths = {
        "image": [rf"images\{case}.png" for case in CASES],
        "drawn": [rf"masks\{case}.png" for case in CASES],
    }
    change_table(folder, lambda table: table.assign(**paths))
    change_yaml(folder, lambda content: content.update(images="{image}"))
    change_yaml(folder, lambda content: content["masks"]["mask"].update(path="{drawn}"))


def image_of_another_normal_form(folder: Path) -> None:
    """Write the umlaut as one character in the table, and as two in the file name, as macOS does."""
    _with_an_umlaut(folder, image=unicodedata.normalize("NFD", UMLAUT), mask=UMLAUT)


def mask_of_another_normal_form(folder: Path) -> None:
    _with_an_umlaut(folder, image=UMLAUT, mask=unicodedata.normalize("NFD", UMLAUT))


def _with_an_umlaut(folder: Path, image: str, mask: str) -> None:
    image_path(folder, ONE).rename(folder / "images" / f"{image}.png")
    mask_path(folder, ONE).rename(folder / "masks" / f"{mask}.png")
    change_table(folder, lambda table: table.assign(file=[UMLAUT if c == ONE else c for c in CASES]))
    change_yaml(folder, lambda content: content.update(images="images/{file}.png"))
    change_yaml(folder, lambda content: content["masks"]["mask"].update(path="masks/{file}.png"))


def mask_in_capitals(folder: Path) -> None:
    mask_path(folder, ONE).rename(folder / "masks" / f"{ONE.upper()}.png")


def mask_with_a_blank(folder: Path) -> None:
    mask_path(folder, ONE).rename(folder / "masks" / f"{ONE.replace('_', ' ')}.png")


def mask_with_another_suffix(folder: Path) -> None:
    write_pixels(mask_path(folder, ONE).with_suffix(".bmp"), read_pixels(mask_path(folder, ONE)))
    mask_path(folder, ONE).unlink()


def required_mask_in_capitals(folder: Path) -> None:
    mask_in_capitals(folder)
    change_yaml(folder, lambda content: content["masks"]["mask"].update(required=True))


def all_masks_in_capitals(folder: Path) -> None:
    for case in CASES:
        mask_path(folder, case).rename(folder / "masks" / f"{case.upper()}.png")


def mask_deleted(folder: Path) -> None:
    mask_path(folder, ONE).unlink()


def mask_deleted_that_is_required(folder: Path) -> None:
    mask_deleted(folder)
    change_yaml(folder, lambda content: content["masks"]["mask"].update(required=True))


def masks_elsewhere(folder: Path) -> None:
    (folder / "masks").rename(folder / "labels")


def image_without_a_row(folder: Path) -> None:
    write_pixels(image_path(folder, "extra"), speckle(50))


def row_deleted(folder: Path) -> None:
    change_table(folder, lambda table: table.drop(index=ONE))


def mask_without_a_case(folder: Path) -> None:
    mask_path(folder, "extra").write_bytes(mask_path(folder, ONE).read_bytes())


def image_by_a_link_that_leaves(folder: Path) -> None:
    _by_a_link(image_path(folder, ONE))


def mask_by_a_link_that_leaves(folder: Path) -> None:
    _by_a_link(mask_path(folder, ONE))


def _by_a_link(path: Path) -> None:
    outside = path.parents[2] / "elsewhere.png"
    path.rename(outside)
    path.symlink_to(outside)


def image_by_a_link_to_itself(folder: Path) -> None:
    path = image_path(folder, ONE)
    path.unlink()
    path.symlink_to(path)


def link_to_nowhere(folder: Path) -> None:
    path = image_path(folder, ONE)
    path.unlink()
    path.symlink_to(folder / "images" / "gone.png")


def name_too_long_for_a_file(folder: Path) -> None:
    _by_column(folder, "x" * 300 + ".png")


def folder_of_images_by_a_link(folder: Path) -> None:
    outside = folder.parent / "elsewhere"
    (folder / "images").rename(outside)
    (folder / "images").symlink_to(outside)


def _by_column(folder: Path, name: str) -> None:
    """Name the images by a column, one of them by a path that must not be opened."""
    image_path(folder, ONE).rename(folder.parent / "secret.png")
    files = [name if case == ONE else f"images/{case}.png" for case in CASES]
    change_table(folder, lambda table: table.assign(file=files))
    change_yaml(folder, lambda content: content.update(images="{file}"))


def path_with_dots(folder: Path) -> None:
    _by_column(folder, "../secret.png")


def path_from_the_root(folder: Path) -> None:
    _by_column(folder, str(folder.parent / "secret.png"))


def second_table(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "labels.TSV").write_text("case\tgrade\n")


def second_opinions(folder: Path) -> None:
    """Add masks of another observer, which the description does not name."""
    (folder / "observer2").mkdir()
    for case in CASES[:3]:
        Image.open(mask_path(folder, case)).save(folder / "observer2" / f"{case}.gif")


def masks_in_an_archive(folder: Path) -> None:
    (folder / "masks.zip").write_bytes(b"PK\3\4")
    (folder / "observer2.mha").write_text("ObjectType = Image")


def two_rows_with_one_image(folder: Path) -> None:
    files = [ONE if case == OTHER else case for case in CASES]
    change_table(folder, lambda table: table.assign(file=files))
    change_yaml(folder, lambda content: content.update(images="images/{file}.png"))


def mask_pattern_that_fits_a_longer_name(folder: Path) -> None:
    """case_0001*.png fits the mask of case_00012 too."""
    change_table(folder, lambda table: table.assign(case=table["case"].replace(OTHER, f"{ONE}2")))
    image_path(folder, OTHER).rename(image_path(folder, f"{ONE}2"))
    mask_path(folder, OTHER).rename(mask_path(folder, f"{ONE}2"))
    change_yaml(folder, lambda content: content["masks"]["mask"].update(path="masks/{case}*.png"))


def workbook_of_three_sheets(folder: Path) -> None:
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    with pd.ExcelWriter(folder / "cases.xlsx") as workbook:
        for name in ("Cases", "Follow-up", "Key"):
            table.to_excel(workbook, sheet_name=name, index=False)
    change_yaml(folder, lambda content: content.update(table="cases.xlsx"))


FILE_FAULTS = [
    Fault(
        workbook_of_three_sheets,
        "sheets-unused",
        words=("cases.xlsx: sheet 'Cases' of 3 sheets is read; left aside: 'Follow-up', 'Key'",),
    ),
    Fault(second_table, "tables-unused", words=("more/labels.TSV",)),
    Fault(second_opinions, "files-unused", words=("3 files of type .gif in observer2",)),
    Fault(
        masks_in_an_archive,
        "files-unread",
        words=(
            "1 file of type .zip (masks.zip: unpack it)",
            "1 file of type .mha (observer2.mha: save it as NIfTI or NRRD)",
        ),
    ),
    Fault(
        two_rows_with_one_image,
        "image-claimed",
        (ONE, OTHER),
        words=(f"images/{ONE}.png", repr(ONE), repr(OTHER)),
        allowed=allow("image-without-row", "identical", "identical-split", "patient-split"),
    ),
    Fault(
        mask_pattern_that_fits_a_longer_name,
        "mask-claimed",
        (ONE, f"{ONE}2"),
        words=(f"masks/{ONE}2.png", repr(ONE), "`masks/{case}.png`"),
    ),
    Fault(image_deleted, "image-missing", (ONE,)),
    Fault(row_without_files, "image-missing", ("case_9000",), allowed=allow("split-class")),
    Fault(image_in_capitals, "image-renamed", (ONE,), words=(f"{ONE.upper()}.PNG",), repaired=True),
    Fault(image_with_another_suffix, "image-renamed", (ONE,), words=(f"{ONE}.jpeg",), repaired=True),
    Fault(image_with_a_blank, "image-renamed", (ONE,), words=(ONE.replace("_", " "),), repaired=True),
    Fault(image_without_leading_zeros, "image-renamed", (ONE,), repaired=True),
    Fault(
        images_and_masks_with_backslashes,
        "image-renamed",
        tuple(CASES),
        words=(f"but there is 'images/{ONE}.png'",),
        allowed=allow("mask-renamed", "task"),
        repaired=True,
    ),
    Fault(image_of_another_normal_form, "image-renamed", (ONE,), repaired=True),
    Fault(mask_of_another_normal_form, "mask-renamed", (ONE,), repaired=True),
    Fault(mask_in_capitals, "mask-renamed", (ONE,), words=(f"{ONE.upper()}.png",), repaired=True),
    Fault(mask_with_a_blank, "mask-renamed", (ONE,), words=(ONE.replace("_", " "),), repaired=True),
    Fault(mask_with_another_suffix, "mask-renamed", (ONE,), words=(f"{ONE}.bmp",), repaired=True),
    Fault(required_mask_in_capitals, "mask-renamed", (ONE,), allowed=allow("mask-missing"), repaired=True),
    Fault(all_masks_in_capitals, "mask-renamed", tuple(CASES), allowed=allow("task"), repaired=True),
    Fault(mask_deleted, "mask-absent", (ONE,)),
    Fault(mask_deleted_that_is_required, "mask-missing", (ONE,)),
    Fault(masks_elsewhere, "mask-nowhere", words=("masks/{case}.png",), allowed=allow("task")),
    Fault(image_without_a_row, "image-without-row", words=("images/extra.png",)),
    Fault(row_deleted, "image-without-row", words=(f"images/{ONE}.png",), allowed=allow("mask-without-case")),
    Fault(mask_without_a_case, "mask-without-case", words=("masks/extra.png",)),
    Fault(image_by_a_link_that_leaves, "path-outside", (ONE,), words=(f"images/{ONE}.png",)),
    Fault(mask_by_a_link_that_leaves, "path-outside", (ONE,), words=(f"masks/{ONE}.png",)),
    Fault(folder_of_images_by_a_link, "path-outside", tuple(CASES)),
    Fault(image_by_a_link_to_itself, "image-missing", (ONE,)),
    Fault(link_to_nowhere, "image-missing", (ONE,)),
    Fault(name_too_long_for_a_file, "image-missing", (ONE,)),
    Fault(path_with_dots, "path-outside", (ONE,), words=("../secret.png",)),
    Fault(path_from_the_root, "path-outside", (ONE,), words=("secret.png",)),
]
