"""Decimal commas: read if the description sets them, and reported if not."""

import doctest

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from unet_mtl.data import numbers, tables
from unet_mtl.data.records import read_dataset
from unet_mtl.data.tables import read_table, runs_as_formula
from unet_mtl.errors import DataError

HEAD = "case;patient;diagnosis;size;spacing;slice\n"


def test_doctests():
    assert doctest.testmod(numbers).failed == 0
    assert doctest.testmod(tables).failed == 0


def test_numbers_spacings_and_frames_with_decimal_commas(write_set):
    table = f"{HEAD}a;p1;benign;7,6;0,1;0,0\nb;p1;malignant;-8;;0\nc;p2;;;2;\n"
    a, b, c = read_dataset(write_set(table, decimal=",", frame="slice"))
    assert (a.labels["size"], b.labels["size"], "size" in c.labels) == (7.6, -8, False)
    assert (a.spacing_mm, b.spacing_mm, c.spacing_mm) == ((0.1, 0.1), None, (2, 2))
    assert (a.frame, b.frame, c.frame) == (0, 0, None)


def test_a_spacing_in_the_description_is_a_number_whatever_the_table_says(write_set):
    (record,) = read_dataset(write_set(f"{HEAD}a;p1;;7,6;;\n", decimal=",", spacing_mm=0.25))
    assert record.spacing_mm == (0.25, 0.25)


@pytest.mark.parametrize(
    ("decimal", "cell", "cure"),
    [
        (".", "7,6", 'looks like a decimal comma: write 7.6, or set `decimal: ","` in dataset.yaml'),
        (".", "-,5", 'looks like a decimal comma: write -.5, or set `decimal: ","` in dataset.yaml'),
        (".", "1.234,5", "has a thousands separator, which is not read: write 1234.5"),
        (".", "1,234.5", "has a thousands separator, which is not read: write 1234.5"),
        (".", "1.234.567", "has a thousands separator, which is not read: write 1234567"),
        (",", "1.234,5", "has a thousands separator, which is not read: write 1234,5"),
        (",", "7.6", 'has a point, but dataset.yaml sets `decimal: ","`: write 7,6'),
    ],
)
def test_what_helps(write_set, decimal, cell, cure):
    with pytest.raises(DataError) as caught:
        read_dataset(write_set(f"{HEAD}a;p1;;{cell};{cell.lstrip('-')};\n", decimal=decimal))
    number, spacing = caught.value.problems
    assert number == f"case 'a': size is {cell!r}, which {cure}"
    assert f"which {cure.replace('write -', 'write ')}" in spacing
    assert "missing" not in number


@pytest.mark.parametrize(("decimal", "cell"), [(".", "7 mm"), (",", "7 mm"), (",", "7,6,5"), (".", "7,6,5")])
def test_what_is_no_number_at_all(write_set, decimal, cell):
    with pytest.raises(DataError, match=r"is not a number; correct the cell, or list it under `missing`"):
        read_dataset(write_set(f"{HEAD}a;p1;;{cell};;\n", decimal=decimal))


@pytest.mark.parametrize(
    "cell", ["1_0", "\u0661\u0660", "\uff11\uff10", "0x10", "1e", "--1", "1 0", "\u00b2"]
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_only_plain_numbers_are_numbers(write_set, decimal, cell):
    with pytest.raises(DataError) as caught:
        read_dataset(write_set(f"{HEAD}a;p1;;{cell};{cell};\n", decimal=decimal))
    assert [problem.split(":")[1].split()[0] for problem in caught.value.problems] == ["size", "spacing"]


@given(st.floats(allow_nan=False) | st.integers(-(2**53), 2**53))
def test_every_number_that_is_written_is_read(number):
    assert numbers.parse_number(repr(number)) == number
    assert numbers.parse_number(repr(number).replace(".", ","), ",") == number
    assert numbers.is_number(f"{number:+.3e}")


@given(st.text(st.sampled_from("0123456789+-.,eE_ xinfa\u0663"), max_size=8))
def test_no_more_is_a_number_than_for_python(text):
    if numbers.is_number(text):
        assert "_" not in text
        assert text.isascii()
        float(text)


def test_other_decimals_are_refused(write_set):
    with pytest.raises(DataError, match="decimal: Input should be"):
        read_dataset(write_set(decimal=";"))


def test_numbers_of_a_workbook_are_written_as_its_texts_are(tmp_path):
    path = tmp_path / "cases.xlsx"
    pd.DataFrame({"case": ["a", "b.c"], "size": [7.5, "7,6"], "n": [3.0, 4.0]}).to_excel(path, index=False)
    assert read_table(path, decimal=",").to_numpy().tolist() == [["a", "7,5", "3"], ["b.c", "7,6", "4"]]
    assert read_table(path).to_numpy().tolist() == [["a", "7.5", "3"], ["b.c", "7,6", "4"]]


def test_a_negative_number_with_a_comma_is_no_formula():
    assert not runs_as_formula("-7,6")
    assert runs_as_formula("-7,6,5")


def test_a_decimal_comma_does_not_hide_what_gives_a_class_away():
    from unet_mtl.prepare.doctor.leaks import _cut

    words, classes = ["1,5", "2,5", "7,5", "8,5"], pd.Series(["a", "a", "b", "b"]).to_numpy()
    assert _cut(words, classes, ",") == "every 'a' is at most 2.5, every 'b' is at least 7.5"
    assert _cut(words, classes, ".") is None
    assert_allclose(numbers.parse_number("1e3", ","), 1000)
