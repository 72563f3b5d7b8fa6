"""The readers of each format: files of its reference library are read back exactly."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from unet_mtl.data.images import (
    image_size,
    read_image,
    read_mask,
    read_spacing,
    with_channels,
)
from unet_mtl.data.readers import suffix_of
from unet_mtl.errors import DataError

from .samples import dicom, nifti, npy

RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (6, 8), np.uint8)
DEEP = RNG.integers(0, 65536, (6, 8, 3)).astype(np.uint16)
DEEP[0, 0], DEEP[0, 1] = 0, 65535


# PNG and TIFF with more than 8 bits a colour


@pytest.mark.parametrize("compression", [None, "zlib", "opencv-lzw"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_colours_keep_every_level(tmp_path, suffix, compression):
    path = tmp_path / f"x.{suffix}"
    if suffix == "png" or compression == "opencv-lzw":
        assert cv2.imwrite(str(path), DEEP[..., ::-1])
    else:
        tifffile.imwrite(path, DEEP, photometric="rgb", compression=compression)
    image = read_image(path)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, DEEP / 65535, rtol=1e-6)
    assert image_size(path) == (6, 8)


def test_sixteen_bit_colours_drop_alpha(tmp_path):
    four = np.concatenate([DEEP, DEEP[..., :1]], -1)
    assert cv2.imwrite(str(tmp_path / "x.png"), four[..., [2, 1, 0, 3]])
    tifffile.imwrite(tmp_path / "x.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    for name in ("x.png", "x.tif"):
        np.testing.assert_allclose(read_image(tmp_path / name), DEEP / 65535, rtol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colours_turn_as_eight_bit_ones_do(tmp_path, orientation):
    eight = (DEEP // 257).astype(np.uint8)
    tag = [(0x0112, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "deep.tif", DEEP, photometric="rgb", extratags=tag)
    tifffile.imwrite(tmp_path / "eight.tif", eight, photometric="rgb", extratags=tag)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(eight).save(tmp_path / "eight.png", exif=exif)
    assert cv2.imwrite(str(tmp_path / "deep.png"), DEEP[..., ::-1])
    _give_exif(tmp_path / "deep.png", tmp_path / "eight.png")
    for suffix in ("tif", "png"):
        deep, expected = read_image(tmp_path / f"deep.{suffix}"), read_image(tmp_path / f"eight.{suffix}")
        np.testing.assert_allclose(deep * 65535 // 257, expected, atol=1)
        assert image_size(tmp_path / f"deep.{suffix}") == expected.shape[:2]


def _give_exif(path: Path, source: Path) -> None:
    """Copy the eXIf chunk of one PNG behind the IHDR chunk of another."""
    data = source.read_bytes()
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    stored = path.read_bytes()
    path.write_bytes(stored[:33] + chunk + stored[33:])


def test_exif_behind_the_pixels_of_a_png_turns_its_size_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "plain.png")
    Image.fromarray(GREY).save(tmp_path / "turned.png", exif=exif)
    turned, plain = ((tmp_path / f"{name}.png").read_bytes() for name in ("turned", "plain"))
    start = turned.index(b"eXIf") - 4
    chunk = turned[start : start + 12 + int.from_bytes(turned[start : start + 4], "big")]
    (tmp_path / "behind.png").write_bytes(plain[:-12] + chunk + plain[-12:])
    for name in ("turned", "behind"):
        assert image_size(tmp_path / f"{name}.png") == (8, 6)
        np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png")[..., 0], np.rot90(GREY, -1))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [2, 4, 7])
def test_tiff_of_many_channels(tmp_path, planar, dtype, channels):
    pixels = RNG.random((6, 8, channels))
    pixels = pixels.astype(dtype) if dtype == np.float32 else (pixels * np.iinfo(dtype).max).astype(dtype)
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="minisblack", planarconfig=planar)
    image = read_image(tmp_path / "x.tif")
    scale = {np.uint8: 1, np.uint16: 65535, np.float32: 1}[dtype]
    np.testing.assert_allclose(image, pixels / scale, rtol=1e-6)
    assert image_size(tmp_path / "x.tif") == (6, 8)
    with pytest.raises(DataError, match=f"the image has {channels} channels and the network reads 3"):
        with_channels(image, 3)
    assert with_channels(image, channels) is image


def test_channels_that_nothing_can_become_are_refused():
    with pytest.raises(DataError, match="the image has 1 channel and the network reads 4"):
        with_channels(GREY[..., None], 4)


def test_tiff_where_zero_is_white_is_inverted(tmp_path):
    for name, pixels in (("8.tif", GREY), ("16.tif", DEEP[..., 0])):
        tifffile.imwrite(tmp_path / name, pixels, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "8.tif")[..., 0], 255 - GREY)
    np.testing.assert_allclose(read_image(tmp_path / "16.tif")[..., 0], 1 - DEEP[..., 0] / 65535, atol=1e-6)


def test_a_page_of_a_tiff_is_chosen(tmp_path):
    pages = np.stack([GREY, 255 - GREY, GREY // 2])
    tifffile.imwrite(tmp_path / "x.tif", pages, photometric="minisblack")
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif")[..., 0], GREY)
    for frame, page in enumerate(pages):
        np.testing.assert_array_equal(read_image(tmp_path / "x.tif", frame)[..., 0], page)
        np.testing.assert_array_equal(read_mask(tmp_path / "x.tif", frame), page)
    for frame in (3, -1):
        with pytest.raises(DataError, match=f"frame {frame} of a file that has 3 frames; choose 0..2"):
            read_image(tmp_path / "x.tif", frame)


def test_a_file_is_read_by_what_it_is_not_by_its_name(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "x.tif")
    (tmp_path / "x.tif").rename(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png")[..., 0], GREY)
    Image.fromarray(GREY).save(tmp_path / "y.ppm")
    (tmp_path / "y.ppm").rename(tmp_path / "y.png")
    with pytest.raises(DataError, match=r"y\.png: not a readable image \(not a PNG file"):
        read_image(tmp_path / "y.png")


def test_suffixes_are_those_of_the_readers(tmp_path):
    (tmp_path / "x.xyz").write_bytes(b"?")
    with pytest.raises(DataError, match=r"of no known format; known are \.png, .*\.nii\.gz, \.nrrd"):
        read_image(tmp_path / "x.xyz")
    assert suffix_of(Path("a/scan.NII.GZ")) == ".nii.gz"
    assert suffix_of(Path("a/scan.nii")) == ".nii"
    assert suffix_of(Path("a/table.csv")) == ""


def test_grey_and_colour_in_one_set_become_alike(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    Image.fromarray(np.stack([GREY] * 3, -1)).save(tmp_path / "colour.png")
    grey, colour = (with_channels(read_image(tmp_path / f"{name}.png"), 3) for name in ("grey", "colour"))
    np.testing.assert_array_equal(grey, colour)


# NPY


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "<f4", ">f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 3), (6, 8, 5)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path, dtype, shape, order):
    pixels = RNG.random(shape)
    kind = np.dtype(dtype)
    pixels = pixels.astype(kind) if kind.kind == "f" else pixels > 0.5 if dtype == "?" else pixels * 250
    pixels = np.asarray(pixels, kind, order=order)
    image = read_image(npy(tmp_path / "x.npy", pixels))
    scale = {"u1": 1, "<u2": 65535, ">u2": 65535, "?": 1 / 255}.get(dtype, 1)
    np.testing.assert_allclose(image, pixels.reshape(6, 8, -1) / scale, rtol=1e-6)
    assert image.dtype == (np.uint8 if dtype in ("u1", "?") else np.float32)
    assert image_size(tmp_path / "x.npy") == (6, 8)


def test_npy_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    np.save(tmp_path / "x.npy", np.array([Trap()], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy: array of type object; expected numbers"):
        read_image(tmp_path / "x.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("wrong", [np.zeros(5), np.zeros((2, 2, 2, 2)), np.zeros((2, 2), complex)])
def test_npy_of_the_wrong_shape_or_type(tmp_path, wrong):
    with pytest.raises(DataError, match="expected"):
        read_image(npy(tmp_path / "x.npy", wrong))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32, np.float32])
def test_numbers_without_a_known_range_need_a_choice(tmp_path, dtype):
    path = npy(tmp_path / "x.npy", np.linspace(2, 1000, 48).reshape(6, 8).astype(dtype))
    with pytest.raises(DataError, match=r'values 2\.\.1000; expected 8-bit.*intensity "percentile"'):
        read_image(path)
    image = read_image(path, intensity="percentile")
    assert (image.min(), image.max()) == (0, 1)
    with pytest.raises(DataError, match="the file has no window"):
        read_image(path, intensity="window")
    with pytest.raises(DataError, match="intensity 'best' is unknown"):
        read_image(path, intensity="best")


# DICOM


CT = RNG.integers(0, 4096, (6, 8)).astype(np.uint16)


@pytest.mark.parametrize("compress", [False, True])
def test_dicom_of_8_bits_is_read_as_stored(tmp_path, compress):
    path = dicom(tmp_path / "x.dcm", GREY, compress)
    np.testing.assert_array_equal(read_image(path)[..., 0], GREY)
    np.testing.assert_array_equal(read_mask(path), GREY)
    colours = np.stack([GREY, 255 - GREY, GREY // 2], -1)
    np.testing.assert_array_equal(read_image(dicom(tmp_path / "y.dcm", colours, compress)), colours)


def test_dicom_without_suffix_is_known_by_its_signature(tmp_path):
    np.testing.assert_array_equal(read_image(dicom(tmp_path / "IM0001", GREY))[..., 0], GREY)


def test_dicom_where_low_is_white_is_inverted(tmp_path):
    path = dicom(tmp_path / "x.dcm", GREY, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_image(path)[..., 0], 255 - GREY)
    dark = dicom(tmp_path / "y.dcm", CT, BitsStored=12)
    light = dicom(tmp_path / "z.dcm", CT, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(read_image(light), 1 - read_image(dark), atol=1e-6)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
def test_dicom_window_is_that_of_pydicom(tmp_path, function):
    path = dicom(
        tmp_path / "x.dcm",
        CT,
        BitsStored=12,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=["1200", "40"],
        WindowWidth=["900", "80"],
        VOILUTFunction=function,
    )
    pydicom = pytest.importorskip("pydicom")
    from pydicom.pixels import apply_modality_lut, apply_windowing

    content = pydicom.dcmread(path)
    shown = apply_windowing(apply_modality_lut(CT, content), content)
    lowest, highest = -1024, 2 * 4095 - 1024  # the range of the result of pydicom
    np.testing.assert_allclose(read_image(path)[..., 0], (shown - lowest) / (highest - lowest), atol=1e-5)
    np.testing.assert_array_equal(read_image(path), read_image(path, intensity="window"))
    np.testing.assert_allclose(read_image(path, intensity="range")[..., 0], CT / 4095, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_dicom_without_a_window_goes_by_percentiles_or_bits_stored(tmp_path, dtype):
    low = -2048 if dtype == np.int16 else 0
    stored = (CT.astype(int) + low).astype(dtype)
    path = dicom(tmp_path / "x.dcm", stored, BitsStored=12, RescaleSlope=1, RescaleIntercept=-5)
    first, last = np.percentile(stored, [0.5, 99.5])
    expected = np.clip((stored - first) / (last - first), 0, 1)
    np.testing.assert_allclose(read_image(path)[..., 0], expected, atol=1e-6)
    np.testing.assert_allclose(
        read_image(path, intensity="range")[..., 0], (stored - low) / 4095.0, atol=1e-6
    )


def test_a_constant_picture_is_black(tmp_path):
    assert (read_image(dicom(tmp_path / "x.dcm", np.full((6, 8), 700, np.uint16))) == 0).all()


def test_a_frame_of_a_dicom_is_chosen(tmp_path):
    frames = np.stack([GREY, 255 - GREY, GREY // 2])
    path = dicom(tmp_path / "x.dcm", frames, NumberOfFrames=3)
    np.testing.assert_array_equal(read_image(path)[..., 0], GREY)
    np.testing.assert_array_equal(read_image(path, 2)[..., 0], frames[2])
    for read in (read_image, image_size):
        with pytest.raises(DataError, match="frame 3 of a file that has 3"):
            read(path, 3)


def test_dicom_spacing_is_row_then_column(tmp_path):
    assert read_spacing(dicom(tmp_path / "x.dcm", GREY, PixelSpacing=["0.5", "0.25"])) == (0.5, 0.25)
    assert read_spacing(dicom(tmp_path / "y.dcm", GREY)) is None
    assert read_spacing(dicom(tmp_path / "z.dcm", GREY, ImagerPixelSpacing=["0.5", "0.25"])) is None


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [
        ("pydicom", "x.dcm", "dicom"),
        ("nibabel", "x.nii", "volumes"),
        ("nrrd", "x.nrrd", "volumes"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, library, name, extra):
    for module in [known for known in sys.modules if known.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / name).write_bytes(b"whatever")
    with pytest.raises(DataError, match=rf'needs {library}; pip install "unet-mtl\[{extra}\]"'):
        read_image(tmp_path / name)


def test_reading_a_png_loads_no_medical_library():
    code = (
        "import sys, unet_mtl.data.images; print(sorted({'pydicom', 'nibabel', 'nrrd'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


# NIfTI and NRRD

VOLUME = RNG.integers(-1000, 1000, (5, 6, 4)).astype(np.int16)


def stretched(pixels):
    low, high = np.percentile(pixels, [0.5, 99.5])
    return np.clip((pixels - low) / (high - low), 0, 1)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
def test_nifti_slice(tmp_path, suffix, kind):
    path = nifti(tmp_path / f"x.{suffix}", VOLUME, kind=kind)
    assert image_size(path) == (6, 5)
    assert read_spacing(path) == (0.25, 0.5)
    np.testing.assert_allclose(read_image(path)[..., 0], stretched(VOLUME[..., 2].T), atol=1e-6)
    for frame in range(4):
        np.testing.assert_array_equal(read_mask(path, frame), VOLUME[..., frame].T)
    with pytest.raises(DataError, match="frame 4 of a file that has 4"):
        read_image(path, 4)


def test_nifti_slope_and_intercept_are_applied(tmp_path):
    path = nifti(tmp_path / "x.nii", VOLUME)
    stored = bytearray(path.read_bytes())
    stored[112:120] = np.array([2, -7], "<f4").tobytes()  # scl_slope, scl_inter
    path.write_bytes(stored)
    np.testing.assert_array_equal(read_mask(path, 1), 2 * VOLUME[..., 1].T.astype(int) - 7)


def test_nifti_of_8_bits_is_read_as_stored_and_needs_one_volume(tmp_path):
    path = nifti(tmp_path / "x.nii.gz", (VOLUME % 200).astype(np.uint8))
    np.testing.assert_array_equal(read_image(path)[..., 0], VOLUME[..., 2].T % 200)
    with pytest.raises(DataError, match="expected two or three axes"):
        read_image(nifti(tmp_path / "y.nii", np.stack([VOLUME] * 2, -1)))
    one = nifti(tmp_path / "z.nii", VOLUME[..., 1:2, None])
    np.testing.assert_array_equal(read_mask(one), VOLUME[..., 1].T)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("dtype", ["i2", "u1", ">i2", "f4"])
def test_nrrd_slice(tmp_path, encoding, dtype):
    nrrd = pytest.importorskip("nrrd")
    voxels = (np.abs(VOLUME) % 200).astype(dtype)
    path = tmp_path / "x.nrrd"
    nrrd.write(str(path), voxels, {"encoding": encoding, "spacings": [0.5, 0.25, 3.0]})
    assert image_size(path) == (6, 5)
    assert read_spacing(path) == (0.25, 0.5)
    for frame in range(4):
        np.testing.assert_array_equal(read_mask(path, frame), voxels[..., frame].T)
    np.testing.assert_array_equal(read_mask(path), voxels[..., 2].T)
    expected = voxels[..., 2].T if dtype == "u1" else stretched(voxels[..., 2].T)
    np.testing.assert_allclose(read_image(path)[..., 0], expected, atol=1e-6)


def test_nrrd_spacing_from_directions(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    directions = np.array([[0, 0.6, 0.8], [0.25, 0, 0], [0, 0, 3.0]])
    header = {"space": "left-posterior-superior", "space directions": directions, "space origin": [0, 0, 0]}
    nrrd.write(str(tmp_path / "x.nrrd"), VOLUME, header)
    assert read_spacing(tmp_path / "x.nrrd") == pytest.approx((0.25, 1.0))


def test_nrrd_colours_are_refused(tmp_path):
    nrrd = pytest.importorskip("nrrd")
    nrrd.write(str(tmp_path / "x.nrrd"), VOLUME, {"kinds": ["RGB-color", "domain", "domain"]})
    with pytest.raises(DataError, match="axes of the kinds RGB-color domain domain"):
        read_image(tmp_path / "x.nrrd")
