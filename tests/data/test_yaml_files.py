"""Errors for files that are not YAML, or hold no settings: one line, with the place."""

import doctest

import pytest

from unet_mtl.data import yaml_files
from unet_mtl.data.yaml_files import read_yaml
from unet_mtl.errors import DataError


def test_doctests():
    assert doctest.testmod(yaml_files).failed == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; expected `key: value` lines"),
        ("# only a comment\n", "the file is empty; expected `key: value` lines"),
        ("some words\nand more\n", "expected `key: value` lines, received text"),
        ("- a\n- b\n", "expected `key: value` lines, received a list"),
        ("12\n", "expected `key: value` lines, received one value, 12"),
        (
            "table: cases.csv\nimages: a: b\n",
            "not valid YAML: line 2, column 10: mapping values are not allowed here (a second `:` in the line, or a "
            "line indented too far; put text in quotes)",
        ),
        (
            "masks:\n\tlesion: 1\n",
            "not valid YAML: line 2, column 1: found character '\\t' that cannot start any token (a tab; indent with "
            "spaces; while scanning for the next token)",
        ),
        (
            "a: 1\ncase\nb: 2\n",
            "not valid YAML: line 3, column 1: could not find expected ':' (a line without `:`, or without a blank "
            "after it; while scanning a simple key, which begins in line 2)",
        ),
        (
            "a: [1\nb: 2\n",
            "not valid YAML: line 2, column 2: expected ',' or ']', but got ':' (while parsing a flow sequence, which "
            "begins in line 1)",
        ),
    ],
)
def test_one_line(tmp_path, text, message):
    path = tmp_path / "dataset.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_yaml(path)
    assert caught.value.problems == [f"{path}: {message}"]


def test_letters_that_no_text_has(tmp_path):
    path = tmp_path / "dataset.yaml"
    path.write_bytes(b"a: \x07\n")
    with pytest.raises(DataError, match="not valid YAML: unacceptable character") as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    assert "unicode string" not in str(caught.value)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(DataError, match="not UTF-8 text; save it with that encoding"):
        read_yaml(path)
