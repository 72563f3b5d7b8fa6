"""Tables as text, from files of various programs."""

import datetime
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from unet_mtl.data.tables import guard_formulas, read_table, unguard_formulas
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
        ("cases.csv", b"case,size\na,1,2\nb,1,2\n", "more cells than the 2 columns"),
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
