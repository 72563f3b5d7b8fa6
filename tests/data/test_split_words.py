"""The usual words for splits, and columns that lack val."""

import numpy as np
import pytest

from unet_mtl.data.split_words import read_split_word
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import DataError

from .made_dataset import make_dataset

SPELLINGS = {
    "train": ["train", "Training", "TRAIN", "train_set", "training set", "trainset", "train-data"],
    "val": ["val", "valid", "Validation", "validation_set", "VAL", "valset"],
    "test": ["test", "Testing", "TEST", "test_set", "testing set", "testset"],
    None: ["", "holdout", "set", "tests of 2019", "1", "trian", "intrain", "train/val", "attest"],
}


@pytest.mark.parametrize(("split", "word"), [(name, word) for name in SPELLINGS for word in SPELLINGS[name]])
def test_usual_spellings_of_splits(split, word):
    assert read_split_word(word) == split
    dataset = make_dataset([("p0", None, word), ("p1", None, "train"), ("p2", None, "val")], split="side")
    if split is None:
        with pytest.raises(DataError, match="expected train, val or test"):
            split_dataset(dataset, SplitSettings())
    else:
        assert "c0" in [record.case for record in split_dataset(dataset, SplitSettings())[split]]


@pytest.mark.parametrize("seed", range(8))
def test_val_is_taken_out_of_train_where_a_column_has_none(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    sides = ["test" if patient % 3 == 0 else "train" for patient in range(n)]
    rows = [
        (f"p{i}", ["benign", "malignant"][i % 2], side)
        for i, side in enumerate(sides)
        for _ in range(1 + i % 3)
    ]
    dataset = make_dataset(rows, split="side")
    shares = {"train": 0.5, "val": 0.3, "test": 0.2} if seed % 2 else {}
    linked = [[record.case for record in dataset if record.patient in ("p1", "p2", "p3")]]
    parts = split_dataset(dataset, SplitSettings(seed=seed, **shares), linked)
    assert {r.case for r in parts["test"]} == {r.case for r in dataset if r.split == "test"}
    assert sum(map(len, parts.values())) == len(dataset)
    share = len(parts["val"]) / (len(parts["val"]) + len(parts["train"]))
    assert share == pytest.approx(0.375 if seed % 2 else 0.25, abs=0.12)
    sides_of = {r.patient: name for name, part in parts.items() for r in part}
    assert all(sides_of[r.patient] == name for name, part in parts.items() for r in part)
    assert sides_of["p1"] == sides_of["p2"] != "test"  # linked, while p3 is an official test patient
    assert parts == split_dataset(dataset, SplitSettings(seed=seed, **shares), linked)


def test_val_stays_empty_where_too_few_patients_train():
    dataset = make_dataset([("p0", None, "train"), ("p1", None, "train"), ("p2", None, "test")], split="side")
    with pytest.raises(DataError, match="no val cases among 3; mark some in the split column"):
        split_dataset(dataset, SplitSettings())
