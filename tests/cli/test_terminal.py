"""Names of files and cells of tables come from others, and must not act on the terminal that shows them."""

import doctest

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from unet_mtl import wording
from unet_mtl.cli.problems import print_problems
from unet_mtl.cli.tables import print_findings, print_rows
from unet_mtl.data.observations import Observation
from unet_mtl.prepare.doctor.findings import gather
from unet_mtl.wording import escape_controls

ACTS = "\x1b[2J\x1b]0;title\x07\u202egnp.\u2066"
"""Clears the screen, renames the window, rings, and turns the text around."""

MARKUP = "[bold]x[/b][link=http://x.org]y[/link]"


def test_doctests():
    assert doctest.testmod(wording).failed == 0


@given(st.text(st.characters()))
def test_whatever_is_escaped_can_be_printed(text):
    shown = escape_controls(text)
    assert shown.replace("\n", "").isprintable() or not text.isascii()
    assert not any((ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 for char in shown)
    shown.encode("utf-8")  # also where the name of a file has bytes that are no text
    assert escape_controls(shown) == shown
    if text.isprintable():
        assert shown == text


def test_tables_findings_and_errors_show_controls_and_markup_as_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    print_problems([f"{ACTS}: wrong", "a\udcff.png: wrong"])
    print_rows(f"title {ACTS}", [{"class": ACTS, MARKUP: MARKUP}])
    print_findings(
        gather([Observation("class-unused", f"{ACTS} {MARKUP}"), Observation("mask-empty", "x", (ACTS,))])
    )
    printed = capsys.readouterr()
    text = printed.out + printed.err
    assert not any(char in text for char in ACTS if not char.isprintable())
    assert text.count(r"\x1b[2J\x1b]0;title\x07\u202egnp.\u2066") == 5
    assert text.count(MARKUP) == 3
    assert r"error: a\udcff.png: wrong" in text


@pytest.mark.parametrize("arguments", [["check"], ["split", "--out"]])
def test_commands_show_names_of_cases_as_text(write_data, tmp_path, command, arguments):
    """The name of a class clears the screen, and so does that of a patient."""
    folder = tmp_path / "tiny"
    write_data(folder)
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    content["columns"]["diagnosis"]["classes"].append(f"cyst{ACTS}")
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    table = (folder / "cases.csv").read_text().replace("p03", f"p{ACTS}1").replace("p04", f"P-{ACTS}1")
    (folder / "cases.csv").write_text(table)
    name, *rest = arguments
    code, output, errors = command(name, folder, *rest, *([tmp_path / "splits.csv"] if rest else []))
    text = output + "\n".join(errors)
    assert code == 0, text
    assert not any(char in text for char in ACTS if not char.isprintable())
    assert r"\x1b[2J" in text.replace("\n", "")
    assert "differ in spelling only" in text
