"""Steps that change the size of objects are found by what they do, and reported where a number depends on it."""

from pathlib import Path

import pytest

import unet_mtl as um
from unet_mtl.batches.augment.presets import PRESETS
from unet_mtl.batches.augment.zoom import find_zoomed_numbers, find_zooms
from unet_mtl.data.description import ColumnDescription

ROOT = Path(__file__).parents[3]
SIZE = (96, 128)
ZOOMS = [
    {"Affine": {"scale": [0.8, 1.2]}},
    {"Affine": {"scale": [1.1, 1.1], "p": 0.01}},
    {"RandomResizedCrop": {"size": SIZE}},
    {"CropAndPad": {"percent": 0.2, "keep_size": True}},
    {"Perspective": {"scale": [0.05, 0.1]}},
]
KEEPERS = [
    {"Affine": {"rotate": [-180, 180], "shear": [-8, 8]}},
    {"Affine": {"translate_percent": [-0.5, 0.5]}},
    {"Rotate": {"limit": [-90, 90]}},
    {"HorizontalFlip": {}},
    {"CoarseDropout": {"fill_mask": 255}},
    {"GaussNoise": {}},
    {"RandomBrightnessContrast": {"brightness_limit": 0.5}},
]


@pytest.mark.parametrize("step", ZOOMS, ids=lambda step: next(iter(step)))
def test_a_zoom_is_found(step):
    assert find_zooms([*KEEPERS, step], SIZE) == list(step)
    assert find_zooms([{"OneOf": {"transforms": [step, *KEEPERS]}}], SIZE) == list(step)


@pytest.mark.parametrize("step", KEEPERS, ids=lambda step: next(iter(step)))
def test_a_step_that_keeps_the_size_of_objects_is_none(step):
    assert find_zooms([step], SIZE) == []


def test_presets_that_zoom():
    assert {name: find_zooms(name, SIZE) for name in PRESETS} == {
        name: [] if name in ("none", "light_without_zoom") else ["Affine"] for name in PRESETS
    }


@pytest.mark.parametrize("unit", ["mm", "cm", "µm", "px", "pixels", "mm2", "mm^2", "cm²", "mm3"])
def test_a_number_with_a_unit_of_length_or_area_is_reported(unit):
    tasks = [um.Regression(name="size", target="size_of_it"), um.Classification(name="kind")]
    columns = {"size_of_it": ColumnDescription(unit=unit), "kind": ColumnDescription(classes=("a", "b"))}
    (observation,) = find_zoomed_numbers(tasks, columns, "light", SIZE)
    assert observation.kind == "number-zoomed"
    assert (
        observation.text == f"size_of_it in {unit} stays the same while Affine of `augment` zooms the image"
    )
    assert find_zoomed_numbers(tasks, columns, KEEPERS, SIZE) == []


@pytest.mark.parametrize("unit", ["", "years", "nuclei", "mmHg", "mg"])
def test_other_numbers_are_not(unit):
    tasks = [um.Regression(name="age")]
    assert find_zoomed_numbers(tasks, {"age": ColumnDescription(unit=unit)}, "light", SIZE) == []


def test_check_warns(command, write_data, tmp_path):
    folder = tmp_path / "tiny"
    write_data(folder)
    config = "data: .\naugment: {}\ntasks: [{{kind: regression, name: size, target: size_mm}}]\n"
    for augment, n in (("light", 1), ("none", 0)):
        (folder / "config.yaml").write_text(config.format(augment))
        code, output, errors = command("check", folder / "config.yaml")
        assert (code, errors) == (0, [])
        assert output.count("number-zoomed") == n
        assert ("size_mm in mm stays the same while Affine" in " ".join(output.split())) == bool(n)


def test_the_sample_config_does_not_zoom():
    config = um.load_config(ROOT / "data_samples/phantom/config.yaml")
    assert (
        find_zoomed_numbers(config.tasks, config.data.columns, config.augment, config.preprocess.size) == []
    )
