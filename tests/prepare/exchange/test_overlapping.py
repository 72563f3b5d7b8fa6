"""The doctor, the repaired copy and nnU-Net on masks with overlapping classes."""

import shutil

import numpy as np
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.strata import read_strata
from unet_mtl.errors import DataError
from unet_mtl.html.album import Album
from unet_mtl.html.pictures import draw_outlines
from unet_mtl.prepare.exchange import to_nnunet


def masks_of(folder):
    dataset = um.read_dataset(folder)
    mask = dataset.description.masks["layers"]
    return {record.case: read_case_mask(record, "layers", mask) for record in dataset}


def lying():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.fixture
def folder(layered_folder, tmp_path):
    return shutil.copytree(layered_folder, tmp_path / "tiny")


def test_the_doctor_finds_no_fault_in_overlap(layered_folder, data_folder):
    task = um.OverlappingSegmentation(name="layers")
    before = um.check(data_folder)
    checkup = um.check(layered_folder, [task])
    assert checkup.problems == []
    kinds = {finding.name for finding in checkup.findings}
    assert kinds == {finding.name for finding in before.findings}
    rows = {row["class"]: row for row in checkup.tables()["mask classes"] if row["target"] == "layers"}
    masks = [mask for mask in masks_of(layered_folder).values() if mask is not None]
    whole, core = (sum(int(mask[..., i].sum()) for mask in masks) for i in (0, 1))
    assert (rows["whole"]["pixels"], rows["core"]["pixels"]) == (whole, core)
    assert rows["whole"]["share of pixels"] == f"{whole / sum(mask[..., 0].size for mask in masks):.2%}"
    assert rows["background"]["pixels"] == sum(mask[..., 0].size for mask in masks) - whole


def test_the_page_shows_both_outlines(layered_folder, tmp_path):
    checkup = um.check(layered_folder)
    assert um.write_page(checkup, tmp_path / "page.html").is_file()
    colours = Album(checkup.dataset).colours["layers"]
    mask = next(mask for mask in masks_of(layered_folder).values() if mask is not None and mask.any())
    black = np.zeros((*mask.shape[:2], 1), np.uint8)
    both = draw_outlines(black, [(mask, colours)])
    for index in (1, 2):
        alone = draw_outlines(black, [(mask[..., index - 1] * np.uint8(index), colours)])
        # A pixel that only this outline colours has its colour, whatever lies around it.
        drawn = alone.max(-1) > 150
        assert drawn.any()
        assert (np.abs(both[drawn].astype(int) - alone[drawn]).max(-1) < 80).mean() > 0.9


def test_a_repaired_copy_has_the_same_layers(folder, tmp_path):
    Image.fromarray(np.rot90(np.asarray(Image.open(folder / "images/case_01.png")))).save(
        folder / "images/case_01.png", exif=lying()
    )
    expected = masks_of(folder)
    um.repair(folder, tmp_path / "copy")
    found = masks_of(tmp_path / "copy")
    assert found.keys() == expected.keys()
    for case, mask in expected.items():
        np.testing.assert_array_equal(found[case], mask)
    assert um.read_dataset(tmp_path / "copy").description.masks["layers"].overlap
    assert um.check(tmp_path / "copy", [um.OverlappingSegmentation(name="layers")]).problems == []


def test_an_inverted_layer_is_swapped_on_request(folder, tmp_path):
    """Inversion is known only if a mask has exactly one class."""
    for path in (folder / "core").iterdir():
        path.unlink()
    path = folder / "whole/case_01.png"
    right = np.asarray(Image.open(path)) // 255
    Image.fromarray(((1 - right) * 255).astype(np.uint8)).save(path)
    um.repair(folder, tmp_path / "copy", mend=("mask-inverted",))
    np.testing.assert_array_equal(masks_of(tmp_path / "copy")["case_01"], np.dstack([right, 0 * right]))


def test_nnunet_cannot_store_overlap(layered_folder, tmp_path):
    dataset = um.read_dataset(layered_folder)
    with pytest.raises(
        DataError, match=r"mask 'layers' has classes that overlap.*`masks\.layers\.overlap` from"
    ):
        to_nnunet(dataset, tmp_path, target="layers")
    assert not any(tmp_path.iterdir())
    assert to_nnunet(dataset, tmp_path, target="zone").training


def test_the_presence_of_layers_is_counted_for_splits(layered_folder):
    words = read_strata(um.read_dataset(layered_folder), ["mask:layers"])["mask:layers"]
    assert words[:4] == ["without", "with", "unknown", "without"]
