"""The fixed steps and the way back; and what this machine computes in."""

import numpy as np
import pytest
from pydantic import ValidationError

from unet_mtl import Preprocess, device
from unet_mtl.device import choose_precision
from unet_mtl.errors import ConfigError


@pytest.mark.parametrize("size", [(64, 64), (50, 90), (97, 41), (20, 20), (32, 32)])
def test_a_mask_keeps_its_place_on_the_way_there_and_back(size):
    preprocess = Preprocess(size=(32, 32))
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = ((rows >= size[0] * 0.25) & (rows < size[0] * 0.75) & (columns >= size[1] * 0.5)).astype(np.uint8)
    fitted = preprocess.fit_mask(mask)
    assert fitted.shape == (32, 32)
    assert set(np.unique(fitted)) <= {0, 1}
    back = preprocess.restore(np.stack([1 - fitted, fitted], -1).astype(np.float32), size).whole()
    assert back.shape == (*size, 2)
    found = back.argmax(-1)
    for axis in (0, 1):
        centre = [np.average(np.arange(size[axis]), weights=m.sum(1 - axis)) for m in (mask, found)]
        assert centre[0] == pytest.approx(centre[1], abs=0.02 * size[axis])
    assert found.sum() == pytest.approx(mask.sum(), rel=0.12)


def test_image_and_mask_are_fitted_to_one_place():
    preprocess = Preprocess(size=(32, 48), channels=1)
    mask = np.zeros((75, 60), np.uint8)
    mask[20:50, 10:30] = 1
    image, size = preprocess.fit_image(mask[..., None] * 200)
    assert size == (75, 60)
    assert image.shape == (32, 48, 1)
    difference = (image[..., 0] > 100) != (preprocess.fit_mask(mask) == 1)
    assert difference.mean() < 0.03


def test_scale_gives_0_to_1():
    preprocess = Preprocess()
    np.testing.assert_array_equal(
        preprocess.scale(np.array([0, 255], np.uint8)), np.array([0, 1], np.float32)
    )
    assert preprocess.scale(np.array([0.25])).dtype == np.float32
    assert preprocess.scale(np.array([0.25], np.float32))[0] == 0.25


def test_probabilities_still_sum_to_one_after_the_way_back():
    raw = np.random.default_rng(0).dirichlet(np.ones(6), (32, 32)).astype(np.float32)
    back = Preprocess(size=(32, 32)).restore(raw, (45, 71)).whole()
    np.testing.assert_allclose(back.sum(-1), 1, rtol=1e-5)
    one = Preprocess(size=(32, 32)).restore(raw[..., :1], (45, 71)).whole()
    np.testing.assert_allclose(one[..., 0], back[..., 0], atol=1e-5)


def test_preprocess_survives_json():
    preprocess = Preprocess(size=(64, 32), channels=1)
    assert Preprocess.model_validate_json(preprocess.model_dump_json()) == preprocess
    with pytest.raises(ValidationError):
        Preprocess(size=(0, 32))


@pytest.fixture
def machine(monkeypatch, tmp_path):
    def pretend(flags, gpus=()):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: fpu {flags}\nbugs\t\t: none\n")
        monkeypatch.setattr(device, "CPU_FLAGS", tmp_path / "cpuinfo")
        monkeypatch.setattr(device, "gpu_compute_capabilities", lambda: list(gpus))

    return pretend


@pytest.mark.parametrize(
    ("flags", "gpus", "expected"),
    [
        ("avx512_bf16 amx_bf16 amx_tile", [], "mixed_bfloat16"),
        ("amx_tile amx_bf16", [], "mixed_bfloat16"),
        ("avx512_bf16 amx_tile", [], "mixed_bfloat16"),
        ("avx512f avx512_bf16x", [], "float32"),
        ("", [], "float32"),
        ("amx_bf16", [(7, 5)], "float32"),
        ("", [(8, 0)], "mixed_bfloat16"),
        ("", [(9, 0), (7, 0)], "float32"),
    ],
)
def test_auto_takes_what_this_machine_is_fast_at(machine, flags, gpus, expected):
    machine(flags, gpus)
    assert choose_precision("auto") == expected


def test_depthwise_convolutions_are_fast_in_bfloat16_on_gpus_alone(machine):
    machine("amx_bf16 avx512_bf16")
    assert choose_precision("auto", depthwise=True) == "float32"
    assert choose_precision("mixed_bfloat16", depthwise=True) == "mixed_bfloat16"
    machine("amx_bf16", [(8, 0)])
    assert choose_precision("auto", depthwise=True) == "mixed_bfloat16"


def test_a_wish_is_kept_but_for_float16_without_a_gpu(machine):
    machine("amx_bf16")
    assert choose_precision("float32") == "float32"
    assert choose_precision("mixed_bfloat16") == "mixed_bfloat16"
    with pytest.raises(ConfigError, match="mixed_float16 needs a GPU, and none is here; set auto"):
        choose_precision("mixed_float16")
    machine("", [(7, 0)])
    assert choose_precision("mixed_float16") == "mixed_float16"


def test_no_cpuinfo_is_no_fast_bfloat16(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "CPU_FLAGS", tmp_path / "absent")
    assert not device.cpu_has_fast_bfloat16()
