"""The contract of every format in `FORMATS`: found, read back, measured, refused where it is damaged."""

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from unet_mtl.data.images import describe_file, image_size, read_image, read_mask, read_spacing
from unet_mtl.data.readers import (
    FORMATS,
    find_format,
    format_named,
    raster_suffixes,
    suffix_of,
    suffixes,
    without_suffix,
)
from unet_mtl.errors import DataError
from unet_mtl.inference.files import find_images

from .samples import SAMPLES

FILES = [(key, suffix) for key, known in FORMATS.items() for suffix in known.suffixes]
LIBRARIES = {"dicom": ("pydicom",), "nifti": ("nibabel",), "nrrd": ("nrrd",)}
"""The optional libraries of formats that need an extra."""


def gradient() -> np.ndarray:
    rows, columns = np.mgrid[:24, :32]
    return (4 * rows + 5 * columns).astype(np.uint8)


def write(folder: Path, key: str, suffix: str) -> Path:
    return SAMPLES[key](folder / f"scan.1{suffix}", gradient())


def test_every_format_has_a_sample_and_suffixes_of_its_own():
    assert set(SAMPLES) == set(FORMATS)
    assert not any(a.endswith(b) for a in suffixes() for b in suffixes() if a is not b)
    assert set(raster_suffixes()) < set(suffixes())
    assert {key for key, known in FORMATS.items() if known.extra} == set(LIBRARIES)


@pytest.mark.parametrize(("key", "suffix"), FILES)
def test_a_file_is_read_back(tmp_path, key, suffix):
    path = write(tmp_path, key, suffix)
    known = FORMATS[key]
    assert image_size(path) == (24, 32)
    image = read_image(path)
    assert (image.dtype, image.shape) == (np.uint8, (24, 32, 1 if image.shape[-1] == 1 else 3))
    np.testing.assert_allclose(image[..., 0].astype(int), gradient(), atol=4 if key == "jpeg" else 0)
    if key != "jpeg":
        np.testing.assert_array_equal(read_mask(path), gradient())
    assert known.stores_spacing or read_spacing(path) is None
    with pytest.raises(DataError, match=r"scan\.1.*: frame 1 of a file that has 1 frame;"):
        read_image(path, 1)


@pytest.mark.parametrize(("key", "suffix"), FILES)
def test_a_file_is_identified_by_its_content_and_by_its_name(tmp_path, key, suffix):
    path = write(tmp_path, key, suffix)
    known = FORMATS[key]
    assert known is format_named(path.name.upper())
    assert suffix_of(path) == suffix
    assert without_suffix(path.name) == "scan.1"
    assert find_format(path)[0] is known
    assert format_named(f"x{describe_file(path)[0]}") is known
    renamed = path.rename(tmp_path / "renamed")
    if suffix != ".nii.gz":  # its bytes are those of any gzip file
        assert find_format(renamed) == (known, known.suffixes[0])


@pytest.mark.parametrize(("key", "suffix"), FILES)
def test_a_truncated_file_is_refused_by_name(tmp_path, key, suffix):
    path = write(tmp_path, key, suffix)
    content = path.read_bytes()
    for length in (len(content) // 2, 20, 0):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: ") as error:
            read_image(path)
        assert error.value.kind == "image-unreadable"


def test_a_truncated_picture_of_16_bit_colours_is_refused(tmp_path):
    """Some versions of OpenCV, which decodes it, return a truncated picture without an error."""
    path = tmp_path / "deep.png"
    assert cv2.imwrite(str(path), np.random.default_rng(3).integers(0, 65536, (64, 64, 3)).astype(np.uint16))
    path.write_bytes(path.read_bytes()[:12_000])
    with pytest.raises(DataError, match=r"deep\.png: not a readable image"):
        read_image(path)


@pytest.mark.parametrize("key", LIBRARIES)
def test_a_missing_library_names_the_extra(tmp_path, monkeypatch, key):
    paths = [write(tmp_path, key, suffix) for suffix in FORMATS[key].suffixes]
    for library in LIBRARIES[key]:
        for module in [name for name in sys.modules if name.partition(".")[0] == library]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, library, None)
    for path in paths:
        expected = rf'{FORMATS[key].name} needs .*; pip install "unet-mtl\[{FORMATS[key].extra}\]"'
        for read in (read_image, image_size, read_mask):
            with pytest.raises(DataError, match=expected):
                read(path)


def test_a_folder_is_searched_for_every_format(tmp_path):
    paths = {}
    for key, suffix in FILES:
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        paths[write(folder, key, suffix)] = f"{suffix[1:]}/scan.1"
    (tmp_path / "notes.txt").write_text("no image")
    assert find_images([tmp_path]) == paths
    assert find_images(list(paths)[-1:]) == {list(paths)[-1]: "scan.1"}
