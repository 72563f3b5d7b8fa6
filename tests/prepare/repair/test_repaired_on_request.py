"""Repaired copies: soft edges, and repairs that are made only on request."""

import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

import unet_mtl as um


def kinds(checkup) -> set[str]:
    return {finding.name for finding in checkup.findings}


@pytest.fixture
def soft(good):
    """Masks of 0 and 255 before and after smoothing, with spots at one place in each."""
    content = yaml.safe_load((good / "dataset.yaml").read_text())
    content["masks"]["zone"].update(classes=["background", "lesion"], values={0: 0, 255: 1})
    (good / "dataset.yaml").write_text(yaml.safe_dump(content))
    for path in (good / "masks").iterdir():
        with Image.open(path) as image:
            drawn = np.zeros((image.height, image.width), np.uint8)
        drawn[10:20, 8:18] = 255
        Image.fromarray(drawn).save(path)
    return good


def test_soft_edges_become_the_nearest_value(soft, tmp_path, read_log, assert_same):
    broken = tmp_path / "soft"
    shutil.copytree(soft, broken)
    path = broken / "masks" / "case_05.png"
    pixels = np.zeros((32, 32), np.uint8)
    pixels[10:20, 8:18] = 255
    # by hand: what is above 127.5 becomes 255, and these edges were rounded like that
    pixels[9, 8:18], pixels[10, 8:18], pixels[12:18, 7], pixels[12:18, 17] = 63, 190, 127, 128
    Image.fromarray(pixels).save(path)
    assert "mask-antialiased" in kinds(um.check(broken))
    um.repair(broken, tmp_path / "copy", progress=False)
    assert [row[:3] + row[4:] for row in read_log(tmp_path / "copy")] == [
        ("case_05", "masks/case_05.png", "mask-antialiased", "the nearest known value")
    ]
    assert_same(soft, tmp_path / "copy")
    assert um.check(tmp_path / "copy").problems == []


def test_all_masks_with_a_foreground_are_soft(soft, tmp_path, assert_same):
    """Only empty masks are readable, which looks as if all masks were empty."""
    for case in ("case_00", "case_03"):
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(soft / "masks" / f"{case}.png")
    broken = tmp_path / "soft"
    shutil.copytree(soft, broken)
    for path in (broken / "masks").iterdir():
        with Image.open(path) as image:
            pixels = np.asarray(image).copy()
        if pixels.any():
            pixels[9, 8:18], pixels[20, 8:18], pixels[10, 8:18] = 63, 100, 190
            Image.fromarray(pixels).save(path)
    assert "masks-empty" in kinds(um.check(broken))
    um.repair(broken, tmp_path / "copy", progress=False)
    assert_same(soft, tmp_path / "copy")


def test_an_inverted_mask_is_swapped_on_request(soft, tmp_path, read_log, assert_same):
    broken = tmp_path / "inverted"
    shutil.copytree(soft, broken)
    path = broken / "masks" / "case_05.png"
    with Image.open(path) as image:
        pixels = 255 - np.asarray(image)
    Image.fromarray(pixels).save(path)
    assert "mask-inverted" in kinds(um.check(broken))
    repaired = um.repair(broken, tmp_path / "as it is", progress=False)
    assert repaired.repairs == []
    assert "mask-inverted" in {finding.name for finding in repaired.left}
    um.repair(broken, tmp_path / "copy", mend=["mask-inverted"], progress=False)
    assert read_log(tmp_path / "copy") == [
        ("case_05", "masks/case_05.png", "mask-inverted", "foreground around background", "swapped")
    ]
    assert_same(soft, tmp_path / "copy")
    assert "mask-inverted" not in kinds(um.check(tmp_path / "copy"))


@pytest.mark.parametrize("deep", [False, True])
def test_a_negative_is_inverted_on_request(good, tmp_path, deep, read_log, assert_same):
    rows, columns = np.mgrid[:32, :32]
    for index, path in enumerate(sorted((good / "images").iterdir())):
        noise = np.random.default_rng(index).integers(0, 9, (32, 24 if index == 1 else 32))
        pixels = (rows * 3 + columns * 2)[:, : noise.shape[1]] // 3 + noise
        Image.fromarray((pixels * 257).astype(np.uint16) if deep else pixels.astype(np.uint8)).save(path)
    broken = tmp_path / "negative"
    shutil.copytree(good, broken)
    path = broken / "images" / "case_05.png"
    with Image.open(path) as image:
        pixels = np.asarray(image)
    Image.fromarray(np.iinfo(pixels.dtype).max - pixels).save(path)
    assert "image-inverted" in kinds(um.check(broken))
    um.repair(broken, tmp_path / "copy", mend=["image-inverted", "mask-inverted"], progress=False)
    assert read_log(tmp_path / "copy") == [
        (
            "case_05",
            "images/case_05.png",
            "image-inverted",
            "a negative",
            "case_05.png, black and white swapped",
        )
    ]
    assert_same(good, tmp_path / "copy")
    assert "image-inverted" not in kinds(um.check(tmp_path / "copy"))
