"""A table without images: its case column, its targets and its inputs."""

import numpy as np
import pandas as pd
import pytest

from unet_mtl import api, init, load_config
from unet_mtl.errors import DataError

N = 24


@pytest.fixture
def drafted(tmp_path, draft):
    """Return a function that drafts a folder with a table of the given columns, which are repeated."""

    def call(name="cases.csv", **columns):
        write(tmp_path / name, **columns)
        return draft(tmp_path)

    return call


def write(path, **columns):
    table = {key: [words[i % len(words)] for i in range(N)] for key, words in columns.items()}
    frame = pd.DataFrame(table)
    frame.to_excel(path, index=False) if path.suffix == ".xlsx" else frame.to_csv(path, index=False)


IDS = [f"p{i:02d}" for i in range(N)]
AGES = [f"{30 + i * 7 % 24}.5" for i in range(N)]


@pytest.mark.parametrize("name", ["cases.csv", "cases.xlsx"])
def test_a_network_of_columns(drafted, tmp_path, name):
    dataset, config, notes, text = drafted(
        name, ID=IDS, age=AGES, sex=["F", "M"], diagnosis=["benign", "malignant"]
    )
    description = dataset.description
    assert (description.table, description.case, description.images) == (name, "ID", None)
    assert [(task.kind, task.target_name) for task in config.tasks] == [("classification", "diagnosis")]
    assert config.inputs["record"].columns == ("age", "sex")
    assert any("the table alone is described" in line for line in notes.unsure)
    assert not any(word in text for word in ("images:", "spacing_mm"))
    assert api.check(tmp_path, config.tasks, config.split).problems == []


def test_the_last_column_is_the_target_where_no_name_tells(drafted):
    _, config, notes, _ = drafted(key=IDS, a=AGES, b=["x", "y"], c=[f"{i}.25" for i in range(N)])
    assert [(task.kind, task.target_name) for task in config.tasks] == [("regression", "c")]
    assert config.inputs["record"].columns == ("a", "b")
    assert any(
        "No column is named like a target, so the last one, c, is the task" in line for line in notes.unsure
    )


def test_patients_splits_and_administrative_columns_are_no_inputs(drafted):
    _, config, _, _ = drafted(
        case=IDS,
        patient=IDS[:8],
        split=["train", "val", "test"],
        license=["CC0", "CC-BY"],
        age=AGES,
        outcome=["good", "bad"],
    )
    assert config.data.patient == "patient"
    assert config.data.split == "split"
    assert config.inputs["record"].columns == ("age",)


def test_of_several_tables_the_largest_is_used(tmp_path, draft):
    write(tmp_path / "small.csv", id=IDS[:5] + [f"q{i}" for i in range(N)], age=AGES)
    write(tmp_path / "large.csv", id=IDS, age=AGES, sex=["F", "M"], outcome=["good", "bad"])
    write(tmp_path / "visits.csv", id=IDS[:3], age=AGES[:3])
    (tmp_path / "broken.csv").write_bytes(b"\xff\xfe\x00")
    dataset, _, notes, _ = draft(tmp_path)
    assert dataset.description.table == "large.csv"
    assert any("not used: small.csv" in line for line in notes.unsure)
    assert any("broken.csv" in line for line in notes.unsure)


REFUSED = {
    "no names": (
        {"age": ["30", "40"], "outcome": ["good", "bad"]},
        "no table with a different name in each row",
    ),
    "missing names": (
        {"id": ["", *IDS[1:]], "age": ["30", "40"]},
        "no table with a different name in each row",
    ),
    "no input": ({"id": IDS, "outcome": ["good", "bad"]}, "cases.csv has no column besides id, outcome"),
    "measurements are no names": (
        {"a": [f"{i}.5" for i in range(N)], "b": ["x", "y"]},
        "no table with a different name",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_are_refused(tmp_path, name):
    columns, words = REFUSED[name]
    write(tmp_path / "cases.csv", **columns)
    with pytest.raises(DataError, match=words) as caught:
        init(tmp_path)
    assert "no image in this folder" in str(caught.value)
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize("seed", range(6))
def test_generated_tables_have_a_task_and_inputs(tmp_path, seed):
    """Whatever the columns, the draft is a config that loads, or an error that names the folder."""
    rng = np.random.default_rng(seed)
    kinds = {
        "id": IDS,
        "Name": [f"N{i}" for i in range(N)],
        "size mm": [f"{value:.2f}" for value in rng.normal(20, 5, N)],
        "count": [str(value) for value in rng.integers(0, 50, N)],
        "Sex": ["F", "M"],
        "result": ["+", "-"],
        "finding": [f"f{i}" for i in range(11)],
        "url": [f"https://example.org/{i}" for i in range(N)],
        "empty": [""],
        "a:b {c}": ["yes", "no"],
    }
    chosen = [str(name) for name in rng.permutation(list(kinds))[: rng.integers(2, len(kinds) + 1)]]
    write(tmp_path / "t.csv", **{name: kinds[name] for name in chosen})
    try:
        drafted = init(tmp_path)
    except DataError as error:
        if "no image in this folder" not in str(error):
            raise
        return
    config = load_config(drafted.files[1])
    targets = {task.target_name for task in config.tasks}
    inputs = set(config.inputs["record"].columns)
    assert targets
    assert inputs
    assert not targets & inputs
    assert not {"url", "empty", config.data.case} & (targets | inputs)
    assert api.check(config.data, config.tasks, config.split).problems == []
