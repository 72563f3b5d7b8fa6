"""A repaired copy of each fault that a repair corrects equals the good data set."""

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.config import load_config
from unet_mtl.data.images import read_image
from unet_mtl.data.masks import read_case_mask
from unet_mtl.prepare.doctor.catalogue import KINDS

from .conftest import check_folder
from .faults import FAULTS
from .good import copy_good
from .test_corpus import cases_of

REPAIRED = [fault for fault in FAULTS if fault.repaired]
LOSSY = {  # what no repair can restore: share of the mask's pixels, mean difference of the image's grey levels
    "jpeg_named_png": (0.0, 4.0),
    "mask_saved_as_jpeg": (0.02, 0.0),
    "mask_smoothed": (0.02, 0.0),
    "all_masks_smoothed": (0.02, 0.0),
}


def pixels_of(dataset, record):
    """Return the image as float in 0..255, and the masks as indices by target."""
    image = read_image(record.image, record.frame)
    masks = {
        target: read_case_mask(record, target, mask) for target, mask in dataset.description.masks.items()
    }
    return image.astype(float), masks


@pytest.fixture(scope="module")
def truth(good):
    """The records of the good set, and the pixels of each."""
    dataset = um.read_dataset(good)
    return dataset.records, [pixels_of(dataset, record) for record in dataset]


@pytest.mark.parametrize("fault", REPAIRED, ids=lambda fault: fault.name)
def test_a_repaired_copy_equals_the_good_set(fault, good, good_checkup, truth, tmp_path):
    folder = copy_good(good, tmp_path / "broken")
    fault.apply(folder)
    settings = load_config(folder / "config.yaml", [])
    mend = [fault.kind] if KINDS[fault.kind].repair == "on request" else []
    um.repair(settings.data, tmp_path / "repaired", settings.tasks, settings.split, mend, progress=False)
    (tmp_path / "repaired" / "config.yaml").write_text((good / "config.yaml").read_text())
    again = check_folder(tmp_path / "repaired")
    assert not again.problems
    assert cases_of(again, fault.kind) <= cases_of(good_checkup, fault.kind)
    records, pixels = truth
    repaired = um.read_dataset(tmp_path / "repaired")
    assert [r.case for r in repaired] == [r.case for r in records]
    mask_share, grey = LOSSY.get(fault.name, (0.0, 0.0))
    for record, (image, masks), other in zip(records, pixels, repaired, strict=True):
        assert (record.patient, record.labels, record.spacing_mm) == (
            other.patient,
            other.labels,
            other.spacing_mm,
        )
        repaired_image, repaired_masks = pixels_of(repaired, other)
        assert np.abs(image - repaired_image).mean() <= grey, record.case
        for target, mask in masks.items():
            if fault.name == "mask_inverted":  # this fault drops the second class
                mask, repaired_masks[target] = mask == 1, repaired_masks[target] == 1
            assert (mask != repaired_masks[target]).mean() <= mask_share, record.case
