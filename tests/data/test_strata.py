"""Strata that are read from files."""

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.records import read_dataset
from unet_mtl.data.strata import read_strata
from unet_mtl.errors import DataError


def test_strata_are_words_presence_and_quarters(write_set):
    dataset = read_dataset(write_set())
    folder = dataset.description.root
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(folder / "masks" / "b.png")
    Image.fromarray(np.full((6, 8), 255, np.uint8)).save(folder / "masks" / "c.png")
    assert read_strata(dataset, ["diagnosis", "mask:lesion", "size"]) == {
        "diagnosis": ["benign", "malignant", "unknown", "benign"],
        "mask:lesion": ["with", "without", "without", "unknown"],
        "size": ["1.5..1.5", "unknown", "3..3", "4..4"],
    }


def test_a_mask_that_cannot_be_read_is_named_with_the_others(write_set):
    dataset = read_dataset(write_set())
    for case in "ac":
        (dataset.description.root / "masks" / f"{case}.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read_strata(dataset, ["mask:lesion"])
    problems = caught.value.problems
    assert [("a.png" in problems[0]), ("c.png" in problems[1]), len(problems)] == [True, True, 2]
