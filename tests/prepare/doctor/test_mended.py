"""A repaired copy of each fault that says so is as good as the good set."""

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

MENDED = [fault for fault in FAULTS if fault.mended]
LOSSY = {  # what no copy can bring back: share of the mask's pixels, mean of the image's grey levels
    "jpeg_named_png": (0.0, 4.0),
    "mask_saved_as_jpeg": (0.02, 0.0),
    "mask_smoothed": (0.02, 0.0),
    "all_masks_smoothed": (0.02, 0.0),
}


def pixels_of(dataset, record):
    """Image as float in 0..255, masks as indices."""
    image = read_image(record.image, record.frame)
    masks = {
        target: read_case_mask(record, target, mask) for target, mask in dataset.description.masks.items()
    }
    return image.astype(float), masks


@pytest.mark.parametrize("fault", MENDED, ids=lambda fault: fault.name)
def test_a_repaired_copy_is_as_good_as_the_good_set(fault, good, good_checkup, tmp_path):
    folder = copy_good(good, tmp_path / "broken")
    fault.apply(folder)
    settings = load_config(folder / "config.yaml", [])
    mend = [fault.kind] if KINDS[fault.kind].mends == "on request" else []
    um.repair(settings.data, tmp_path / "mended", settings.tasks, settings.split, mend, progress=False)
    (tmp_path / "mended" / "config.yaml").write_text((good / "config.yaml").read_text())
    again = check_folder(tmp_path / "mended")
    assert not again.problems
    assert cases_of(again, fault.kind) <= cases_of(good_checkup, fault.kind)
    truth, mended = um.read_dataset(good), um.read_dataset(tmp_path / "mended")
    assert [r.case for r in mended] == [r.case for r in truth]
    mask_share, grey = LOSSY.get(fault.name, (0.0, 0.0))
    for one, other in zip(truth, mended, strict=True):
        assert (one.patient, one.labels, one.spacing_mm) == (other.patient, other.labels, other.spacing_mm)
        image, masks = pixels_of(truth, one)
        its_image, its_masks = pixels_of(mended, other)
        assert np.abs(image - its_image).mean() <= grey, one.case
        for target, mask in masks.items():
            if fault.name == "mask_inverted":  # this fault throws the second class away
                mask, its_masks[target] = mask == 1, its_masks[target] == 1
            assert (mask != its_masks[target]).mean() <= mask_share, one.case
