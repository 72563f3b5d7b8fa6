"""What the tests of several importers share."""

import pytest

import unet_mtl as um
from unet_mtl.data.masks import read_case_mask


@pytest.fixture
def import_masks(tmp_path):
    """Return a function that imports a source and returns the mask of each case, the data set and the result."""

    def call(importer, source, **options):
        imported = importer(source, tmp_path / "out", **options)
        dataset = um.read_dataset(imported.folder)
        (name,) = dataset.description.masks
        found = {r.case: read_case_mask(r, name, dataset.description.masks[name]) for r in dataset}
        return found, dataset, imported

    return call
