"""Repaired copies: a good data set is broken in one way and repaired, and then equals the original."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import unet_mtl as um
from unet_mtl.data.readers.raster import turn

ROOT = Path(__file__).parents[3]
BACK = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""EXIF orientation -> the orientation that undoes it."""


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def change_table(folder: Path, change) -> None:
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(folder / "cases.csv", index=False)


def change_yaml(folder: Path, change) -> None:
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    change(content)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))


def kinds(checkup) -> set[str]:
    return {finding.name for finding in checkup.findings}


@pytest.fixture
def broken(good, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(good, folder)
    return folder


def add_row(folder: Path, **cells) -> None:
    change_table(folder, lambda table: pd.concat([table, table[table["case"] == "case_03"].assign(**cells)]))


def lay_down(path: Path, orientation: int) -> None:
    """The pixels are rotated, and EXIF has the orientation."""
    with Image.open(path) as image:
        pixels = turn(np.asarray(image), BACK[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


def a_row_twice(folder):
    add_row(folder)
    return [
        (
            "case_03",
            "cases.csv",
            "case-repeated",
            "row 13: equal to the first row of this case in every cell",
            "left out",
        )
    ]


def a_row_without_name(folder):
    add_row(folder, case="")
    row = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False).iloc[-1]
    return [("", "cases.csv", "row-unnamed", f"row 13: {', '.join(row)}", "left out")]


def an_image_in_capitals(folder):
    (folder / "images" / "case_01.png").rename(folder / "images" / "Case 01.png")
    return [
        ("case_01", "images/Case 01.png", "image-renamed", "the table has case_01.png", "this file is used")
    ]


def an_image_with_another_suffix(folder):
    path = folder / "images" / "case_01.png"
    with Image.open(path) as image:
        image.save(path.with_suffix(".bmp"))
    path.unlink()
    return [
        ("case_01", "images/case_01.bmp", "image-renamed", "the table has case_01.png", "this file is used")
    ]


def a_mask_in_capitals(folder):
    (folder / "masks" / "case_04.png").rename(folder / "masks" / "Case-04.png")
    return [("case_04", "masks/Case-04.png", "mask-renamed", "case_04.png is expected", "this file is used")]


def words_in_another_spelling(folder):
    spelled = {"benign": "Benign.", "malignant": "MALIGNANT"}
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    rows = zip(table["case"], table["diagnosis"], strict=True)
    change_table(folder, lambda table: table.replace({"diagnosis": spelled}))
    return [
        (case, "cases.csv", "class-spelling", f"diagnosis: {spelled[word]}", f"diagnosis: {word}")
        for case, word in rows
        if word in spelled
    ]


def words_that_mean_others(folder):
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    change_table(folder, lambda table: table.replace({"side": {"left": "1", "right": "left"}}))
    change_yaml(
        folder, lambda content: content["columns"]["side"].update(values={"1": "left", "left": "right"})
    )
    stored = {"left": "1", "right": "left"}
    return [
        (case, "cases.csv", "values", f"side: {stored[word]}", f"side: {word}")
        for case, word in zip(table["case"], table["side"], strict=True)
        if word
    ]


def images_that_lie(folder):
    rows = []
    for orientation in range(2, 9):
        case = f"case_{orientation:02d}" if orientation != 6 else "case_01"
        lay_down(folder / "images" / f"{case}.png", orientation)
        rows.append(
            (
                case,
                f"images/{case}.png",
                "image-turned",
                f"EXIF orientation {orientation}",
                f"{case}.png, upright",
            )
        )
    return sorted(rows)


def a_file_of_another_format(folder):
    path = folder / "images" / "case_05.png"
    with Image.open(path) as image:
        image.save(path, format="BMP")
    return [
        ("case_05", "images/case_05.png", "image-suffix", "case_05.png, a .bmp by its bytes", "case_05.bmp")
    ]


def a_mask_that_lies(folder, orientation=6):
    lay_down(folder / "images" / "case_01.png", orientation)
    path = folder / "masks" / "case_01.png"
    with Image.open(path) as image:
        pixels = turn(np.asarray(image), BACK[orientation])
    Image.fromarray(pixels).save(path)
    was = "the mask is 24x32 pixels, but its image 'case_01.png' is 32x24 after rotation by its EXIF orientation"
    return [
        ("case_01", "masks/case_01.png", "mask-unturned", f"{was} {orientation}", "turned like its image"),
        (
            "case_01",
            "images/case_01.png",
            "image-turned",
            f"EXIF orientation {orientation}",
            "case_01.png, upright",
        ),
    ]


def a_stray_pixel(folder, around=2):
    path = folder / "masks" / "case_05.png"
    with Image.open(path) as image:
        pixels = np.asarray(image).copy()
    same = [pixels[1 + i : 31 + i, 1 + j : 31 + j] == around for i in (-1, 0, 1) for j in (-1, 0, 1)]
    row, column = np.argwhere(np.all(same, axis=0))[0] + 1
    pixels[row, column] = 7
    Image.fromarray(pixels).save(path)
    was = "mask value 7 in 1 pixel is outside the classes of 'zone' (0 background, 1 core, 2 rim)"
    return [("case_05", "masks/case_05.png", "mask-stray", was, "like the nearest known pixel")]


def a_mask_of_glass(folder):
    path = folder / "masks" / "case_05.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    alpha = np.full(pixels.shape, 255, np.uint8)
    alpha[3, :5] = 128
    Image.fromarray(np.stack([pixels, alpha], -1)).save(path)
    return [("case_05", "masks/case_05.png", "mask-soft-alpha", "5 half-transparent pixels", "no alpha")]


def a_case_twice(folder):
    add_row(folder, case="case_12")
    for name in ("images", "masks"):
        shutil.copyfile(folder / name / "case_03.png", folder / name / "case_12.png")
    was = "image, labels, patient and masks are those of case 'case_03'"
    return [("case_12", "images/case_12.png", "identical", was, "left out")]


def a_formula(folder):
    change_table(folder, lambda table: table.assign(formula=["=1+1", "-1.5", "-", *["x"] * 9]))
    return [("case_00", "cases.csv", "formula", "formula: =1+1", "formula: '=1+1")]


BREAKS = {
    "case-repeated": [a_row_twice],
    "row-unnamed": [a_row_without_name],
    "image-renamed": [an_image_in_capitals, an_image_with_another_suffix],
    "mask-renamed": [a_mask_in_capitals],
    "class-spelling": [words_in_another_spelling],
    "values": [words_that_mean_others],
    "image-turned": [images_that_lie],
    "image-suffix": [a_file_of_another_format],
    "mask-unturned": [a_mask_that_lies, *(lambda f, o=o: a_mask_that_lies(f, o) for o in (5, 7, 8))],
    "mask-stray": [a_stray_pixel, lambda folder: a_stray_pixel(folder, around=0)],
    "mask-soft-alpha": [a_mask_of_glass],
    "identical": [a_case_twice],
    "formula": [a_formula],
}
CASES = [(kind, break_it) for kind, breaks in BREAKS.items() for break_it in breaks]


@pytest.mark.parametrize(("kind", "break_it"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_what_was_broken_is_repaired(good, broken, tmp_path, kind, break_it, read_log, assert_same):
    expected = break_it(broken)
    before = hashes(broken)
    if kind != "values":
        assert kind in kinds(um.check(broken))
    repaired = um.repair(broken, tmp_path / "copy", progress=False)
    assert hashes(broken) == before
    assert read_log(tmp_path / "copy") == expected
    assert [
        tuple(getattr(r, n) for n in ("case", "file", "kind", "was", "now")) for r in repaired.repairs
    ] == expected
    assert_same(good, tmp_path / "copy")
    after = um.check(tmp_path / "copy")
    assert after.problems == []
    assert kind not in kinds(after)
    assert kinds(after) == {finding.name for finding in repaired.left}


def test_every_kind_that_is_always_repaired_is_broken_here():
    from unet_mtl.prepare.doctor.catalogue import KINDS

    here = set(BREAKS) | {"mask-antialiased"}
    assert {name for name, kind in KINDS.items() if kind.repair == "always"} <= here


def test_all_at_once(good, broken, tmp_path, read_log, assert_same):
    first = (a_formula, words_that_mean_others, words_in_another_spelling)  # before there are more rows
    apart = (images_that_lie, a_mask_of_glass, an_image_in_capitals)  # others change the same files
    rest = [breaks[0] for breaks in BREAKS.values() if breaks[0] not in (*first, *apart)]
    expected = [row for break_it in (*first, *rest) for row in break_it(broken)]
    repaired = um.repair(broken, tmp_path / "copy", progress=False)
    assert {row[:3] for row in read_log(tmp_path / "copy")} >= {row[:3] for row in expected}
    assert_same(good, tmp_path / "copy")
    assert repaired.cases == 12


def test_a_sound_set_is_copied_byte_by_byte(good, tmp_path, read_log, assert_same):
    um.repair(good, tmp_path / "copy", progress=False)
    assert read_log(tmp_path / "copy") == []
    assert_same(good, tmp_path / "copy")
    for path in (good / "images").iterdir():
        assert path.read_bytes() == (tmp_path / "copy" / "images" / path.name).read_bytes()
    table = pd.read_csv(tmp_path / "copy" / "cases.csv", dtype=str, keep_default_na=False)
    original = pd.read_csv(good / "cases.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(table.drop(columns="image"), original)
    with Image.open(tmp_path / "copy" / "masks" / "zone" / "case_04.png") as mask:
        assert mask.mode == "P"


def test_identical_images_with_different_labels_are_left(broken, tmp_path, read_log):
    a_case_twice(broken)
    change_table(broken, lambda table: table.assign(size_mm=[*table["size_mm"][:12], "99"]))
    repaired = um.repair(broken, tmp_path / "copy", progress=False)
    assert read_log(tmp_path / "copy") == []
    assert repaired.cases == 13
    assert "identical" in {finding.name for finding in repaired.left}


@pytest.fixture(scope="module")
def history_of(tasks, settings, tmp_path_factory):
    """Returns the history of one epoch on a folder."""
    once = settings | {
        "training": settings["training"].model_copy(update={"epochs": 1}),
        "network": um.NetworkSettings(width=2, levels=2),
    }

    def train(folder):
        run = um.train(um.read_dataset(folder), tasks[:2], tmp_path_factory.mktemp("runs") / "run", **once)
        return run.read_history().drop(columns="seconds")

    return train


@pytest.mark.slow
def test_training_on_repaired_copies_equals_training_on_the_good_set(good, tmp_path, history_of):
    expected = history_of(good)
    assert len(expected) == 1
    broken, copy = tmp_path / "broken", tmp_path / "copy"
    shutil.copytree(good, broken)
    for break_it in (words_in_another_spelling, images_that_lie, a_stray_pixel):
        break_it(broken)
    um.repair(broken, copy, progress=False)
    pd.testing.assert_frame_equal(history_of(copy), expected, check_exact=True)


def test_image_and_mask_of_one_case_are_renamed(good, broken, tmp_path, assert_same):
    for name in ("images", "masks"):
        (broken / name / "case_04.png").rename(broken / name / "CASE 04.png")
    repaired = um.repair(broken, tmp_path / "copy", progress=False)
    assert [repair.kind for repair in repaired.repairs] == ["image-renamed", "mask-renamed"]
    assert_same(good, tmp_path / "copy")


def test_a_mask_that_two_cases_may_mean_is_left(broken, tmp_path):
    add_row(broken, case="case-03")
    (broken / "images" / "case-03.png").write_bytes((broken / "images" / "case_03.png").read_bytes())
    (broken / "masks" / "case_03.png").rename(broken / "masks" / "CASE03.png")
    found = kinds(um.check(broken))
    assert "mask-renamed" not in found
    assert "mask-without-case" in found


@pytest.mark.slow
def test_shared_phantom_is_the_same(tmp_path, assert_same):
    phantom = ROOT / "data_samples" / "phantom"
    um.repair(phantom, tmp_path / "copy", progress=False)
    assert_same(phantom, tmp_path / "copy")


def test_cases_with_backslashes_get_slashes(broken, tmp_path):
    change_table(broken, lambda table: table.assign(case=[rf"images\{case}.png" for case in table["case"]]))
    change_yaml(broken, lambda content: content.update(images="{case}", masks={}))
    images = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (broken / "images").iterdir()
    }
    assert "image-renamed" in kinds(um.check(broken))
    um.repair(broken, tmp_path / "copy", progress=False)
    dataset = um.read_dataset(tmp_path / "copy")
    assert [record.case for record in dataset] == [f"images/{name}" for name in sorted(images)]
    for record in dataset:
        assert hashlib.sha256(record.image.read_bytes()).hexdigest() == images[record.image.stem]


def test_copies_of_one_patient_in_two_spellings(good, broken, tmp_path, read_log, assert_same):
    (identical,) = a_case_twice(broken)
    change_table(broken, lambda table: table.assign(patient=[*table["patient"][:-1], "P-3"]))
    um.repair(broken, tmp_path / "copy", mend=["patient-spelling"], progress=False)
    spelled = ("case_12", "cases.csv", "patient-spelling", "patient: P-3", "patient: p03")
    assert read_log(tmp_path / "copy") == [spelled, identical]
    assert_same(good, tmp_path / "copy")


def test_patients_in_another_spelling_are_united_on_request(good, broken, tmp_path, read_log, assert_same):
    """Most rows decide, and classes or other columns stay as they are."""
    change_table(broken, lambda table: table.assign(patient=["P1", "p-01", "P1", *table["patient"][3:]]))
    change_table(good, lambda table: table.assign(patient=["P1", "P1", "P1", *table["patient"][3:]]))
    untouched = um.repair(broken, tmp_path / "as it is", progress=False)
    assert untouched.repairs == []
    assert "patient-spelling" in {finding.name for finding in untouched.left}
    um.repair(broken, tmp_path / "copy", mend=["patient-spelling"], progress=False)
    assert read_log(tmp_path / "copy") == [
        ("case_01", "cases.csv", "patient-spelling", "patient: p-01", "patient: P1")
    ]
    assert_same(good, tmp_path / "copy")
