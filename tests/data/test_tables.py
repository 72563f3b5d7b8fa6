"""Tables as text, from files of various programs."""

import csv
import datetime
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from unet_mtl.data.description import make_description
from unet_mtl.data.records import read_dataset
from unet_mtl.data.tables import guard_formulas, read_table, unguard_formulas
from unet_mtl.data.workbooks import describe_sheets, list_sheets
from unet_mtl.errors import DataError

ROWS = [["a", "3", "benign, left", ""], ["b", "4.5", "NA", "x"]]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_text_of_any_separator(tmp_path, mark, start):
    lines = [["case", " size ", "note", "more"], *([cell and f'"{cell}"' for cell in row] for row in ROWS)]
    path = tmp_path / "cases.csv"
    path.write_text(start + "\n".join(mark.join(line) for line in lines), encoding="utf-8")
    table = read_table(path)
    assert list(table.columns) == ["case", "size", "note", "more"]
    assert table.to_numpy().tolist() == ROWS


WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
).map(str.strip)


@st.composite
def tables(draw):
    """Draw a header row of different names, and rows of any words; no row is empty."""
    names = draw(st.lists(WORDS.filter(bool), min_size=2, max_size=5, unique=True))
    rows = draw(st.lists(st.lists(WORDS, min_size=len(names), max_size=len(names)), min_size=1, max_size=5))
    assume(not names[0].lower().startswith("sep="))
    return names, rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_every_table_that_is_written_is_read(tmp_path, table, mark, announced):
    names, rows = table
    path = tmp_path / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.write(f"sep={mark}\n" * announced)
        csv.writer(stream, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    read = read_table(path)
    assert list(read.columns) == names
    assert read.to_numpy().tolist() == rows


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_every_table_of_another_shape_is_refused(tmp_path, table, data):
    """A row with a cell too many or too few, or a column name too often, is refused with its place."""
    names, rows = table
    row = data.draw(st.integers(0, len(rows) - 1))
    fault = data.draw(st.sampled_from(["short", "long", "twice"]))
    if fault == "short":
        rows[row].pop()
        assume(any(rows[row]) or len(rows[row]) > 1)
    elif fault == "long":
        rows[row].append("x")
    else:
        names[1] = f" {names[0]}"
    path = tmp_path / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    with pytest.raises(DataError) as caught:
        read_table(path)
    words = {
        "short": "fewer than the",
        "long": "more than the",
        "twice": f"two columns are named {names[0]!r}",
    }
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: ")
    assert words[fault] in problem


def test_columns_without_a_name_need_no_cells(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("case,size,,\na,1\nb,2,,\nc,3,x\n")
    assert read_table(path).to_numpy().tolist() == [
        ["a", "1", "", ""],
        ["b", "2", "", ""],
        ["c", "3", "x", ""],
    ]


def test_blanks_around_quotation_marks(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text('"case" , "size"\n"a, left" , 1\n')
    assert read_table(path).to_dict("records") == [{"case": "a, left", "size": "1"}]


def test_a_wide_table(tmp_path):
    """A header row of more than 131,072 characters, which is the limit of Python's csv module."""
    names = [f"column_{i:05d}" for i in range(12_000)]
    (tmp_path / "cases.csv").write_text(",".join(names) + "\n" + ",".join("1" * 12_000) + "\n")
    (tmp_path / "long.csv").write_text("case,note\na," + "x" * 200_000 + "\n")
    assert read_table(tmp_path / "cases.csv").shape == (1, 12_000)
    assert read_table(tmp_path / "long.csv").loc[0, "note"] == "x" * 200_000


@pytest.mark.skipif(find_spec("openpyxl") is None, reason="Excel tables need openpyxl")
def test_a_workbook_is_read_as_it_is_shown(tmp_path):
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append([None, None])  # an empty row above the header row
    sheet.append(["case", "visit", "size", "time", "error", None])
    day = datetime.datetime(2023, 1, 31)
    sheet.append([1, day, 7, datetime.datetime(2023, 1, 31, 12, 30), "#N/A", None])
    sheet.append([23, day, 7.0, None, None, None])
    for row, shown in ((3, "000"), (4, '"P"000;-0')):
        sheet.cell(row, 1).number_format = shown
        sheet.cell(row, 3).number_format = '0" mm"'
    path = tmp_path / "cases.xlsx"
    workbook.save(path)
    table = read_table(path)
    assert table["case"].tolist() == ["001", "P023"]
    assert table["visit"].tolist() == ["2023-01-31", "2023-01-31"]
    assert table["time"].tolist() == ["2023-01-31 12:30:00", ""]
    assert table["size"].tolist() == ["7", "7"]
    assert table["error"].tolist() == ["", ""]
    sheet.cell(2, 2).value = "case"
    workbook.save(path)
    with pytest.raises(DataError, match="two columns are named 'case'"):
        read_table(path)


def typed_table():
    return pd.DataFrame(
        {
            "case": ["007", "b"],
            "grade": [3, None],
            "share": [0.25, 1e-7],
            "day": [datetime.date(2020, 1, 2), None],
            "known": [True, False],
        }
    )


@pytest.mark.skipif(find_spec("openpyxl") is None, reason="Excel tables need openpyxl")
def test_excel_cells_are_words(tmp_path):
    path = tmp_path / "cases.xlsx"
    typed_table().to_excel(path, index=False)
    table = read_table(path)
    assert table["case"].tolist() == ["007", "b"]
    assert table["grade"].tolist() == ["3", ""]
    assert table["share"].tolist() == ["0.25", "1e-07"]
    assert table["known"].tolist() == ["True", "False"]


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="Parquet tables need pyarrow")
def test_parquet_cells_are_words(tmp_path):
    path = tmp_path / "cases.parquet"
    typed_table().to_parquet(path)
    table = read_table(path)
    assert table["case"].tolist() == ["007", "b"]
    assert table["grade"].tolist() == ["3", ""]
    assert table["day"].tolist() == ["2020-01-02", ""]


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_a_missing_package_is_named(tmp_path, suffix, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, {".xlsx": "openpyxl", ".parquet": "pyarrow"}[suffix], None)
    if suffix == ".xlsx":
        monkeypatch.setattr(pd, "read_excel", lambda *_, **__: __import__("openpyxl"))
    else:
        monkeypatch.setattr(pd, "read_parquet", lambda *_, **__: __import__("pyarrow"))
    extra = {".xlsx": "excel", ".parquet": "parquet"}[suffix]
    path = tmp_path / f"cases{suffix}"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=rf'pip install "unet-mtl\[{extra}\]", or save it as CSV'):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cases.csv", b"", "not a readable CSV table"),
        ("cases.csv", b"case,size\n", "has no rows; expected one row for each case"),
        (
            "cases.csv",
            b"case,size\na,1,2\nb,1,2\n",
            "line 2 has 3 cells, more than the 2 columns of the header row",
        ),
        (
            "cases.csv",
            b"case,size\n\na,1\nb\n",
            "line 4 has 1 cell, fewer than the 2 columns of the header row",
        ),
        ("cases.csv", b"case,size,size\na,1,1\n", "two columns are named 'size'; rename one of them"),
        ("cases.csv", b"case,size, size \na,1,1\n", "two columns are named 'size'; rename one of them"),
        ("cases.csv", b'case,size\na,"1\nb,2\n', "a quotation mark is not closed"),
        ("cases.csv", b"case,size\n\xff\xfea,1\n", "not a readable CSV table .*save it as UTF-8"),
        ("cases.xlsx", b"no workbook", "not a readable Excel table"),
        ("gone.csv", None, "cannot be read .*No such file"),
    ],
)
def test_refusals(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


RUN = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x.org","y")', "'=1", "''@a"]
PLAIN = ["-1.5", "+3e5", "-", "", "plain", "'quoted'", "O'Neill", "2=2"]


def test_no_cell_that_is_written_runs_in_a_spreadsheet(tmp_path):
    words = RUN + PLAIN
    table = pd.DataFrame({"case": words, "=n": np.arange(len(words)) / 4, "error": [None, *words[1:]]})
    guarded = guard_formulas(table)
    guarded.to_csv(tmp_path / "x.csv", index=False)
    stored = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert list(stored["case"]) == [f"'{word}" for word in RUN] + PLAIN
    assert list(stored.columns) == ["case", "'=n", "error"]
    assert guarded["'=n"].dtype == float
    pd.testing.assert_frame_equal(unguard_formulas(guarded), table)
    assert list(unguard_formulas(stored)["case"]) == words
    assert not guard_formulas(table.head(0)).to_csv(index=False).strip().count("\n")


SHEETS = {
    "Read me": [["about"], ["by hand"]],
    "Cases": [["case", "size"], ["a", 1]],
    "More": [["case"], ["b"]],
    "": [],
}


def write_sheets(path, sheets):
    workbook = pytest.importorskip("openpyxl").Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name or "Sheet9")
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def test_a_sheet_is_chosen_by_its_name(tmp_path):
    path = write_sheets(tmp_path / "cases.xlsx", SHEETS)
    assert read_table(path).columns.tolist() == ["about"]
    assert read_table(path, sheet="Cases").to_numpy().tolist() == [["a", "1"]]
    assert list_sheets(path) == ("Read me", "Cases", "More")
    assert describe_sheets(path) == "sheet 'Read me' of 3 sheets is read; left aside: 'Cases', 'More'"
    assert describe_sheets(path, "More") == "sheet 'More' of 3 sheets is read; left aside: 'Read me', 'Cases'"
    with pytest.raises(DataError) as caught:
        read_table(path, sheet="cases")
    assert str(caught.value) == f"{path}: no sheet 'cases'; it has 'Read me', 'Cases', 'More', 'Sheet9'"
    with pytest.raises(
        DataError, match=r"no rows; .*; its other sheets are 'Read me', 'Cases', 'More': name one"
    ):
        read_table(path, sheet="Sheet9")
    single = write_sheets(tmp_path / "single.xlsx", {"": [], "Cases": SHEETS["Cases"]})
    assert describe_sheets(single, "Cases") == ""


def test_the_description_names_the_sheet(tmp_path):
    write_sheets(tmp_path / "cases.xlsx", SHEETS)
    content = {"table": "cases.xlsx", "sheet": "Cases", "columns": {"size": {}}}
    (record,) = read_dataset(make_description(content, base=tmp_path, where="test"))
    assert record.labels == {"size": 1.0}
    with pytest.raises(DataError, match=r"`sheet` is .Cases., but only a workbook has sheets, and cases"):
        make_description(content | {"table": "cases.csv"}, base=tmp_path, where="test")
