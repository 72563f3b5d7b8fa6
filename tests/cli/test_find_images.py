"""The images that `predict` and `overlay` find, and the names of their output files."""

from pathlib import Path

import pytest

from unet_mtl.errors import DataError
from unet_mtl.inference.files import find_images


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "deep/er/c.tif", "deep/a.png", "notes.txt", "deep/.hidden.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


def test_folder_gives_all_its_images_with_the_folders_between(folder):
    found = find_images([folder])
    assert found == {
        folder / "a.JPG": "a",
        folder / "b.png": "b",
        folder / "deep" / "a.png": "deep/a",
        folder / "deep" / "er" / "c.tif": "deep/er/c",
    }
    assert list(found) == sorted(found)


def test_files_keep_their_order_and_lose_their_folder(folder):
    paths = [folder / "deep" / "er" / "c.tif", str(folder / "b.png")]
    assert find_images(paths) == {Path(paths[0]): "c", Path(paths[1]): "b"}
    assert list(find_images(paths).values()) == ["c", "b"]


def test_file_given_twice_is_taken_once(folder):
    assert len(find_images([folder / "b.png", folder / "b.png"])) == 1
    assert find_images([folder, folder / "b.png"])[folder / "b.png"] == "b"


def test_two_images_of_one_name_are_refused(folder):
    (folder / "b.tif").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"b\.tif and .*b\.png would both be written as 'b'; predict them separately"
    ):
        find_images([folder])
    with pytest.raises(DataError, match="would both be written as 'a'"):
        find_images([folder / "a.JPG", folder / "deep" / "a.png"])


def test_folder_without_an_image_and_a_missing_path_are_told(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no image in this folder; known are \.png"):
        find_images([tmp_path / "empty"])
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        find_images([folder, tmp_path / "nowhere"])
    with pytest.raises(DataError) as caught:
        find_images([tmp_path / "nowhere", tmp_path / "empty", tmp_path / "gone.png"])
    assert len(caught.value.problems) == 3
