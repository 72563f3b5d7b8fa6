"""Where an error or a finding advises a setting, the setting is tried: the error must be gone."""

import itertools

import numpy as np
import pytest

from unet_mtl.data.images import read_image
from unet_mtl.errors import DataError
from unet_mtl.prepare.doctor.catalogue import KINDS

INTENSITIES = ["auto", "window", "percentile", "range", "zscore", (-100.0, 100.0)]
TYPES = ["uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64"]
SPOILT = {"": None, "nan": np.nan, "inf": np.inf, "-inf": -np.inf}


def stored(dtype, low, high):
    rng = np.random.default_rng(0)
    return rng.uniform(low, high, (12, 10)).astype(dtype)


def error_of(path, intensity):
    try:
        read_image(path, intensity=intensity)
    except DataError as error:
        return error
    return None


@pytest.mark.parametrize("intensity", INTENSITIES, ids=str)
@pytest.mark.parametrize("bad", SPOILT)
def test_intensity_is_advised_only_where_it_helps(tmp_path, intensity, bad):
    path = tmp_path / "a.npy"
    kinds = set()
    for dtype, (low, high) in itertools.product(TYPES, [(0, 1), (0, 100), (-90, 90)]):
        pixels = stored(dtype, 0 if dtype[0] == "u" else low, high)
        if bad and pixels.dtype.kind != "f":
            continue
        if bad:
            pixels[3, 4] = SPOILT[bad]
        np.save(path, pixels)
        error = error_of(path, intensity)
        if error is not None:
            kinds.add(error.kind)
            advised = "percentile" in str(error) + KINDS[error.kind].cure
            assert advised == (error_of(path, "percentile") is None), f"{dtype} {low}..{high}: {error}"
    assert kinds <= ({"image-not-finite"} if bad else {"image-range"})
    assert kinds or not bad


def test_nan_under_zscore_has_a_finding_of_its_own(tmp_path):
    pixels = stored("float32", -5, 5)
    pixels[:2, 0] = np.nan
    np.save(tmp_path / "a.npy", pixels)
    with pytest.raises(DataError, match=r"a\.npy: 2 of 120 values are not finite") as error:
        read_image(tmp_path / "a.npy", intensity="zscore")
    assert error.value.kind == "image-not-finite"
    assert "percentile" not in f"{error.value} {KINDS['image-not-finite'].cure}"
