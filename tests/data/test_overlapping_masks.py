"""Masks with overlapping classes: described, read, counted, resized."""

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.description import make_description
from unet_mtl.data.images import resize_channels, resize_mask
from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.masks import count_pixels, read_case_mask, region_of
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

CLASSES = ["background", "organ", "tumour"]
FILES = {"tumour": "tumour/{case}.png", "organ": "organ/{case}.png"}  # not in the order of the classes
ORGAN = np.array([[0, 1, 1, 1], [0, 1, 1, 1]])
TUMOUR = np.array([[0, 0, 1, 1], [0, 0, 0, 0]])
PARTS = {"overlap": True, "files": FILES, "classes": CLASSES}


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Write three cases: a has a tumour in the organ, with two kinds of numbers; b only an organ; c nothing."""
    for case in "abc":
        save(tmp_path / f"{case}.png", np.arange(8).reshape(2, 4) * 20)
    save(tmp_path / "organ/a.png", ORGAN * 255)
    save(tmp_path / "tumour/a.png", TUMOUR * 7)
    save(tmp_path / "organ/b.png", ORGAN)
    return tmp_path


def describe(folder, **changes):
    content = {"images": "{case}.png", "masks": {"parts": PARTS | changes}}
    return make_description(content, base=folder, where="here")


def masks_of(description):
    dataset = read_dataset(description)
    mask = description.masks["parts"]
    return {record.case: read_case_mask(record, "parts", mask) for record in dataset}


def test_a_pixel_has_several_classes_and_an_absent_file_is_empty_beside_another(folder):
    found = masks_of(describe(folder))
    np.testing.assert_array_equal(found["a"], np.dstack([ORGAN, TUMOUR]))
    np.testing.assert_array_equal(found["b"], np.dstack([ORGAN, 0 * TUMOUR]))
    assert found["a"].dtype == np.uint8
    assert found["c"] is None


def test_without_overlap_the_last_class_counts_as_ever(folder):
    found = masks_of(describe(folder, overlap=False))
    np.testing.assert_array_equal(found["a"], np.where(TUMOUR, 2, ORGAN))


def test_several_files_of_one_class_are_united(folder):
    save(folder / "organ/a_1.png", [[1, 0, 0, 0], [0, 0, 0, 0]])
    found = masks_of(describe(folder, files=FILES | {"organ": "organ/{case}*.png"}))
    assert found["a"][..., 0].tolist() == [[1, 1, 1, 1], [0, 1, 1, 1]]
    np.testing.assert_array_equal(found["a"][..., 1], TUMOUR)


def test_one_class_is_one_channel(folder):
    found = masks_of(describe(folder, files={"organ": "organ/{case}.png"}, classes=CLASSES[:2]))
    np.testing.assert_array_equal(found["a"], ORGAN[..., None])


@pytest.mark.parametrize(
    "changes",
    [{"files": {}, "path": "m/{case}.png"}, {"files": {}, "path": "m/{case}.png", "values": {0: 0, 255: 1}}],
)
def test_overlap_without_files_is_refused_with_its_cure(folder, changes):
    with pytest.raises(
        DataError, match=r"`overlap` needs a file for each class.*`files: \{organ: masks/organ/"
    ):
        describe(folder, **changes)


def test_a_mask_of_another_size_is_named(folder):
    save(folder / "tumour/a.png", np.zeros((3, 4)))
    with pytest.raises(
        DataError, match=r"tumour/a\.png: the mask is 3x4 pixels, but its image 'a\.png' is 2x4"
    ):
        masks_of(describe(folder))


def test_regions_and_counts():
    mask = np.dstack([ORGAN, TUMOUR]).astype(np.uint8)
    mask[1, 0] = 255
    assert count_pixels(mask) == {0: 1, 1: 6, 2: 2, 255: 1}
    assert region_of(mask, 0).tolist() == [[True, False, False, False], [False] * 4]
    np.testing.assert_array_equal(region_of(mask, 2), TUMOUR == 1)
    indices = np.array([[0, 1, 2], [2, 255, 2]], np.uint8)
    assert count_pixels(indices) == {0: 1, 1: 1, 2: 3, 255: 1}
    np.testing.assert_array_equal(region_of(indices, 2), indices == 2)


def test_what_is_kept_of_a_mask_counts_each_pixel_once(folder):
    facts = inspect_dataset(read_dataset(describe(folder))).masks["parts"]
    a, b = facts["a"], facts["b"]
    assert (a.pixels, a.foreground, a.labelled) == ({0: 2, 1: 6, 2: 2}, 6, 8)
    assert (b.pixels, b.foreground, b.labelled) == ({0: 2, 1: 6}, 6, 8)
    assert a.border == 8 / 12  # of two rows of four and two columns of two, corners twice
    assert a.digest != b.digest


@pytest.mark.parametrize("size", [(7, 9), (40, 60)])
@pytest.mark.parametrize("channels", [1, 4, 5, 130])
def test_channels_are_resized_as_each_would_be_alone(channels, size):
    """OpenCV accepts some numbers of channels and not others."""
    mask = (np.random.default_rng(0).random((20, 30, channels)) < 0.5).astype(np.uint8)
    resized = resize_mask(mask, size)
    assert resized.shape == (*size, channels)
    for index in range(channels):
        np.testing.assert_array_equal(resized[..., index], resize_mask(mask[..., index], size))
    fractions = resize_channels(mask.astype(np.float32), size, 1)
    assert fractions.shape == (*size, channels)
    alone = resize_channels(mask[..., -1].astype(np.float32), size, 1)
    np.testing.assert_allclose(fractions[..., -1], alone, atol=1e-5)
