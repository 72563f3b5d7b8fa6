"""Train, validation and test, as properties over seeds."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record, read_dataset
from unet_mtl.data.splits import SplitSettings, split_dataset, split_from_table, split_table
from unet_mtl.errors import DataError

SEEDS = range(12)


def make_dataset(rows, *, split=None) -> Dataset:
    """Rows of (patient, class or None, word of the split column)."""
    description = Description(
        root=Path(),
        images="{case}.png",
        columns={"size": {}, "diagnosis": {"classes": ("benign", "malignant", "normal")}},
        split=split,
    )
    records = [
        Record(
            case=f"c{index}",
            patient=patient,
            image=Path(f"c{index}.png"),
            masks={},
            labels={} if word is None else {"diagnosis": word},
            split=side,
        )
        for index, (patient, word, side) in enumerate(rows)
    ]
    return Dataset(description, tuple(records))


@pytest.fixture(scope="module")
def many() -> Dataset:
    """160 patients of 1 to 4 cases each; the third class is rare, some are unknown."""
    rng = np.random.default_rng(0)
    words = ["benign"] * 10 + ["malignant"] * 6 + ["normal"] * 2 + [None] * 2
    rows = []
    for patient in range(160):
        rows += [(f"p{patient}", words[patient % 20], None)] * int(rng.integers(1, 5))
    return make_dataset(rows)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_are_whole_patients_near_their_shares_with_like_classes(many, seed):
    parts = split_dataset(many, SplitSettings(train=0.6, val=0.15, test=0.25, seed=seed))
    cases = [record.case for part in parts.values() for record in part]
    assert sorted(cases) == sorted(record.case for record in many)
    patients = [{record.patient for record in part} for part in parts.values()]
    assert sum(map(len, patients)) == len(set.union(*patients))
    for share, part in zip((0.6, 0.15, 0.25), parts.values(), strict=True):
        assert len(part) / len(many) == pytest.approx(share, abs=0.05)
        counts = Counter(record.labels.get("diagnosis") for record in part)
        assert counts["benign"] / len(part) == pytest.approx(0.5, abs=0.12)
        assert counts["malignant"] / len(part) == pytest.approx(0.3, abs=0.12)
        assert counts["normal"] > 0


def test_same_seed_same_split_and_another_seed_another(many):
    def sides(seed):
        parts = split_dataset(many, SplitSettings(seed=seed))
        return {record.case: name for name, part in parts.items() for record in part}

    assert sides(3) == sides(3)
    assert len({tuple(sorted(sides(seed).items())) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("n", [3, 4, 5, 8])
@pytest.mark.parametrize("seed", SEEDS)
def test_few_patients_are_still_kept_together(n, seed):
    dataset = make_dataset([(f"p{index % n}", "benign", None) for index in range(2 * n)])
    parts = split_dataset(dataset, SplitSettings(seed=seed))
    assert len(parts["train"]) >= len(parts["val"]) >= 2
    assert sum(map(len, parts.values())) == 2 * n


@pytest.mark.parametrize("seed", SEEDS)
def test_no_test_part_where_none_is_wished(many, seed):
    parts = split_dataset(many, SplitSettings(train=0.8, val=0.2, test=0, seed=seed))
    assert len(parts["test"]) == 0
    assert len(parts["val"]) / len(many) == pytest.approx(0.2, abs=0.05)


def test_too_few_patients_are_refused():
    dataset = make_dataset([("p0", "benign", None)] * 9 + [("p1", "benign", None)])
    with pytest.raises(DataError, match="2 patients in 10 cases cannot be split into train, val and test"):
        split_dataset(dataset, SplitSettings())


def test_shares_must_fill_the_whole():
    with pytest.raises(ValidationError, match=r"train \+ val \+ test must be 1, received 1\.1"):
        SplitSettings(train=0.7, val=0.2, test=0.2)


def test_stratify_column_must_have_classes(many):
    with pytest.raises(DataError, match=r"no column 'size' with classes; there is \['diagnosis'\]"):
        split_dataset(many, SplitSettings(stratify="size"))


def test_split_column_is_obeyed_with_its_usual_words(write_set):
    table = "case,side\na, Training\nb,val\nc,VALIDATION\nd,test\n"
    dataset = read_dataset(write_set(table, split="side", columns={}, drop=("patient", "spacing_mm")))
    parts = split_dataset(dataset, SplitSettings())
    assert {name: [r.case for r in part] for name, part in parts.items()} == {
        "train": ["a"],
        "val": ["b", "c"],
        "test": ["d"],
    }


def test_split_column_may_be_overruled():
    dataset = make_dataset([(f"p{i}", "benign", "train") for i in range(20)], split="side")
    with pytest.raises(
        DataError, match=r"no val cases among 20; mark some in the split column, or set split\.column=ratio"
    ):
        split_dataset(dataset, SplitSettings())
    assert len(split_dataset(dataset, SplitSettings(column="ratio"))["val"]) == 4


def test_unknown_words_of_the_split_column_are_all_named():
    sides = ["train", "val", "holdout", ""] * 10
    dataset = make_dataset([(f"p{i}", None, side) for i, side in enumerate(sides)], split="side")
    with pytest.raises(DataError) as caught:
        split_dataset(dataset, SplitSettings())
    assert len(caught.value.problems) == 20
    assert caught.value.problems[0] == "case 'c2': split is 'holdout'; expected train, val or test"


def test_patient_on_two_sides_and_an_empty_part_are_told_together():
    dataset = make_dataset([("p0", None, "train"), ("p0", None, "test"), ("p1", None, "train")], split="side")
    with pytest.raises(DataError) as caught:
        split_dataset(dataset, SplitSettings())
    empty, two_sides = caught.value.problems
    assert empty.startswith("no val cases among 3")
    assert two_sides == "patient 'p0' has cases in test and train; a patient belongs on one side"


def test_saved_split_is_found_again(many):
    parts = split_dataset(many, SplitSettings())
    table = split_table(parts)
    assert list(table) == ["case", "patient", "split"]
    for name, part in parts.items():
        assert split_from_table(many, table, name) == part


def test_saved_split_with_unknown_name_or_lost_cases_is_refused(many):
    table = split_table(split_dataset(many, SplitSettings()))
    with pytest.raises(DataError, match="split 'dev' has no cases; there is test, train, val"):
        split_from_table(many, table, "dev")
    lost = pd.DataFrame({"case": ["gone", "c0"], "patient": ["p", "p0"], "split": ["test", "test"]})
    with pytest.raises(DataError, match="1 cases of split 'test' are not in the data any more: gone"):
        split_from_table(many, lost, "test")
