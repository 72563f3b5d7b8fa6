"""Saved splits, and every way in which a table does not belong to the data."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from unet_mtl.api import check
from unet_mtl.data.description import Description, make_description
from unet_mtl.data.records import Dataset, Record, read_dataset
from unet_mtl.data.split_files import facts_path, write_split
from unet_mtl.data.splits import SplitSettings, assign_parts, assign_table, split_dataset
from unet_mtl.errors import DataError


def problems_of(call, *arguments) -> list[str]:
    with pytest.raises(DataError) as caught:
        call(*arguments)
    return caught.value.problems


@pytest.fixture
def saved(write_set):
    """Write four cases of four patients and their saved split of 3 folds."""
    table = "case,patient,diagnosis,size,spacing,split\n" + "".join(
        f"{case},p{i},benign,{i},0.1,train\n" for i, case in enumerate("abcd")
    )
    dataset = read_dataset(write_set(table))
    settings = SplitSettings(folds=3)
    path = dataset.description.root / "deep" / "splits.csv"
    write_split(path, assign_table(dataset, settings), dataset, settings.to_config())
    return dataset, path


FROM_FILE = SplitSettings(table="deep/splits.csv")


def test_a_saved_table_is_plain_and_gives_the_same_parts(saved):
    dataset, path = saved
    table = pd.read_csv(path)
    assert list(table) == ["case", "patient", "split", "fold"]
    assert table["case"].tolist() == list("abcd")
    facts = json.loads(facts_path(path).read_text())
    assert facts["data_hash"] == dataset.fingerprint()
    assert SplitSettings.model_validate(facts["split"]) == SplitSettings(folds=3)
    assert split_dataset(dataset, FROM_FILE) == split_dataset(dataset, SplitSettings(folds=3))
    absolute = SplitSettings(table=str(path), fold=2)
    assert split_dataset(dataset, absolute) == split_dataset(dataset, SplitSettings(folds=3, fold=2))
    assert sorted(p.name for p in path.parent.iterdir()) == ["splits.csv", "splits.csv.json"]


def test_rows_may_be_sorted_and_saved_by_excel(saved):
    dataset, path = saved
    expected = split_dataset(dataset, FROM_FILE)
    table = pd.read_csv(path, dtype=str).iloc[::-1].assign(note="ok")
    table.to_csv(path, sep=";", index=False, encoding="utf-8-sig")
    assert split_dataset(dataset, FROM_FILE) == expected


def test_names_beyond_ascii_are_marked_for_excel(tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(b"")
    record = Record(case="c0", patient="M\u00fcller", image=image, masks={}, labels={})
    dataset = Dataset(Description(root=tmp_path, images="{case}.png"), (record,))
    table = pd.DataFrame({"case": ["c0"], "patient": ["M\u00fcller"], "split": ["train"]})
    write_split(tmp_path / "s.csv", table, dataset, {})
    assert (tmp_path / "s.csv").read_bytes().startswith(b"\xef\xbb\xbfcase,")
    assert pd.read_csv(tmp_path / "s.csv")["patient"][0] == "M\u00fcller"
    with pytest.raises(DataError, match=r"a name that ends in \.csv"):
        write_split(tmp_path / "s.xlsx", table, dataset, {})


def test_changed_data_are_refused_until_the_hash_is_removed(saved):
    dataset, path = saved
    mask = dataset.description.root / "masks" / "a.png"
    Image.fromarray(np.ones((6, 8), np.uint8)).save(mask)
    (problem,) = problems_of(split_dataset, dataset, FROM_FILE)
    assert problem.startswith(f"{path}: made from other data (hash ")
    assert dataset.fingerprint()[:12] in problem
    assert problem.endswith("remove splits.csv.json")
    assert "make the split again with `unet-mtl split`" in problem
    facts_path(path).unlink()
    assert len(split_dataset(dataset, FROM_FILE)["train"]) > 0


def test_an_absent_image_and_a_damaged_hash_are_reported(saved):
    dataset, path = saved
    dataset.records[0].image.unlink()
    (problem,) = problems_of(assign_parts, dataset, FROM_FILE)
    assert problem.startswith(f"{dataset.records[0].image}: cannot be read (No such file or directory)")
    facts_path(path).write_text("[]")
    assert "the hash of the data is missing" in problems_of(assign_parts, dataset, FROM_FILE)[0]


def test_repeated_unknown_and_missing_cases_and_changed_data_are_reported_together(saved):
    dataset, path = saved
    path.write_text("case,split\na,train\na,val\nx,train\nc,test\n")
    facts_path(path).write_text(json.dumps({"data_hash": hashlib.sha256(b"").hexdigest()}))
    first, *others = problems_of(assign_parts, dataset, FROM_FILE)
    assert "made from other data" in first
    assert others == [
        f"{path}: case 'a' is in several rows; keep one of them",
        f"{path}: case 'x' is not in the data; remove its row",
        f"{path}: case 'b' of the data is missing; add a row for it",
        f"{path}: case 'd' of the data is missing; add a row for it",
    ]


def test_tables_by_hand(saved):
    dataset, path = saved
    facts_path(path).unlink()
    path.write_text("case,split\na,train\nb,dev\nc,val\nd,\n")
    assert problems_of(assign_parts, dataset, FROM_FILE) == [
        f"{path}: case 'b': split is 'dev'; expected train, val or test",
        f"{path}: case 'd': split is ''; expected train, val or test",
    ]
    path.write_text("case,split\na,train\nb,train\nc,val\nd,test\n")
    assert [len(part) for part in split_dataset(dataset, FROM_FILE).values()] == [2, 1, 1]
    (problem,) = problems_of(assign_parts, dataset, SplitSettings(table="deep/splits.csv", fold=1))
    assert problem == f"{path}: split.fold is 1, but there is no column 'fold'; leave the setting out"
    path.write_text("case,fold\na,1\nb,2\nc,3\nd,4\n")
    assert assign_table(dataset, FROM_FILE)["split"].tolist() == ["test", "val", "train", "train"]
    path.write_text("case,side\na,train\n")
    assert problems_of(assign_parts, dataset, FROM_FILE) == [
        f"{path}: expected the columns case and split (or fold); it has case, side"
    ]
    path.unlink()
    (problem,) = problems_of(assign_parts, dataset, FROM_FILE)
    assert problem == f"{path}: no such file; correct split.table, or make the split with `unet-mtl split`"


def test_a_table_without_val_names_itself_in_the_cure(saved):
    dataset, path = saved
    facts_path(path).unlink()
    path.write_text("case,split\na,train\nb,train\nc,test\nd,test\n")
    (problem,) = problems_of(split_dataset, dataset, FROM_FILE)
    assert problem.startswith("no val cases among 4; correct deep/splits.csv")


@pytest.mark.parametrize("words", [("train", "test"), ("Training", "testing"), ("train_set", "TEST")])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_official_train_and_test_table_gives_some_of_train_to_val(tmp_path, words, seed):
    """Patients of two cases and either diagnosis: val is a quarter of train, with whole patients of both classes."""
    rows = [(f"c{i}", f"p{i // 2}", ["benign", "malignant"][i // 2 % 2]) for i in range(40)]
    for case, _, _ in rows:
        Image.fromarray(np.full((4, 4), int(case[1:]), np.uint8)).save(tmp_path / f"{case}.png")
    records = pd.DataFrame(rows, columns=["case", "patient", "diagnosis"])
    records.to_csv(tmp_path / "cases.csv", index=False)
    official = records.assign(split=[words[i >= 32] for i in range(40)])[["case", "split"]]
    official.to_csv(tmp_path / "official.csv", index=False)
    content = {"table": "cases.csv", "images": "{case}.png", "patient": "patient"}
    content["columns"] = {"diagnosis": {"classes": ["benign", "malignant"]}}
    settings = SplitSettings(table="official.csv", seed=seed)
    checkup = check(make_description(content, base=tmp_path, where="test"), split=settings)
    parts = checkup.parts
    assert checkup.problems == []
    assert {name: len(part) for name, part in parts.items()} == {"train": 24, "val": 8, "test": 8}
    assert [record.case for record in parts["test"]] == [f"c{i}" for i in range(32, 40)]
    assert not {record.patient for record in parts["train"]} & {record.patient for record in parts["val"]}
    assert {record.labels["diagnosis"] for record in parts["val"]} == {"benign", "malignant"}
    (note,) = [finding.observations[0].text for finding in checkup.findings if finding.name == "split-val"]
    assert note == "official.csv has no val: 8 of its 32 train cases are used as val"
    assert split_dataset(checkup.dataset, settings) == parts


def test_a_case_in_another_spelling_is_named(saved):
    dataset, path = saved
    facts_path(path).unlink()
    path.write_text("case,split\na,train\nB,train\nc,test\n")
    problems = problems_of(assign_parts, dataset, FROM_FILE)
    assert f"{path}: case 'B' is not in the data; correct it if 'b' is meant" in problems
