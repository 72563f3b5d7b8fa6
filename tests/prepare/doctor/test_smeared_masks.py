"""Masks smeared by JPEG or smoothing are one error for each target, which names the setting that reads them."""

import re

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from unet_mtl import api
from unet_mtl.data.inspection import inspect_dataset
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.prepare.doctor.catalogue import KINDS

N, SIZE = 8, (64, 80)
BLACK_AND_WHITE = {0: 0, 255: 1}


def ellipse(index, value=255):
    rng = np.random.default_rng(index)
    mask = np.zeros(SIZE, np.uint8)
    centre = tuple(int(n) for n in rng.integers(25, 40, 2))
    return cv2.ellipse(mask, centre, tuple(int(n) for n in rng.integers(8, 20, 2)), 30, 0, 360, value, -1)


def compressed(mask, quality):
    return cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)


def write(folder, masks, **described):
    """Write noise as images and the given masks, and return the data set."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(exist_ok=True)
    for index, mask in enumerate(masks):
        image = np.random.default_rng(index).integers(0, 256, SIZE, np.uint8)
        Image.fromarray(image).save(folder / "images" / f"c{index}.png")
        Image.fromarray(mask).save(folder / "masks" / f"c{index}.png")
    mask = {"path": "masks/{case}.png", "classes": ["background", "polyp"]} | described
    content = {"images": "images/{case}.png", "masks": {"polyp": mask}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    return read_dataset(folder)


def settings_in(text):
    """Return the settings of the mask that a message advises."""
    return {
        name: yaml.safe_load(value) for name, value in re.findall(r"`masks\.polyp\.(\w+): ([^`]+)`", text)
    }


@pytest.mark.parametrize("values", [BLACK_AND_WHITE, None])
@pytest.mark.parametrize("quality", [100, 95, 75, 40])
def test_one_error_names_the_settings_that_read_all_masks(tmp_path, quality, values):
    sharp = [ellipse(index) for index in range(N)]
    masks = [compressed(mask, quality) for mask in sharp]
    masks[3] = sharp[3].copy()
    masks[3][2, 2] = 9  # one wrong pixel
    dataset = write(tmp_path, masks, values=values)
    (problem,) = inspect_dataset(dataset).problems
    assert problem.startswith(
        f"{N} of {N} masks 'polyp' are anti-aliased, or were saved as JPEG; set `masks.polyp."
    )
    settings = settings_in(problem)
    assert settings == ({} if values else {"values": BLACK_AND_WHITE}) | {"repair": "nearest"}
    repaired = write(tmp_path, masks, **{"values": values} | settings)
    assert inspect_dataset(repaired).problems == []
    for record, expected in zip(repaired, sharp, strict=True):
        mask = read_case_mask(record, "polyp", repaired.description.masks["polyp"])
        assert (mask != (expected > 0)).mean() < 0.01


def test_it_comes_first_among_the_errors_of_masks(tmp_path):
    masks = [compressed(ellipse(index), 75) for index in range(N)]
    masks[1] = np.zeros((10, 10), np.uint8)
    write(tmp_path, masks, values=BLACK_AND_WHITE)
    findings = [finding.name for finding in api.check(tmp_path, ()).findings]
    assert findings[:2] == ["mask-antialiased", "mask-size"]
    order = [kind for kind in KINDS if kind.startswith("mask-") and KINDS[kind].severity == "error"]
    assert order.index("mask-antialiased") < order.index("mask-values")


def test_wrong_masks_that_no_setting_repairs_stay_errors_of_their_own(tmp_path):
    masks = [compressed(ellipse(index), 75) for index in range(N)]
    masks[2] = ellipse(2, 128)
    masks[5] = np.zeros((10, 10), np.uint8)
    problems = inspect_dataset(write(tmp_path, masks, values=BLACK_AND_WHITE)).problems
    assert problems[0].startswith(f"{N - 2} of {N} masks")
    assert len(problems) == 3
    assert {finding.name for finding in api.check(tmp_path, ()).findings} > {"mask-coding", "mask-size"}
    assert "c2.png: mask value 128 is outside the classes" in problems[1]


def test_a_single_smeared_mask_is_named_by_itself(tmp_path):
    masks = [ellipse(index) for index in range(N)]
    masks[4] = compressed(masks[4], 75)
    (problem,) = inspect_dataset(write(tmp_path, masks, values=BLACK_AND_WHITE)).problems
    assert "c4.png: the mask is anti-aliased" in problem


@pytest.mark.parametrize("repair", [None, "nearest"])
@pytest.mark.parametrize("white", [1, 3, 100])
def test_a_mask_in_other_numbers_is_not_repaired_to_background(tmp_path, white, repair):
    """A 1-bit mask among masks of 0 and 255 has the value 1, whose nearest known value is the background."""
    masks = [ellipse(index) for index in range(N)]
    masks[6] = ellipse(6, white)
    (problem,) = inspect_dataset(write(tmp_path, masks, values=BLACK_AND_WHITE, repair=repair)).problems
    assert f"c6.png: mask value {white} is outside the classes of 'polyp'" in problem
    settings = settings_in(problem)
    assert settings == {"values": BLACK_AND_WHITE | {white: 1}}
    dataset = write(tmp_path, masks, repair=repair, **settings)
    assert inspect_dataset(dataset).masks["polyp"]["c6"].foreground == int((masks[6] > 0).sum())
