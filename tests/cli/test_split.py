"""unet-mtl split and um.split: the printed and the written table, without TensorFlow."""

import re
from collections import Counter

import pandas as pd
import pytest
import yaml

import unet_mtl as um
from unet_mtl.data.records import read_dataset
from unet_mtl.data.split_files import facts_path
from unet_mtl.data.splits import SplitSettings, split_dataset
from unet_mtl.errors import DataError, UnetMtlError, WriteError

CONFIG = "data: .\nsplit: {column: ratio, seed: 3}\ntasks:\n  - {kind: segmentation, name: zone}\n"


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    (path / "config.yaml").write_text(CONFIG)
    return path


def cells(output: str, title: str) -> dict[str, list[str]]:
    """Return the cells of each row of the table under a title."""
    lines = output.split(f"{title} ")[-1].splitlines()
    start = next(i for i, line in enumerate(lines) if "──" in line) + 1
    end = next(i for i, line in enumerate(lines) if i > start and not line.strip())
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[start:end]]
    return {name: values for name, *values in rows}


def test_by_column_as_the_description_says(command, folder):
    code, output, errors = command("split", folder, "--out", folder / "splits.csv")
    assert code == 0
    table = pd.read_csv(folder / "splits.csv")
    given = pd.read_csv(folder / "cases.csv")
    assert list(table) == ["case", "patient", "split"]
    assert table["split"].tolist() == given["split"].tolist()
    rows = cells(output, "splits")
    assert rows["cases"] == ["5 (42%)", "3 (25%)", "4 (33%)"]
    assert rows["patients"] == ["5", "3", "4"]
    assert rows["with mask zone"] == ["4 (80%)", "2 (67%)", "3 (75%)"]
    for word in ("normal", "benign", "malignant"):
        counts = (given["diagnosis"] == word).groupby(given["split"]).sum()
        shown = [cell.split()[0] for cell in rows[f"diagnosis {word}"]]
        assert shown == [str(counts[name]) for name in ("train", "val", "test")]
    assert output.endswith("set in config.yaml\nsplit: {table: splits.csv}\n")
    assert not any("PATIENT" in line for line in errors)


def test_what_is_written_is_what_a_config_reads(command, folder):
    out = folder / "splits.csv"
    code, _, _ = command("split", folder, "--out", out, "--train", "0.5", "--val", "0.25", "--seed", "4")
    assert code == 0
    dataset = read_dataset(folder)
    asked = SplitSettings(column="ratio", train=0.5, val=0.25, test=0.25, seed=4)
    assert split_dataset(dataset, SplitSettings(table="splits.csv")) == split_dataset(dataset, asked)


def test_folds_with_several_strata_are_counted(command, folder):
    out = folder.parent / "elsewhere" / "splits.csv"
    code, output, _ = command(
        "split",
        *(folder, "--out", out, "--folds", "3", "--fold", "2"),
        *("--stratify", "diagnosis", "--stratify", "mask:zone", "--stratify", "size_mm"),
    )
    assert code == 0
    folds = cells(output.split("splits ")[0], "folds")
    assert [cell.split()[0] for cell in folds["cases"]] == ["4", "4", "4"]
    # all but three cases have a mask, counted by hand in conftest
    assert sum(int(cell.split()[0]) for cell in folds["mask:zone unknown"]) == 3
    quarters = [name for name in folds if name.startswith("size_mm")]
    assert quarters[-1] == "size_mm unknown"
    assert len(quarters) == 5
    table = pd.read_csv(out)
    assert set(zip(table["fold"], table["split"], strict=True)) == {(1, "train"), (2, "test"), (3, "val")}
    assert output.endswith(f"split: {{table: {out}}}\n")


def test_a_config_is_changed_by_options_and_its_saved_table_is_left_aside(command, folder):
    code, _, _ = command("split", folder / "config.yaml", "--out", folder / "a.csv")
    assert code == 0
    asked = SplitSettings(column="ratio", seed=3)
    parts = split_dataset(read_dataset(folder), asked)
    assert split_dataset(read_dataset(folder), SplitSettings(table="a.csv")) == parts
    (folder / "config.yaml").write_text(CONFIG.replace("{column: ratio, seed: 3}", "{table: gone.csv}"))
    code, _, _ = command("split", folder / "config.yaml", "--out", folder / "b.csv")
    assert code == 0
    assert (
        pd.read_csv(folder / "b.csv")["split"].tolist() == pd.read_csv(folder / "cases.csv")["split"].tolist()
    )
    (folder / "config.yaml").write_text(CONFIG.replace("seed: 3", "folds: 3, fold: 3"))
    code, _, _ = command(
        "split", folder / "config.yaml", "--out", folder / "c.csv", "--train", "0.8", "--val", "0.1"
    )
    assert code == 0
    assert "fold" not in pd.read_csv(folder / "c.csv")


def test_an_unknown_patient_is_warned_of_loudly(command, folder):
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    del content["patient"]
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))
    code, output, errors = command("split", folder / "dataset.yaml", "--out", folder / "splits.csv")
    assert code == 0
    assert "THE PATIENT OF EACH CASE IS UNKNOWN" not in output
    assert errors[0].startswith(
        "WARNING: THE PATIENT OF EACH CASE IS UNKNOWN: the description names no `patient` column"
    )
    assert "patients" not in cells(output, "splits")


def test_shares_spoiled_by_one_patient_are_warned_of(command, folder):
    table = pd.read_csv(folder / "cases.csv", dtype=str)
    table.loc[: len(table) - 3, "patient"] = "one"
    table.to_csv(folder / "cases.csv", index=False)
    words = ("--out", folder / "splits.csv", "--test", "0.4", "--val", "0.2")
    code, _, errors = command("split", folder, *words)
    assert code == 0, errors
    (warning,) = [line for line in errors if "requested shares" in line]
    n = len(table)
    assert warning.startswith(f"WARNING: {n - 2}, 1 and 1 of {n} cases are in train, val and test")
    assert warning.endswith(f"the largest group that stays together has {n - 2} cases")


def test_a_fixed_split_is_not_replaced_by_accident(command, folder):
    out = folder / "splits.csv"
    command("split", folder, "--out", out)
    before = out.read_bytes()
    code, output, errors = command("split", folder, "--out", out, "--seed", "5")
    assert (code, output) == (1, "")
    (error,) = errors
    assert error.startswith(f"error: {out} exists already; a saved split is replaced only with ")
    assert "overwrite" in error
    assert out.read_bytes() == before
    assert command("split", folder, "--out", out, "--seed", "5", "--overwrite")[0] == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--folds", "40"],
            "12 patients in 12 cases cannot be split into 40 folds; set split.folds to a smaller number",
        ),
        (["--folds", "1"], "split: folds: Input should be greater than or equal to 2 (received 1)"),
        (["--fold", "2"], "split: fold=2 needs folds, fold_column or table; set one of them too"),
        (
            ["--train", "0.9", "--val", "0.3"],
            "`train` 0.9 + `val` 0.3 is 1.2; the shares of train, val and test must add up to 1",
        ),
        (["--train", "0.8", "--test", "0.2"], "`train` 0.8 + `test` 0.2 is 1, which leaves nothing for val"),
        (["--folds", "5", "--train", "0.5"], "`folds` and `train` contradict each other"),
        (
            ["--folds", "5", "--val", "0.2", "--test", "0.2"],
            "`folds` and `val`, `test` contradict each other",
        ),
        (["--train", "0.9"], "split: train + val + test must be 1, received 1.3"),
        (
            ["--stratify", "sex"],
            "split.stratify: no column 'sex'; there is diagnosis, side, size_mm, mask:zone",
        ),
        (["--out", "splits.xlsx"], "splits.xlsx: a split is saved as a CSV table"),
    ],
)
def test_contradictions_are_reported_and_nothing_is_written(command, folder, options, words, monkeypatch):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    code, _, errors = command("split", folder, "--out", "splits.csv", *options)
    assert code == 1
    # The command line shows an argument in backticks as its option.
    assert re.sub(r"--(\w+)", r"`\1`", errors[-1]).startswith(f"error: {words}")
    assert sorted(folder.iterdir()) == before


def test_a_patient_on_two_sides_is_no_split(command, folder):
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    table.loc[[0, 11], "patient"] = "twice"
    table.to_csv(folder / "cases.csv", index=False)
    code, _, errors = command("split", folder, "--out", folder / "splits.csv")
    assert code == 1
    assert errors[-1].startswith("error: patient 'twice' has cases in test and train")
    assert not (folder / "splits.csv").exists()


OPTIONS = [
    {},
    {"folds": 3, "fold": 2, "stratify": ["diagnosis", "mask:zone", "size_mm"]},
    {"train": 0.5, "val": 0.25, "seed": 4},
    {"train": 0.9, "val": 0.3},
    {"folds": 5, "train": 0.5},
    {"folds": 40},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("by_config", [False, True])
def test_the_function_and_the_command_do_the_same(command, folder, options, by_config):
    config = um.load_config(folder / "config.yaml")
    source, settings = (config.data, config.split) if by_config else (folder, None)
    words = []
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        words += [word for one in values for word in (f"--{name}", one)]
    code, output, errors = command(
        "split", folder / "config.yaml" if by_config else folder, "--out", folder / "command.csv", *words
    )
    out = folder / "function.csv"
    if code:
        with pytest.raises(UnetMtlError) as error:
            um.split(source, out, settings, progress=False, **options)
        unflagged = [re.sub(r"--(\w+)", r"`\1`", line) for line in errors]
        assert unflagged[-1] == f"error: {error.value}"
        assert not out.exists()
        assert not (folder / "command.csv").exists()
        return
    split = um.split(source, out, settings, progress=False, **options)
    assert out.read_bytes() == (folder / "command.csv").read_bytes()
    assert facts_path(out).read_bytes() == facts_path(folder / "command.csv").read_bytes()
    pd.testing.assert_frame_equal(split.table, pd.read_csv(out))
    assert {name: len(part) for name, part in split.parts.items()} == Counter(split.table["split"])
    counted = {row.pop(""): list(row.values()) for row in split.count(split.parts)}
    assert counted == cells(output, "splits")
    assert len(split.folds) == options.get("folds", 0)
    with pytest.raises(WriteError, match="exists already"):
        um.split(source, out, settings, progress=False, **options)
    um.split(source, out, settings, progress=False, overwrite=True, **options)


def test_the_function_refuses_a_patient_in_two_splits(folder):
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    table.loc[[0, 11], "patient"] = "twice"
    table.to_csv(folder / "cases.csv", index=False)
    with pytest.raises(DataError, match="patient 'twice' has cases in test and train"):
        um.split(folder, folder / "splits.csv", progress=False)
    assert not (folder / "splits.csv").exists()
