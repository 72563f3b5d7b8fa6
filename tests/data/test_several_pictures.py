"""Files of several pictures: how many they hold, which one is read, and channels that are one picture."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unet_mtl.data.description import make_description
from unet_mtl.data.frames import choose_picture, describe_frames
from unet_mtl.data.images import read_header, read_image, read_mask
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.readers import reader_of
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError

from .samples import dicom, nifti, nrrd

GREYS = np.random.default_rng(0).integers(0, 256, (3, 12, 16)).astype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    axes=st.sampled_from(["CYX", "ZYX", "TYX", "ZCYX", "TCYX", "TZYX", "TZCYX"]),
    sizes=st.tuples(*[st.integers(2, 4)] * 3),
    dtype=st.sampled_from(["u1", "<u2", ">u2", "<f4"]),
    kind=st.sampled_from(["imagej", "imagej without headers", "ome", "ome of channels first"]),
)
def test_channels_are_one_picture_and_slices_are_several(axes, sizes, dtype, kind):
    leading = axes[:-2]
    shape = (*sizes[: len(leading)], 5, 7)
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    stored, order = values, axes
    if kind == "ome of channels first" and "C" in axes:
        order = "C" + axes.replace("C", "")
        stored = np.moveaxis(values, axes.index("C"), 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stack.tif")
        options = {"ome": True} if kind.startswith("ome") else {"imagej": True}
        if kind == "imagej without headers":
            options["truncate"] = True
        tifffile.imwrite(path, stored, metadata={"axes": order}, photometric="minisblack", **options)
        expected = np.moveaxis(values, leading.index("C"), -1) if "C" in leading else values[..., None]
        expected = expected.reshape(-1, 5, 7, expected.shape[-1])
        header = read_header(path)
        assert (header.frames, header.index, header.height, header.width) == (len(expected), 0, 5, 7)
        for frame, picture in enumerate(expected):
            read = reader_of(path).read(path, frame)
            np.testing.assert_array_equal(read.pixels, picture)
            assert read.pixels.dtype == np.dtype(dtype).newbyteorder("=")
        with pytest.raises(
            DataError, match=f"frame {len(expected)} of a file that has {len(expected)} frame"
        ):
            reader_of(path).measure(path, len(expected))


def test_pages_without_a_description_are_pictures(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREYS, photometric="minisblack")
    assert read_header(tmp_path / "a.tif").frames == 3
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", 2)[..., 0], GREYS[2])


OME = """<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"
 UUID="urn:uuid:00000000-0000-0000-0000-00000000000a"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT"
 Type="uint8" SizeX="16" SizeY="12" SizeC="1" SizeZ="2" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>
 <TiffData FirstZ="0" IFD="0" PlaneCount="1"><UUID FileName="a.ome.tif">urn:uuid:00000000-0000-0000-0000-00000000000a
</UUID></TiffData><TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="b.ome.tif">
urn:uuid:00000000-0000-0000-0000-00000000000b</UUID></TiffData></Pixels></Image></OME>"""
"""A stack of two slices, of which the second one is in another file."""


def test_an_ome_stack_of_several_files_opens_no_other_file(tmp_path):
    """A description may name any file, which could lie anywhere."""
    for name in "ab":
        description = "".join(OME.splitlines()).replace('0a"><Image', f'0{name}"><Image')
        pixels = GREYS["ab".index(name)]
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", pixels, description=description, metadata=None)
    assert read_header(tmp_path / "a.ome.tif").frames == 1
    np.testing.assert_array_equal(read_image(tmp_path / "a.ome.tif")[..., 0], GREYS[0])


def test_a_picture_that_an_ome_file_lacks_is_named(tmp_path):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, GREYS, ome=True, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes().replace(b'SizeZ="3"', b'SizeZ="4"'))
    np.testing.assert_array_equal(read_image(path, 2)[..., 0], GREYS[2])
    with pytest.raises(DataError, match="picture 3 lies in another file; export the stack as a single file"):
        read_image(path, 3)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_first_frame_of_an_animation_is_read_and_the_others_are_known(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    first, *others = (Image.fromarray(pixels) for pixels in GREYS)
    options = {"lossless": True} if suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=others, **options)
    assert (read_header(path).frames, read_header(path).index) == (3, 0)
    np.testing.assert_array_equal(read_image(path)[..., 0], GREYS[0])
    for frame, pixels in enumerate(GREYS):
        assert read_header(path, frame).index == frame
        np.testing.assert_array_equal(read_image(path, frame)[..., 0], pixels)
    with pytest.raises(DataError, match="frame 3 of a file that has 3 frames"):
        read_image(path, 3)


@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        ([0, 0, 0, 255, 255, 255], 255),
        ([255, 255, 255, 0, 0, 0], 0),
        ([0, 0, 0, 1, 1, 1], 1),
        ([0, 0, 0, 255, 0, 0], 1),  # colours have no order, so that their indices count
    ],
)
def test_a_mask_in_a_gif_holds_greys_whatever_the_order_of_its_palette(tmp_path, palette, expected):
    indices = np.tri(8, dtype=np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette)
    image.save(tmp_path / "a.gif", optimize=False)
    mask = read_mask(tmp_path / "a.gif")
    assert set(np.unique(mask[indices == 1])) == {expected}
    assert len(np.unique(mask)) == 2


def test_a_gif_in_colour_is_read_in_colour(tmp_path):
    Image.new("RGB", (6, 4), (200, 10, 30)).save(tmp_path / "a.gif")
    assert read_image(tmp_path / "a.gif")[0, 0].tolist() == [200, 10, 30]


def test_a_gif_of_one_colour_is_not_called_truncated(tmp_path):
    Image.new("L", (2000, 1500), 7).save(tmp_path / "a.gif")
    assert read_image(tmp_path / "a.gif").shape == (1500, 2000, 1)


def test_a_gif_that_promises_more_than_it_holds_is_refused(tmp_path):
    Image.new("L", (8, 8), 7).save(tmp_path / "a.gif")
    content = bytearray((tmp_path / "a.gif").read_bytes())
    content[6:10] = b"\xff\x3f\xff\x3f"
    (tmp_path / "a.gif").write_bytes(content)
    with pytest.raises(DataError, match=r"truncated: its header declares"):
        read_header(tmp_path / "a.gif")


@pytest.mark.parametrize(
    ("name", "write", "expected"),
    [
        ("a.dcm", lambda path: dicom(path, GREYS, NumberOfFrames=3), (3, 0)),
        ("a.nii.gz", lambda path: nifti(path, GREYS.T), (3, 1)),
        ("a.nrrd", lambda path: nrrd(path, GREYS), (3, 1)),
        ("a.tif", lambda path: tifffile.imwrite(path, GREYS, photometric="minisblack"), (3, 0)),
    ],
)
def test_the_picture_that_is_read_is_known(tmp_path, name, write, expected):
    if name == "a.nrrd":
        write = lambda path: pytest.importorskip("nrrd").write(str(path), GREYS.T)  # noqa: E731
    write(tmp_path / name)
    header = read_header(tmp_path / name)
    assert (header.frames, header.index) == expected
    np.testing.assert_array_equal(read_mask(tmp_path / name), GREYS[header.index])
    assert choose_picture(tmp_path / name, None) == (header.index, 3)
    assert choose_picture(tmp_path / name, 2) == (2, 3)
    assert read_header(tmp_path / name, 2).index == 2


def test_one_picture_needs_no_choice(tmp_path):
    Image.fromarray(GREYS[0]).save(tmp_path / "a.png")
    assert choose_picture(tmp_path / "a.png", 7) == (None, 1)
    assert choose_picture(tmp_path / "absent.png", None) == (None, 1)


@settings(max_examples=30)
@given(pictures=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 39)), max_size=6))
def test_the_note_counts_the_files_of_several_pictures(pictures):
    several = [(frames, index) for frames, index in pictures if frames > 1]
    note = describe_frames(pictures)
    assert bool(note) == bool(several)
    if several:
        assert note.startswith(f"{len(several)} file")
        for numbers in zip(*several, strict=True):
            assert str(min(numbers)) in note
            assert str(max(numbers)) in note


MASK = {"m": {"path": "{case}_mask.tif", "classes": ["background", "lesion"]}}


@pytest.fixture
def volume(tmp_path):
    """A volume of five slices, and a mask of five pages of which page k has k pixels."""
    pages = np.zeros((5, 4, 6), np.uint8)
    for page in range(5):
        pages[page].ravel()[:page] = 1
    nifti(tmp_path / "v.nii", (pages * 9).T)
    tifffile.imwrite(tmp_path / "v_mask.tif", pages, photometric="minisblack")
    return tmp_path


def mask_of(folder):
    dataset = read_dataset(
        make_description({"images": "{case}.nii", "masks": MASK}, base=folder, where="here")
    )
    return read_case_mask(dataset.records[0], "m", dataset.description.masks["m"])


def test_the_mask_is_that_of_the_slice_that_is_read(volume):
    """The middle slice is read of the volume, and by itself the first page of the mask."""
    assert read_header(volume / "v.nii").index == 2
    assert mask_of(volume).sum() == 2


def test_a_mask_of_another_number_of_pictures_is_refused_without_a_frame_too(volume):
    tifffile.imwrite(volume / "v_mask.tif", np.zeros((4, 4, 6), np.uint8), photometric="minisblack")
    with pytest.raises(DataError, match=r"the mask has 4 frames, but its image 'v\.nii' has 5"):
        mask_of(volume)
