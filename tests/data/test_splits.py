"""Splits: cases by hand, and properties over seeds and over any data set."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from unet_mtl.config import load_config
from unet_mtl.data.description import Description
from unet_mtl.data.records import Dataset, Record, read_dataset
from unet_mtl.data.split_risks import split_warnings
from unet_mtl.data.split_shares import find_far_shares
from unet_mtl.data.splits import (
    SplitSettings,
    assign_parts,
    assign_table,
    split_dataset,
    split_from_table,
    split_problems,
    split_table,
)
from unet_mtl.data.strata import choose_columns, read_strata
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of

from .made_dataset import make_dataset

SEEDS = range(8)
PHANTOM = Path(__file__).parents[2] / "data_samples" / "phantom"


def problems_of(call, *arguments) -> list[str]:
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return caught.value.problems


@pytest.fixture(scope="module")
def many() -> Dataset:
    """160 patients of 1 to 4 cases each; the third class is rare, and some labels are unknown."""
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


def test_patient_in_two_splits_and_an_empty_split_are_reported_together():
    dataset = make_dataset([("p0", None, "train"), ("p0", None, "test"), ("p1", None, "train")], split="side")
    with pytest.raises(DataError) as caught:
        split_dataset(dataset, SplitSettings())
    empty, two_sides = caught.value.problems
    assert empty.startswith("no val cases among 3")
    assert two_sides == "patient 'p0' has cases in test and train; a patient belongs in one split"


def test_saved_split_is_found_again(many):
    parts = split_dataset(many, SplitSettings())
    table = split_table(parts)
    assert list(table) == ["case", "patient", "split"]
    for name, part in parts.items():
        assert split_from_table(many, table, name) == part


def test_saved_split_with_unknown_name_or_lost_cases_is_refused(many):
    table = split_table(split_dataset(many, SplitSettings()))
    with pytest.raises(DataError, match="split 'dev' has no cases; expected one of test, train, val, or all"):
        split_from_table(many, table, "dev")
    lost = pd.DataFrame({"case": ["gone", "c0"], "patient": ["p", "p0"], "split": ["test", "test"]})
    with pytest.raises(DataError, match="split 'test' has 1 case that the data lack now: gone; restore"):
        split_from_table(many, lost, "test")


def test_the_sample_set_keeps_the_split_of_its_published_results():
    parts = split_dataset(read_dataset(PHANTOM), load_config(PHANTOM / "config.yaml").split)
    assert {name: len(part) for name, part in parts.items()} == {"train": 117, "val": 40, "test": 39}
    test = [5, 6, 13, 14, 15, 18, 19, 25, 28, 35, 43, 50, 51, 52, 53, 56, 58, 64, 65, 74, 94, 101, 102, 122]
    test += [128, 131, 133, 134, 135, 136, 142, 152, 157, 161, 162, 175, 181, 182, 190]
    assert [int(r.case[-4:]) for r in parts["test"]] == test


@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_linked_cases_stay_on_one_side(many, folds, seed):
    cases = [record.case for record in many]
    linked = [cases[i : i + 9 : 4] for i in range(0, 200, 20)]
    table = assign_table(many, SplitSettings(folds=folds, seed=seed), linked)
    sides = dict(zip(table["case"], table["fold" if folds else "split"], strict=True))
    assert all(len({sides[case] for case in group}) == 1 for group in linked)
    assert (table.groupby("patient")["split"].nunique() == 1).all()


def test_linked_cases_that_a_column_parts_are_named():
    dataset = make_dataset([("p0", None, "train"), ("p1", None, "val"), ("p2", None, "test")], split="side")
    linked = [("c0", "c2"), ("c1", "gone")]
    (problem,) = split_problems(assign_parts(dataset, SplitSettings(), linked), SplitSettings(), linked)
    assert problem.text.startswith("cases 'c0', 'c2' belong together and are in test and train; move them")
    assert (problem.kind, problem.cases) == ("near-split", ("c0", "c2"))
    assert problems_of(split_dataset, dataset, SplitSettings(), linked) == [problem.text]


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["benign", "malignant", "normal", None])),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from([None, 3, 5]),
    st.integers(0, 50),
)
@hypothesis_settings(max_examples=100, deadline=None)
def test_any_data_set_is_split_completely_or_refused_with_advice(rows, folds, seed):
    dataset = make_dataset([(f"p{patient}", word, None) for patient, word in rows])
    settings = SplitSettings(folds=folds, seed=seed)
    n_patients = len({patient for patient, _ in rows})
    if n_patients < (folds or 3):
        (problem,) = problems_of(split_dataset, dataset, settings)
        counts = f"{count_of(n_patients, 'patient')} in {count_of(len(rows), 'case')}"
        assert problem.startswith(f"{counts} cannot be split into ")
        return
    parts = split_dataset(dataset, settings)
    assert sorted(r.case for part in parts.values() for r in part) == sorted(r.case for r in dataset)
    assert split_dataset(dataset, settings) == parts


def test_one_patient_with_most_of_the_cases_is_learned_from():
    small = [(f"p{i}", "benign", None) for i in range(30)]
    dataset = make_dataset([("big", "benign", None)] * 70 + small)
    apart = make_dataset([("big", "malignant", None)] * 70 + small)
    for seed in SEEDS:
        sizes = [len(part) for part in split_dataset(dataset, SplitSettings(seed=seed)).values()]
        assert sizes == [70, 15, 15]
        # train needs its share of the other class, so that val and test have less of it, but more than half of 15
        parts = split_dataset(apart, SplitSettings(seed=seed))
        assert sum(r.patient == "big" for r in parts["train"]) == 70
        assert all(8 <= len(parts[name]) <= 15 for name in ("val", "test"))
        assert abs(len(parts["val"]) - len(parts["test"])) <= 1
    folds = assign_table(dataset, SplitSettings(folds=5))["fold"].value_counts()
    assert sorted(folds) == [7, 7, 8, 8, 70]


def test_words_that_are_all_rare_do_not_forbid_a_split():
    rows = [(f"p{i}", None, None) for i in range(30)]
    dataset = make_dataset(rows)
    records = [Record(**(vars(r) | {"labels": {"size": float(i)}})) for i, r in enumerate(dataset)]
    parts = split_dataset(dataset.only(records), SplitSettings(stratify="size"))
    assert [len(part) for part in parts.values()] == [18, 6, 6]
    for n_words in (30, 10):
        classes = tuple(map(str, range(n_words)))
        described = Description(root=Path(), images="{case}.png", columns={"id": {"classes": classes}})
        records = [Record(**(vars(r) | {"labels": {"id": str(i % n_words)}})) for i, r in enumerate(dataset)]
        parts = split_dataset(Dataset(described, tuple(records)), SplitSettings())
        assert [len(part) for part in parts.values()] == [18, 6, 6]


def test_every_fold_is_test_once_and_val_once(many):
    tables = [assign_table(many, SplitSettings(folds=4, fold=fold)) for fold in (1, 2, 3, 4)]
    for one, other in pairwise(tables):
        assert one["fold"].equals(other["fold"])
    folds = tables[0]["fold"]
    for fold, table in enumerate(tables, 1):
        assert set(folds[table["split"] == "test"]) == {fold}
        assert set(folds[table["split"] == "val"]) == {fold % 4 + 1}
    assert tables[0].equals(assign_table(many, SplitSettings(folds=4)))
    assert not tables[0].equals(assign_table(many, SplitSettings(folds=4, seed=8)))
    assert tables[0].groupby("patient")["fold"].nunique().max() == 1
    assert np.ptp(folds.value_counts()) <= 4
    words = pd.Series([record.labels.get("diagnosis", "") for record in many])
    shares = pd.crosstab(folds, words, normalize="index")
    assert np.ptp(shares.to_numpy(), axis=0).max() < 0.04


def test_a_class_rarer_than_the_folds_is_spread():
    rows = [(f"p{i}", "normal" if i < 3 else "benign", None) for i in range(50)]
    table = assign_table(make_dataset(rows), SplitSettings(folds=5))
    assert table["fold"].value_counts().tolist() == [10] * 5
    assert table["fold"][:3].nunique() == 3


def test_more_folds_than_patients_are_refused_with_a_cure():
    dataset = make_dataset([(f"p{i % 4}", "benign", None) for i in range(20)])
    assert problems_of(assign_table, dataset, SplitSettings(folds=5)) == [
        "4 patients in 20 cases cannot be split into 5 folds; set split.folds to a smaller number"
    ]
    (problem,) = problems_of(assign_table, dataset, SplitSettings(folds=4), [("c0", "c1")])
    assert problem.startswith(
        "4 patients (3 groups, since some cases stay together) in 20 cases cannot be split into 4"
    )


def folded(words) -> Dataset:
    dataset = make_dataset([(f"p{i}", None, "train") for i in range(len(words))], split="side")
    labels = [{} if word is None else {"size": word} for word in words]
    return dataset.only([Record(**(vars(r) | {"labels": a})) for r, a in zip(dataset, labels, strict=True)])


def test_folds_of_the_data_are_taken_before_its_split_column():
    dataset = folded([0.0, 1.0, 2.0, 4.0, 0.0])
    sides = assign_table(dataset, SplitSettings(fold_column="size", fold=4))["split"]
    assert sides.tolist() == ["val", "train", "train", "test", "val"]
    table = assign_table(dataset, SplitSettings(fold_column="size"))
    assert table["split"].tolist() == ["test", "val", "train", "train", "test"]
    assert table["fold"].tolist() == [0, 1, 2, 4, 0]


def test_folds_that_are_none_are_all_named():
    settings = SplitSettings(fold_column="size")
    assert problems_of(assign_table, folded([1.0, 2.5, 3.0, None]), settings) == [
        "size, case 'c1': fold is 2.5; expected a whole number",
        "size, case 'c3': fold is ''; expected a whole number",
    ]
    (problem,) = problems_of(assign_table, folded([1.0, 2.0, 3.0]), SplitSettings(fold_column="size", fold=7))
    assert problem.startswith("split.fold=7 does not fit")
    assert "folds 1, 2, 3;" in problem
    assert "at least 3" in problems_of(assign_table, folded([1.0, 2.0, 2.0]), settings)[0]
    (problem,) = problems_of(assign_table, folded([1.0]), SplitSettings(fold_column="kFold"))
    assert problem == (
        "split.fold_column: no column 'kFold' in the description; add `kFold: {}` to its columns"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"folds": 1}, "greater than or equal to 2"),
        ({"folds": 5, "table": "a.csv"}, "table=a.csv and folds=5 contradict each other"),
        ({"folds": 5, "fold": 6}, "fold=6: there are folds 1 to 5"),
        ({"folds": 5, "fold": 0}, "fold=0: there are folds 1 to 5"),
        ({"fold": 1}, "fold=1 needs folds"),
    ],
)
def test_settings_that_contradict_each_other(settings, words):
    with pytest.raises(ValidationError, match=words):
        SplitSettings(**settings)


def test_settings_come_back_from_json():
    settings = SplitSettings(folds=5, fold=2, stratify=["diagnosis", "mask:zone"])
    assert SplitSettings.model_validate(json.loads(json.dumps(settings.to_config()))) == settings


def test_quarters_have_a_quarter_of_the_cases_and_ties_are_no_crash():
    def words(numbers):
        return Counter(read_strata(folded(numbers), ["size"])["size"])

    assert words([float(i) for i in range(40)]) == {"0..9": 10, "10..19": 10, "20..29": 10, "30..39": 10}
    assert words([1.0, 1.0, None]) == {"1": 2, "unknown": 1}
    assert words([None, None]) == {"unknown": 2}
    assert words([0.0] * 9 + [5.0]).total() == 10


def test_columns_to_stratify_by_must_be_described(many):
    assert choose_columns(many, None) == ("diagnosis",)
    assert choose_columns(many, ()) == ()
    assert problems_of(choose_columns, many, ["diagnosis", "sex", "mask:zone"]) == [
        "split.stratify: no column 'sex'; there is size, diagnosis",
        "split.stratify: no column 'mask:zone'; there is size, diagnosis",
    ]


@pytest.mark.parametrize("folds", [None, 4])
def test_several_columns_are_balanced_at_once(folds):
    dataset = read_dataset(PHANTOM)
    columns = ("diagnosis", "mask:mask")
    parts = assign_parts(dataset, SplitSettings(folds=folds, stratify=columns))
    for name, words in read_strata(dataset, columns).items():
        word_of = dict(zip((r.case for r in dataset), words, strict=True))
        for word, n in Counter(words).items():
            for part in parts.values():
                expected = n * len(part) / len(dataset)
                assert sum(word_of[r.case] == word for r in part) == pytest.approx(expected, abs=2.5), name


def test_unknown_patients_and_classes_that_a_part_lacks_are_warned_of(many):
    parts = split_dataset(many, SplitSettings())
    (line,) = split_warnings(parts)
    assert line.startswith("THE PATIENT OF EACH CASE IS UNKNOWN: the description names no `patient` column")
    known = many.description.model_copy(update={"patient": "patient"})
    parts = {name: Dataset(known, part.records) for name, part in parts.items()}
    assert split_warnings(parts) == []
    benign = [r for r in parts["val"] if r.labels.get("diagnosis") == "benign"]
    parts["val"] = parts["val"].only(benign)
    assert split_warnings(parts) == [f"diagnosis: no case of {w!r} in val" for w in ("malignant", "normal")]
    parts["test"] = parts["test"].only([])
    assert split_warnings(parts) == [f"diagnosis: no case of {w!r} in val" for w in ("malignant", "normal")]


def test_shares_spoiled_by_a_large_group_are_warned_of():
    """Eighteen of twenty images were taken for copies of each other."""
    dataset = make_dataset([(f"p{k}", None, None) for k in range(20)])
    alike = [[f"c{k}" for k in range(18)]]
    settings = SplitSettings()
    (warning,) = find_far_shares(split_dataset(dataset, settings, alike), settings, alike)
    assert warning.kind == "split-shares"
    assert warning.cases == tuple(alike[0])
    assert warning.text == (
        "18, 1 and 1 of 20 cases are in train, val and test, but the requested shares are 60%, 20% and 20%; the "
        "largest group that stays together has 18 cases"
    )
    assert find_far_shares(split_dataset(dataset, settings), settings) == []


@pytest.mark.parametrize("folds", [None, 2, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_shares_are_warned_of_where_groups_are_large_and_nowhere_else(many, seed, folds):
    settings = SplitSettings(seed=seed, folds=folds)
    assert find_far_shares(split_dataset(many, settings), settings) == []
    alike = [[record.case for record in many.records[: int(len(many) * 0.8)]]]
    (warning,) = find_far_shares(assign_parts(many, settings, alike), settings, alike)
    assert "the largest group" in warning.text


@pytest.mark.parametrize("n", range(3, 12))
def test_shares_of_few_cases_are_as_near_as_they_can_be(n):
    dataset = make_dataset([(f"p{k}", None, None) for k in range(n)])
    assert find_far_shares(split_dataset(dataset, SplitSettings()), SplitSettings()) == []


def test_shares_of_a_split_column_are_its_own():
    dataset = make_dataset([(f"p{k}", None, "val" if k == 0 else "train") for k in range(20)], split="split")
    assert find_far_shares(split_dataset(dataset, SplitSettings()), SplitSettings()) == []


def test_a_small_set_gives_each_part_both_classes():
    """Ten patients with two images each and either diagnosis: every part gets both diagnoses."""
    rows = [(f"p{i // 2}", ["benign", "malignant"][i // 2 % 2], None) for i in range(20)]
    dataset = make_dataset(rows)
    for seed in range(8):
        parts = assign_parts(dataset, SplitSettings(seed=seed))
        for part in parts.values():
            assert {record.labels["diagnosis"] for record in part} == {"benign", "malignant"}
