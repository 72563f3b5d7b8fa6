"""Which number becomes black and which white: one choice, saved, for all who read images."""

import json

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from unet_mtl import Preprocess
from unet_mtl.batches.batches import Batches
from unet_mtl.data.images import read_image
from unet_mtl.data.readers.intensity import to_image
from unet_mtl.data.readers.picture import Picture
from unet_mtl.errors import DataError


def npy(path, numbers):
    np.save(path, np.asarray(numbers))
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_zscore_is_mean_and_four_deviations(tmp_path, dtype):
    # mean 5, deviation 4 (squares 16 16 16 16): z is -1 and 1, so that (z + 4) / 8 is 3/8 and 5/8
    path = npy(tmp_path / "x.npy", np.array([[1, 9], [9, 1]], dtype))
    image = read_image(path, intensity="zscore")
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[..., 0], [[0.375, 0.625], [0.625, 0.375]], rtol=1e-6)


def test_zscore_is_clipped_at_four_deviations(tmp_path):
    # 99 zeros and a 100: mean 1, deviation sqrt(99), so that z is -0.1005 and 9.95
    numbers = np.zeros((10, 10), np.uint8)
    numbers[3, 4] = 100
    image = read_image(npy(tmp_path / "x.npy", numbers), intensity="zscore")[..., 0]
    assert image[3, 4] == 1
    assert image[0, 0] == pytest.approx((4 - 1 / 99**0.5) / 8, rel=1e-5)


def test_all_channels_of_a_colour_image_have_one_zscore(tmp_path):
    colour = np.zeros((1, 2, 3), np.uint8)
    colour[0, 0], colour[0, 1] = (10, 20, 30), (10, 20, 30)
    Image.fromarray(colour).save(tmp_path / "x.png")
    deviation = (200 / 3) ** 0.5
    expected = (np.array([-10, 0, 10]) / deviation + 4) / 8
    np.testing.assert_allclose(read_image(tmp_path / "x.png", intensity="zscore")[0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("intensity", ["zscore", "percentile"])
@pytest.mark.parametrize("number", [0, 7, 0.1])
def test_a_constant_picture_is_black(tmp_path, intensity, number):
    numbers = np.full((5, 7), number, np.float64 if isinstance(number, float) else np.uint8)
    assert (read_image(npy(tmp_path / "x.npy", numbers), intensity=intensity) == 0).all()


def test_a_window_given_by_hand_counts_whatever_the_type(tmp_path):
    ct = npy(tmp_path / "ct.npy", np.array([[-1000, -160, 40, 240, 3000]], np.int16))
    np.testing.assert_allclose(read_image(ct, intensity=(-160, 240))[0, :, 0], [0, 0, 0.5, 1, 1])
    grey = npy(tmp_path / "grey.npy", np.array([[0, 50, 100, 255]], np.uint8))
    np.testing.assert_allclose(read_image(grey, intensity=[50, 100])[0, :, 0], [0, 0, 1, 1])
    constant = npy(tmp_path / "c.npy", np.array([[40, 40]], np.int16))
    assert read_image(constant, intensity=(-160, 240))[0, 0, 0] == 0.5


def test_eight_bits_have_percentiles_and_a_window_of_their_own():
    ramp = np.arange(201, dtype=np.uint8).reshape(1, -1, 1)
    percentile = to_image(Picture(pixels=ramp), "percentile", "x")
    np.testing.assert_allclose(percentile[0, :, 0], np.clip((np.arange(201) - 1) / 198, 0, 1), atol=1e-6)
    window = to_image(Picture(pixels=ramp, window=(100, 200)), "window", "x")
    np.testing.assert_allclose(window[0, [0, 100, 150, 200], 0], [0, 0, 0.5, 1])
    inverted = to_image(Picture(pixels=ramp, inverted=True), (0, 200), "x")
    np.testing.assert_allclose(inverted[0, [0, 50, 200], 0], [1, 0.75, 0])


def test_a_palette_goes_by_its_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([200, 200, 200, 100, 100, 100])
    image.save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png")[0, :, 0], [200, 100])
    np.testing.assert_allclose(read_image(tmp_path / "x.png", intensity=(0, 200))[0, :, 0], [1, 0.5])


@pytest.mark.parametrize(
    "bad", ["best", (2, 2), (3, 1), (0, np.nan), (0, np.inf), (1, 2, 3), [True, 2], 5, None]
)
def test_another_choice_is_one_problem_that_names_those_there_are(tmp_path, bad):
    with pytest.raises(ValidationError) as caught:
        Preprocess(intensity=bad)
    assert caught.value.error_count() == 1
    message = (
        "expected one of auto, window, percentile, range, zscore, percentile_per_channel, zscore_per_channel, "
        "or a window [low, high], low below high"
    )
    assert message in str(caught.value)
    with pytest.raises(DataError, match=r"is unknown; expected one of auto"):
        read_image(npy(tmp_path / "x.npy", np.zeros((2, 2), np.uint8)), intensity=bad)


@pytest.mark.parametrize("intensity", ["auto", "zscore", (-160.0, 240.0)])
def test_the_choice_is_saved_and_older_runs_have_none(intensity):
    preprocess = Preprocess(intensity=intensity)
    assert Preprocess.model_validate_json(json.dumps(preprocess.to_config())) == preprocess
    old = Preprocess.model_validate_json('{"size": [32, 48], "channels": 1}')
    assert old.intensity == "auto"


def test_whoever_reads_an_image_reads_it_alike(tmp_path):
    path = npy(tmp_path / "ct.npy", np.array([[-160, 40], [140, 240]], np.int16))
    preprocess = Preprocess(size=(2, 2), channels=1, intensity=(-160, 240))
    expected = np.array([[0, 0.5], [0.75, 1]])[..., None]
    np.testing.assert_allclose(preprocess.open(path), expected)
    np.testing.assert_allclose(preprocess.read(path)[0], expected)
    np.testing.assert_allclose(preprocess.convert(np.load(path)[..., None]), expected)


def test_batches_have_the_intensity_and_the_frame(tmp_path):
    import tifffile

    from unet_mtl.data.description import make_description
    from unet_mtl.data.records import read_dataset

    pages = np.stack([np.full((4, 4), 10 * page, np.uint8) for page in range(4)])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    dataset = read_dataset(
        make_description({"images": "{case}.tif", "frame": 3}, base=tmp_path, where="here")
    )
    batches = Batches(dataset, [], Preprocess(size=(4, 4), channels=1, intensity=(0, 40)), batch_size=1)
    image, _ = batches.preprocess.read(dataset.records[0].image, dataset.records[0].frame)
    assert (image == 0.75).all()
    assert (batches[0][0]["image"] == 0.75).all()
