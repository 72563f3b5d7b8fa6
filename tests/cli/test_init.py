"""unet-mtl init: what it prints, writes and refuses, on four real data sets too."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unet_mtl import load_config, read_dataset

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
PHANTOM = ROOT / "data_samples" / "phantom"


@pytest.fixture
def folder(tmp_path):
    """Twelve images with masks of 0 and 255, and a diagnosis."""
    path = tmp_path / "set"
    for part in ("images", "masks"):
        (path / part).mkdir(parents=True)
    rows = ["case,diagnosis"]
    for index in range(12):
        noise = np.random.default_rng(index).integers(0, 256, (16, 16), dtype=np.uint8)
        mask = np.zeros((16, 16), np.uint8)
        mask[4:9, 3 : 8 + index % 4] = 255
        Image.fromarray(noise).save(path / "images" / f"c{index}.png")
        Image.fromarray(mask).save(path / "masks" / f"c{index}.png")
        rows.append(f"c{index},{['benign', 'malignant'][index % 2]}")
    (path / "cases.csv").write_text("\n".join(rows))
    return path


def yaml_files(folder):
    return sorted(path.name for path in folder.rglob("*.yaml"))


def test_it_prints_its_guesses_and_writes_files_that_check_accepts(command, folder):
    code, output, errors = command("init", folder)
    assert (code, errors) == (0, [])
    for words in (
        "what",
        "guess",
        "because",
        "masks.mask.classes",
        "the values are 0, 255",
        "to be decided",
    ):
        assert words in output
    assert f"unet-mtl check {folder / 'config.yaml'}" in output.replace("\n", "")
    assert yaml_files(folder) == ["config.yaml", "dataset.yaml"]
    code, output, errors = command("check", folder / "config.yaml")
    assert (code, errors) == (0, [])


@pytest.fixture
def wide(folder):
    """The folder with 150 more columns, most of which raise a question."""
    table = (folder / "cases.csv").read_text().splitlines()
    names = [f"label {i}" for i in range(150)]
    cells = [",".join(f"w{row}-{i}" for i in range(150)) for row in range(12)]
    rows = [f"{line},{more}" for line, more in zip(table, [",".join(names), *cells], strict=True)]
    (folder / "cases.csv").write_text("\n".join(rows))
    return folder


@pytest.mark.parametrize("height", [12, 24, 40, 73])
@pytest.mark.parametrize("which", ["folder", "wide"])
def test_the_report_fits_on_the_screen(command, request, monkeypatch, height, which):
    monkeypatch.setenv("LINES", str(height))
    source = request.getfixturevalue(which)
    code, output, _ = command("init", source)
    assert code == 0
    assert len(output.splitlines()) < max(height, 14)
    if which == "wide":
        assert re.search(r"\d+ more guess(es)? and \d+ more questions in the two files; --full", output)
        assert "label 149" in (source / "dataset.yaml").read_text()
    if height >= 24:
        assert "masks.mask.classes" in output
        assert "tasks.mask" in output


def test_the_whole_report_is_printed_where_it_is_asked_for(command, wide, monkeypatch):
    monkeypatch.setenv("LINES", "24")
    _, output, _ = command("init", wide, "--full")
    assert "columns.label 149" in output
    assert "label 149 is named like a target" in " ".join(output.split())
    assert "more question" not in output


def test_files_go_elsewhere(command, folder, tmp_path):
    before = sorted(folder.rglob("*"))
    code, _, _ = command("init", folder, "--out", tmp_path / "a" / "b")
    assert code == 0
    assert sorted(folder.rglob("*")) == before
    assert len(read_dataset(tmp_path / "a" / "b")) == 12
    assert load_config(tmp_path / "a" / "b" / "config.yaml").data.root == folder.resolve()


def test_a_folder_named_from_inside_it(command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert command("init", ".")[0] == 0
    assert "root:" not in (folder / "dataset.yaml").read_text()


@pytest.mark.parametrize("name", ["dataset.yaml", "config.yaml"])
def test_files_that_are_there_are_not_replaced(command, folder, name):
    (folder / name).write_text("mine: 1\n")
    code, _, errors = command("init", folder)
    assert code == 1
    assert len(errors) == 1
    assert re.search(r"already there; set (`overwrite`|--overwrite) to replace", errors[0])
    assert yaml_files(folder) == [name]
    assert (folder / name).read_text() == "mine: 1\n"
    assert command("init", folder, "--overwrite")[0] == 0
    assert yaml_files(folder) == ["config.yaml", "dataset.yaml"]
    assert "mine" not in (folder / name).read_text()


def absent(folder):
    return folder / "nowhere", "nowhere: no such folder"


def a_file(folder):
    return folder / "cases.csv", "cases.csv: this is a file, not a folder"


def empty(folder):
    (folder / "new").mkdir()
    return folder / "new", "no image in this folder"


def no_image(folder):
    shutil.rmtree(folder / "images")
    shutil.rmtree(folder / "masks")
    return folder, "no image in this folder"


def unreadable_table(folder):
    (folder / "cases.csv").write_bytes(b"\xff\xfe\x00case\n")
    return folder, "cases.csv"


@pytest.mark.parametrize("break_it", [absent, a_file, empty, no_image, unreadable_table])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_cannot_be_drafted_is_one_clear_error(command, folder, tmp_path, break_it, elsewhere):
    source, words = break_it(folder)
    options = ["--out", tmp_path / "out"] if elsewhere else []
    code, _, errors = command("init", source, *options)
    assert code == 1
    assert words in errors[0]
    assert errors[0].startswith("error: ")
    assert not yaml_files(tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_neither_file(command, folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, _, errors = command("init", folder, "--out", tmp_path / "file" / "out")
    assert code == 1
    assert "cannot write" in errors[0]
    (folder / "config.yaml").mkdir()
    code, _, errors = command("init", folder, "--overwrite")
    assert code == 1
    assert "a folder of this name exists" in errors[0]
    assert not (folder / "dataset.yaml").exists()


def test_names_cannot_write_lines_of_their_own(command, folder):
    for part in ("images", "masks"):
        (folder / part / "c0.png").rename(folder / part / "c0\nroot: x.png")
    assert command("init", folder)[0] == 0
    assert "\nroot" not in (folder / "dataset.yaml").read_text()


def test_the_sample_data(command, tmp_path):
    code, _, _ = command("init", PHANTOM, "--out", tmp_path)
    assert code == 0
    drafted, written = read_dataset(tmp_path), read_dataset(PHANTOM)
    assert [record.image for record in drafted] == [record.image for record in written]
    assert [record.patient for record in drafted] == [record.patient for record in written]
    assert [record.split for record in drafted] == [record.split for record in written]
    assert [record.spacing_mm for record in drafted] == [record.spacing_mm for record in written]
    assert [record.labels["diagnosis"] for record in drafted if "diagnosis" in record.labels]


TASKS = {
    "dsb2018": ["mask", "modality", "nucleus_count", "median_diameter_px"],
    "busbra": ["mask", "Pathology"],
    "hc18": ["mask", "head_circumference_mm"],
    "breast_usg": ["tumor", "Classification"],
}
DOUBTS = {
    "dsb2018": [
        "classes of mask 'mask' have no names yet",
        "Mask instances is a comment",
        "each case counts as a patient of its own",
        "The pixel spacing is unknown",
    ],
    "busbra": ["The pixel spacing is unknown", "Tasks for BIRADS, Device, Side are comments"],
    "hc18": [],
    "breast_usg": [
        "tumor, other are treated as separate masks",
        "is guessed as cm",
        "each case counts as a patient of its own",
        "normal (3)",
    ],
}


@pytest.mark.parametrize("name", TASKS)
def test_real_data(command, name, tmp_path):
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not here: real data are not part of the project")
    code, output, errors = command("init", SHARED / name, "--out", tmp_path, "--full")
    assert (code, errors) == (0, [])
    text = " ".join(output.split())
    assert [words for words in DOUBTS[name] if words not in text] == []
    config = load_config(tmp_path / "config.yaml")
    recipe = load_config(ROOT / "benchmarks" / "recipes" / f"{name}.yaml").data
    assert [task.target_name for task in config.tasks] == TASKS[name]
    drafted, written = read_dataset(config.data), read_dataset(recipe)
    first = config.tasks[0].target_name
    (mask,) = recipe.masks
    for record, other in zip(drafted, written, strict=True):
        assert (record.image, record.patient, record.spacing_mm, record.split) == (
            other.image,
            other.patient,
            other.spacing_mm,
            other.split,
        )
        assert record.masks.get(first) == other.masks.get(mask)
        # the recipe of HC18 reads the spacing as a column as well
        labels = {key: label for key, label in other.labels.items() if key != "pixel_size_mm"}
        assert {key: record.labels.get(key) for key in labels} == labels
    assert len(config.data.masks[first].classes) == len(recipe.masks[mask].classes)
    assert config.data.masks[first].values == recipe.masks[mask].values
    for key, column in recipe.columns.items():
        if key == "pixel_size_mm":
            continue
        assert config.data.columns[key].classes == column.classes
    assert config.split.fold_column == ("kFold" if name == "busbra" else None)


def test_it_proposes_a_pretrained_encoder_if_weights_are_here(command, folder, tmp_path, monkeypatch):
    from unet_mtl.nn.encoders.efficientnet_v2 import V2_B0
    from unet_mtl.nn.weights import cache

    monkeypatch.setenv("UNET_MTL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "find_spec", lambda package: None)
    command("init", folder)
    assert load_config(folder / "config.yaml").network.encoder == "plain"
    file = cache.cached_path(V2_B0.pretrained)
    file.parent.mkdir(parents=True)
    file.touch()
    command("init", folder, "--overwrite")
    network = load_config(folder / "config.yaml").network
    assert (network.encoder, network.weights) == ("efficientnetv2_b0", "imagenet")
    code, _, errors = command("check", folder / "config.yaml")
    assert (code, errors) == (0, [])
