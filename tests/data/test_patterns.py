"""Patterns: filled in, matched, and never leading out of the folder."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet_mtl.data.patterns import fields_of, find_files, glob_pattern, leaves, match_pattern

names = st.text("ab []()*._-1", min_size=1, max_size=6)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(names, names)
def test_what_was_filled_in_is_found_again(group, case):
    for pattern in ("{group}/{case}.png", "x/{group}/{case}/{case}.png"):
        path = pattern.format(group=group, case=case)
        assert match_pattern(pattern, path) == {"group": group, "case": case}


def test_names_stop_at_folders_and_repeat_themselves():
    assert match_pattern("{case}.png", "a/b.png") is None
    assert match_pattern("{case}/{case}.png", "a/b.png") is None
    assert match_pattern("{case}_mask*.png", "benign (1)_mask_1.png") == {"case": "benign (1)"}
    assert match_pattern("a.{case}", "ab1") is None
    assert fields_of("{a}/{b}/{a}*") == ["a", "b"]


def test_files_of_a_case_whose_name_has_brackets(tmp_path):
    for name in ("a[1]_mask.png", "a[1]_mask_1.png", "a1_mask.png", "a[1]_mask.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a[1]_mask_2.png").mkdir()
    found = find_files(tmp_path, "{case}_mask*.png", {"case": "a[1]"})
    assert [path.name for path in found] == ["a[1]_mask.png", "a[1]_mask_1.png"]
    assert find_files(tmp_path, "{case}_mask.png", {"case": "a[1]"}) == [tmp_path / "a[1]_mask.png"]
    assert find_files(tmp_path, "{case}_mask.png", {"case": "b"}) == []
    everything = {path.name for path in tmp_path.glob(glob_pattern("{case}*_mask*.png"))}
    assert everything >= {"a[1]_mask.png", "a1_mask.png"}


@pytest.mark.parametrize(("path", "out"), [("a.png", False), ("sub/../a.png", False), ("../a.png", True)])
def test_leaving_the_folder(tmp_path, path, out):
    assert leaves(tmp_path, tmp_path / path) == out


def test_a_link_that_leaves_the_folder(tmp_path):
    inside, outside = tmp_path / "set", tmp_path / "secret.png"
    inside.mkdir()
    outside.write_bytes(b"")
    (inside / "link.png").symlink_to(outside)
    (inside / "near.png").write_bytes(b"")
    (inside / "kind.png").symlink_to(inside / "near.png")
    assert leaves(inside, inside / "link.png")
    assert not leaves(inside, inside / "kind.png")
    (tmp_path / "alias").symlink_to(inside)
    assert not leaves(tmp_path / "alias", tmp_path / "alias" / "near.png")  # the folder itself may be a link
