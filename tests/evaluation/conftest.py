"""Folders of tiny masks."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_masks(tmp_path):
    """Writes masks, by file name, into a folder of this test."""

    def write(folder, **masks):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, pixels in masks.items():
            stem, _, suffix = name.rpartition("__")
            file = path / (f"{stem}.{suffix}" if stem else f"{name}.png")
            Image.fromarray(np.asarray(pixels, np.uint8)).save(file)
        return path

    return write
