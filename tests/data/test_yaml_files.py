"""Errors for files that are not YAML, or hold no settings: one line, with the place."""

import doctest

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from unet_mtl.data import yaml_files
from unet_mtl.data.yaml_files import parse_yaml, read_yaml
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
        ("a: 1\nb: 2\na: 3\n", "not valid YAML: line 3, column 1: 'a' is set twice; keep one of them"),
        (
            "seed: " + "9" * 5000,
            "not valid YAML: line 1, column 7: a number of 5,000 digits; put text in quotes",
        ),
        ("a: " + "[" * 600, "not valid YAML: the values are nested too deeply, or contain themselves"),
        ("a: &a [*a]\n", "not valid YAML: the values are nested too deeply, or contain themselves"),
        (
            "a0: &a0 [1, 1, 1, 1]\n"
            + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 12)),
            "not valid YAML: more than 100,000 values, as when aliases (*name) repeat one another",
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


@pytest.mark.parametrize(
    "word", ["007", "1_0", "12:30", "2023-01-31", "2023-02-30", "0x1F", "yes", "No", "off", "1e3"]
)
def test_words_that_look_like_other_values_stay_text(word):
    assert parse_yaml(f"{word}: [{word}]") == {word: [word]}


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**12), 10**12)
        | st.floats(allow_nan=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )
)
def test_what_pyyaml_writes_is_read(content):
    """Runs store their settings with PyYAML, whose rules for plain text are those of YAML 1.1."""
    assert parse_yaml(yaml.safe_dump(content)) == content
