"""Tables with small faults are used; the faults are reported, and `check` finds them again."""

import doctest

import pandas as pd
import pytest

from unet_mtl import api, near_names, wording
from unet_mtl.data.description import read_description
from unet_mtl.data.records import scan_dataset
from unet_mtl.errors import DataError
from unet_mtl.prepare.drafting.columns import find_decimals, read_column

N = 24
CLASSES = ("benign", "malignant")


@pytest.fixture
def folder(make):
    return make("images/c{:02d}.png", "masks/c{:02d}.png", n=N)


@pytest.fixture
def drafted(folder):
    """Return a function that drafts a table of the given columns: (description, observations, notes, text)."""

    def call(name="cases.csv", separator=",", **columns):
        rows = {"case": [f"c{i:02d}" for i in range(N)], "patient": [f"p{i // 2}" for i in range(N)]}
        rows["diagnosis"] = [CLASSES[i % 2] for i in range(N)]
        table = pd.DataFrame(rows | columns)
        if name.endswith(".xlsx"):
            table.to_excel(folder / name, index=False)
        else:
            table.to_csv(folder / name, index=False, sep=separator)
        done = api.init(folder)
        _, observations = scan_dataset(folder)
        return read_description(folder), observations, done.notes, done.files[0].read_text(encoding="utf-8")

    return call


def is_kept(description):
    return (
        description.table == "cases.csv"
        and description.patient == "patient"
        and description.columns["diagnosis"].classes == CLASSES
    )


def names(*changes):
    cases = [f"c{i:02d}" for i in range(N)]
    for index, name in changes:
        cases[index] = name
    return cases


@pytest.mark.parametrize(("renamed", "usual"), [(range(20, N), ".png"), (range(4, N), ".PNG")])
def test_suffixes_in_small_and_capital_letters(drafted, folder, renamed, usual):
    for i in renamed:
        (folder / "images" / f"c{i:02d}.png").rename(folder / "images" / f"c{i:02d}.PNG")
    description, observations, notes, _ = drafted()
    assert is_kept(description)
    assert description.images == f"images/{{case}}{usual}"
    assert [o.kind for o in observations] == ["image-missing"] * 4
    lines = [line for line in notes.unsure if line.startswith("The images have several suffixes")]
    assert len(lines) == 1
    assert f"{usual} (20)" in lines[0]
    assert not any("not be used" in line or "not used" in line for line in notes.unsure)
    assert not any(guess.what == "images.{suffix}" for guess in notes.guesses)


def test_suffixes_of_files_that_the_cells_name_in_full(drafted, folder):
    (folder / "images" / "c03.png").rename(folder / "images" / "c03.PNG")
    cells = [f"c{i:02d}.{'PNG' if i == 3 else 'png'}" for i in range(N)]
    description, observations, _, _ = drafted(case=cells)
    assert is_kept(description)
    assert description.images == "images/{case}"
    assert not observations


def test_suffixes_without_a_table_stand_in_braces(folder):
    (folder / "images" / "c03.png").rename(folder / "images" / "c03.PNG")
    notes = api.init(folder).notes
    assert read_description(folder).images == "images/{case}.{suffix}"
    assert any(guess.what == "images.{suffix}" for guess in notes.guesses)


@pytest.mark.parametrize(
    ("changes", "words", "kinds"),
    [
        ([(5, "c02")], "'c02' occurs in several", ["case-repeated"]),
        ([(5, "c02"), (7, "c01")], "'c02' and 1 more occur in several", ["case-repeated"] * 2),
        ([(5, ""), (7, ""), (8, "")], "", ["row-unnamed"] * 3),
    ],
)
def test_few_repeated_rows(drafted, changes, words, kinds):
    description, observations, notes, _ = drafted(case=names(*changes))
    assert is_kept(description)
    assert [o.kind for o in observations] == kinds
    lines = [line for line in notes.unsure if line.startswith("cases.csv needs one row per case")]
    assert len(lines) == bool(words)
    assert all(words in line for line in lines)
    assert not any("without an image" in line for line in notes.unsure)


def test_many_repeated_rows_are_no_small_fault(drafted):
    description, _, notes, _ = drafted(case=names(*((i, "c00") for i in range(1, 8))))
    assert description.table is None
    assert any(
        "cases.csv is not used: a table needs one row per case" in line
        and "'c00' occurs in several rows" in line
        for line in notes.unsure
    )


@pytest.mark.parametrize(
    ("name", "separator"), [("cases.csv", ";"), ("cases.csv", ","), ("cases.tsv", "\t"), ("cases.xlsx", "")]
)
def test_decimal_commas(drafted, name, separator):
    sizes = ["" if i == 4 else str(i) if i == 6 else f"{i},5" for i in range(N)]
    spacings = [f"0,{i % 3 + 1}" for i in range(N)]
    description, observations, notes, text = drafted(
        name, separator, size_mm=sizes, pixel_spacing_mm=spacings
    )
    assert description.decimal == ","
    assert 'decimal: ","' in text
    assert description.columns["size_mm"].classes is None
    assert description.spacing_mm == "pixel_spacing_mm"
    assert not observations
    assert not any("as well" in line for line in notes.unsure)
    assert any(guess.what == "decimal" for guess in notes.in_order())


def test_texts_and_numbers_of_one_workbook(drafted):
    sizes = [f"{i},5" if i % 2 else i + 0.5 for i in range(N)]
    description, observations, _, _ = drafted(
        "cases.xlsx", size_mm=sizes, length_mm=[i / 3 for i in range(N)]
    )
    assert description.decimal == ","
    assert {"size_mm", "length_mm"} <= description.columns.keys()
    assert not observations


def test_commas_in_one_column_and_points_in_another(drafted):
    columns = {"size_mm": [f"{i},5" for i in range(N)], "length_mm": [f"{i}.5" for i in range(N)]}
    description, _, notes, text = drafted(**columns)
    assert description.decimal == "."
    assert "length_mm" in description.columns
    assert "size_mm" not in description.columns
    assert "while other columns have decimal points" in text
    assert any(line.startswith("cases.csv has decimal commas in size_mm (not used)") for line in notes.unsure)


def test_commas_that_are_no_decimal_separators():
    columns = {
        "thousands": ["1,234", "5,678", "901"],
        "words": ["1,5", "a", "b"],
        "whole": ["1", "2", "3"],
        "both": ["1,5", "2.5", "3"],
    }
    found = find_decimals(pd.DataFrame(columns))
    assert (found.decimal, found.commas, found.points, found.both) == (".", [], [], ["both"])


def test_numbers_in_another_notation_are_to_be_corrected_rather_than_called_missing():
    words = [f"{i},5" for i in range(9)]
    assert read_column("x", pd.Series([*words, "1.234,5"]), ",").because == (
        "numbers except 1.234,5; correct these cells"
    )
    assert "list them under `missing`" in read_column("x", pd.Series([*words, "ca. 5"]), ",").because


def test_few_whole_numbers_with_commas_are_classes():
    column = read_column("grade", pd.Series(["1,0", "2,0", "10"] * 8), ",")
    assert column.kind == "numbers"
    assert read_column("grade", pd.Series(["2,0", "1,0"] * 8), ",").classes == ("1,0", "2,0")


def test_a_probable_typo_is_named(drafted):
    diagnoses = [CLASSES[i % 2] for i in range(N)]
    diagnoses[2] = "bening"
    _, _, notes, _ = drafted(diagnosis=diagnoses)
    (line,) = [line for line in notes.unsure if "typo" in line]
    assert line == (
        "diagnosis: 'bening' (1) may be a typo for 'benign' (11). If so, correct the cells, or remove it from "
        "`classes` and add `values: {bening: benign}`."
    )


@pytest.mark.parametrize(
    "words", [["normal"] * 20 + ["abnormal"], ["male"] * 20 + ["female"], ["grade 1"] * 20 + ["grade 2"]]
)
def test_a_rare_class_is_not_always_a_typo(words):
    assert not any("typo" in line for line in read_column("x", pd.Series(words)).unsure)


def test_doctests_of_near_names_and_wording():
    assert doctest.testmod(near_names).failed == 0
    assert doctest.testmod(wording).failed == 0


def test_check_suggests_the_class_that_was_meant(folder, drafted):
    drafted()
    path = folder / "cases.csv"
    path.write_text(
        path.read_text().replace("c02,p1,benign", "c02,p1,bening").replace("c04,p2,benign", "c04,p2,cyst")
    )
    with pytest.raises(DataError) as caught:
        api.read_dataset(folder)
    assert caught.value.problems == [
        "case 'c02': diagnosis is 'bening', which is not among its classes (benign, malignant); did you mean 'benign'? "
        "declare it or correct the cell",
        "case 'c04': diagnosis is 'cyst', which is not among its classes (benign, malignant); declare it or correct "
        "the cell",
    ]


@pytest.mark.parametrize("date", ["2024-03-{:02d}", "{:02d}.03.2024", "2024-03-{:02d} 00:00:00"])
def test_dates(date):
    column = read_column("visit", pd.Series([date.format(i % 20 + 1) for i in range(60)]))
    assert column.kind == "other"
    assert column.because == f"dates: {date.format(1)}, {date.format(2)} and 18 more"
