"""Reading and writing one image or mask, with pixel values by hand and Pillow as the reference."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.images import (
    PALETTE,
    image_size,
    read_image,
    read_mask,
    resize_image,
    resize_mask,
    with_channels,
    write_mask,
)
from unet_mtl.errors import DataError, WriteError

REAL = Path(__file__).parents[3] / "shared" / "data"
RAMP = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8) * 5


def save(path: Path, pixels, mode=None, **options) -> Path:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def npy(path: Path, array) -> Path:
    np.save(path, array)
    return path


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def palette_image(indices, colours):
    image = Image.fromarray(np.asarray(indices, np.uint8))
    image.putpalette([value for colour in colours for value in colour])
    return image


def test_one_bit_image_becomes_black_and_white(tmp_path):
    path = save(tmp_path / "x.png", np.array([[True, False], [False, True]]))
    assert mode_of(path) == "1"
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image[..., 0].tolist() == [[255, 0], [0, 255]]


def test_grey_image_is_read_as_stored(tmp_path):
    image = read_image(save(tmp_path / "x.png", RAMP))
    assert image.shape == (6, 8, 1)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image[..., 0], RAMP)


def test_palette_image_becomes_its_colours_and_palette_mask_its_indices(tmp_path):
    path = save(tmp_path / "x.png", palette_image([[0, 2], [1, 0]], [(0, 0, 0), (10, 20, 30), (1, 2, 3)]))
    assert mode_of(path) == "P"
    assert read_image(path).tolist() == [[[0, 0, 0], [1, 2, 3]], [[10, 20, 30], [0, 0, 0]]]
    assert read_mask(path).tolist() == [[0, 2], [1, 0]]


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_image_drops_alpha(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, channels), np.uint8)
    image = read_image(save(tmp_path / "x.png", pixels))
    np.testing.assert_array_equal(image, pixels[..., :3])


def test_grey_with_alpha_stays_grey(tmp_path):
    pixels = np.stack([RAMP, np.full_like(RAMP, 7)], -1)
    path = save(tmp_path / "x.png", pixels)
    assert mode_of(path) == "LA"
    np.testing.assert_array_equal(read_image(path)[..., 0], RAMP)
    np.testing.assert_array_equal(read_mask(path), RAMP)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_image_keeps_its_range_and_every_level(tmp_path, suffix):
    levels = np.array([[0, 1, 2, 256], [32767, 32768, 65534, 65535]], np.uint16)
    image = read_image(save(tmp_path / f"x.{suffix}", levels))
    assert image.dtype == np.float32
    assert image.max() == 1.0
    assert len(np.unique(image)) == levels.size
    np.testing.assert_allclose(image[..., 0] * 65535, levels, rtol=1e-6)


def test_floating_point_tiff_in_0_to_1_is_read_as_it_is(tmp_path):
    pixels = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    np.testing.assert_array_equal(read_image(save(tmp_path / "x.tif", pixels))[..., 0], pixels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [(n, "floating point in 0\\.\\.1") for n in (-0.1, 1.5)]
    + [(n, "1 of 48 values are not finite") for n in (np.nan, np.inf)],
)
def test_floating_point_tiff_outside_0_to_1_is_refused(tmp_path, wrong, message):
    pixels = np.full((6, 8), 0.5, np.float32)
    pixels[1, 2] = wrong
    path = save(tmp_path / "x.tif", pixels)
    with pytest.raises(DataError, match=rf"x\.tif: .*{message}"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(16, 24), (16, 24, 3)])
def test_exif_rotation_is_applied_and_the_header_tells_the_same_size(tmp_path, suffix, orientation, shape):
    pixels = np.zeros(shape, np.uint8)
    pixels[:8, :8] = 255
    path = tmp_path / f"x.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(
        path, **({"tiffinfo": {0x0112: orientation}} if suffix == "tif" else {"exif": exif})
    )
    image = read_image(path)
    assert image.shape[:2] == image_size(path) == ((24, 16) if orientation >= 5 else (16, 24))
    # The place of the first stored corner: EXIF 2.3, table of orientations.
    bottom, right = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    height, width = image.shape[:2]
    corner = image[height - 4 if bottom else 3, width - 4 if right else 3]
    assert corner.min() > 200
    assert (image > 127).mean() == pytest.approx(64 / (16 * 24), abs=0.05)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("kind", ["png L", "png P", "png 1", "jpg L", "jpg RGB", "tif L", "bmp L"])
def test_a_file_cut_anywhere_is_an_error_or_complete(tmp_path, kind):
    suffix, mode = kind.split()
    whole = save(tmp_path / f"whole.{suffix}", RAMP, mode)
    expected, stored = read_image(whole), whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    refused = []
    for end in range(0, len(stored), 7):
        cut.write_bytes(stored[:end])
        try:
            np.testing.assert_array_equal(read_image(cut), expected)
        except DataError as error:
            refused.append(str(error))
    assert all(message.startswith(f"{cut}: not a readable image") for message in refused)
    assert len(refused) >= len(stored) // 7 * 0.6


@pytest.mark.parametrize("read", [read_image, read_mask, image_size])
def test_what_is_no_image_is_named(tmp_path, read):
    text = tmp_path / "notes.png"
    text.write_text("not an image")
    with pytest.raises(DataError, match=r"notes\.png: not a readable image .*export it again"):
        read(text)
    with pytest.raises(DataError, match=r"absent\.png: no such file"):
        read(tmp_path / "absent.png")
    with pytest.raises(DataError, match=r"\d: this is a folder; expected an image file$"):
        read(tmp_path)


def test_one_bit_mask_has_0_and_1(tmp_path):
    mask = read_mask(save(tmp_path / "m.png", np.array([[True, False], [False, True]])))
    assert mask.tolist() == [[1, 0], [0, 1]]


def test_sixteen_bit_mask_keeps_its_numbers(tmp_path):
    assert read_mask(save(tmp_path / "m.png", np.array([[0, 300], [65535, 1]], np.uint16))).tolist() == [
        [0, 300],
        [65535, 1],
    ]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_mask_of_equal_channels_is_its_grey(tmp_path, mode):
    mask = read_mask(save(tmp_path / "m.png", RAMP, mode))
    assert mask.dtype == np.int32
    np.testing.assert_array_equal(mask, RAMP)


def test_coloured_mask_is_refused(tmp_path):
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[0, 0, 1] = 1
    with pytest.raises(DataError, match=r"m\.png: the mask has colours"):
        read_mask(save(tmp_path / "m.png", pixels))


def test_mask_of_fractions_is_refused(tmp_path):
    path = save(tmp_path / "m.tif", np.full((6, 8), 0.5, np.float32))
    with pytest.raises(
        DataError, match=r"m\.tif: the mask has fractions such as 0\.5 in 48 pixels; expected"
    ):
        read_mask(path)
    assert (read_mask(save(tmp_path / "m.tif", np.ones((6, 8), np.float32))) == 1).all()


def test_masks_as_numbers(tmp_path):
    labels = np.array([[0, 1, 2], [255, 3, 0]])
    for dtype in ("u1", "<i2", ">i4", "i8", "f4"):
        assert read_mask(npy(tmp_path / "m.npy", labels.astype(dtype))).tolist() == labels.tolist()
    assert read_mask(npy(tmp_path / "m.npy", labels == 1)).tolist() == (labels == 1).astype(int).tolist()


@pytest.mark.parametrize("near", [1.0000152, 0.9991, 1.0009])
def test_floating_point_mask_is_rounded_when_it_is_near(tmp_path, near):
    assert read_mask(npy(tmp_path / "m.npy", np.array([[0, near]], np.float32))).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("far", "message"),
    [(n, "the mask has fractions such as .* in 1 pixel; expected") for n in (0.5, 1.0011, 0.9989)]
    + [(n, "1 of 2 values of the mask are not finite") for n in (np.nan, np.inf)],
)
def test_floating_point_mask_is_refused_when_it_is_far(tmp_path, far, message):
    with pytest.raises(DataError, match=rf"m\.npy: {message}"):
        read_mask(npy(tmp_path / "m.npy", np.array([[0, far]], np.float64)))


def test_mask_beyond_any_class_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected indices of classes"):
        read_mask(npy(tmp_path / "m.npy", np.array([[0, 2**40]])))


def test_alpha_of_a_mask_is_dropped_unless_the_shape_is_in_it_alone(tmp_path):
    pixels = np.stack([RAMP, RAMP, RAMP, np.full_like(RAMP, 255)], -1)
    Image.fromarray(pixels).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), RAMP)
    pixels[..., 3] = RAMP > 99  # as in breast_usg, where the background is transparent too
    Image.fromarray(pixels).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), RAMP)
    pixels[..., :3] = 255
    Image.fromarray(pixels).save(tmp_path / "m.png")
    with pytest.raises(
        DataError, match=r"m\.png: the mask is 255 everywhere and only its alpha channel varies \(0\.\.1\)"
    ):
        read_mask(tmp_path / "m.png")


@pytest.mark.parametrize("size", [(3, 4), (13, 41), (6, 8), (100, 5), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_resized_mask_has_no_new_value(size, dtype):
    mask = np.random.default_rng(1).choice([0, 2, 7, 255], (20, 30)).astype(dtype)
    resized = resize_mask(mask, size)
    assert resized.shape == size
    assert resized.dtype == dtype
    assert set(np.unique(resized)) <= {0, 2, 7, 255}


def test_resized_mask_takes_the_pixel_at_the_centre():
    mask = np.arange(36, dtype=np.uint8).reshape(6, 6)
    np.testing.assert_array_equal(resize_mask(mask, (2, 2)), mask[1::3, 1::3])
    np.testing.assert_array_equal(resize_mask(mask, (12, 12)), np.kron(mask, np.ones((2, 2), np.uint8)))


def test_shrunk_image_is_the_mean_of_its_blocks():
    image = np.random.default_rng(2).random((16, 12, 3)).astype(np.float32)
    blocks = image.reshape(4, 4, 3, 4, 3).mean((1, 3))
    np.testing.assert_allclose(resize_image(image, (4, 3)), blocks, atol=1e-6)


def test_enlarged_image_is_linear_between_pixel_centres():
    image = np.array([[0.0, 1.0]], np.float32)[..., None]
    assert resize_image(image, (1, 4))[0, :, 0].tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_resized_image_keeps_type_and_channels(channels, dtype):
    resized = resize_image(np.ones((6, 8, channels), dtype), (4, 16))
    assert resized.shape == (4, 16, channels)
    assert resized.dtype == dtype
    assert (resized == 1).all()


def test_channels_are_repeated_or_become_the_luminance():
    grey = RAMP[..., None]
    np.testing.assert_array_equal(with_channels(grey, 3), np.stack([RAMP] * 3, -1))
    assert with_channels(grey, 1) is grey
    colour = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32)
    # ITU-R BT.601
    np.testing.assert_allclose(with_channels(colour, 1)[0, :, 0], [0.299, 0.587, 0.114], atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (64, 3)])
def test_written_mask_comes_back_exactly_with_colours(tmp_path, shape):
    mask = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    path = tmp_path / "deep" / "m.png"
    write_mask(path, mask)
    np.testing.assert_array_equal(read_mask(path), mask)
    with Image.open(path) as image:
        assert image.mode == "P"
        colours = np.asarray(image.convert("RGB"))
    assert (colours[mask == 1] == PALETTE[1]).all()
    assert (colours[mask == 255] == 128).all()
    assert (colours[(mask > 0)].sum(-1) > 0).all(), "only the background is black"


def test_mask_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "m.png"
    write_mask(path, np.zeros((4, 4), np.uint8))

    def refuse(self, file, **options):
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(WriteError, match=r"m\.png: No space left on device"):
        write_mask(path, np.ones((4, 4), np.uint8))
    assert list(tmp_path.iterdir()) == [path]
    assert read_mask(path).max() == 0


SOME = 100
"""Files of each set, spread evenly, that fit in a few seconds."""

IMAGES = {
    "dsb2018": "images/*.png",
    "hc18": "images/*.png",
    "busbra": "Images/*.png",
    "breast_usg": "*/case???.png",
}
MASKS = {
    "dsb2018": "masks/*.png",
    "hc18": "masks/*.png",
    "busbra": "Masks/*.png",
    "breast_usg": "*/case???_*.png",
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_and_masks_of_a_real_set_are_read(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"needs {REAL / name}")
    images, masks = sorted((REAL / name).glob(IMAGES[name])), sorted((REAL / name).glob(MASKS[name]))
    assert len(images) >= 200
    assert len(masks) >= 200
    every = max(1, len(images) // SOME)
    for path in images[::every]:
        assert read_image(path).shape[:2] == image_size(path)
    for path in masks[::every]:
        assert read_mask(path).shape == image_size(path)
