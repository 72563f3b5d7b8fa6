"""unet-mtl check prints what a data set contains and one line for each mistake, without TensorFlow."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from unet_mtl.cli.problems import shorten
from unet_mtl.data.records import read_dataset
from unet_mtl.data.splits import SplitSettings, assign_parts

ROOT = Path(__file__).parents[2]
PHANTOM = ROOT / "data_samples" / "phantom"
SHARED = ROOT.parent / "shared" / "data"

CONFIG = """\
data: .
split: {column: ratio}
augment: none
tasks:
  - {kind: segmentation, name: zone}
  - {kind: classification, name: diagnosis}
  - {kind: regression, name: size, target: size_mm}
"""


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    (path / "config.yaml").write_text(CONFIG)
    return path


def change_table(folder: Path, change) -> None:
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    change(table)
    table.to_csv(folder / "cases.csv", index=False)


def change_yaml(path: Path, change) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def rows(output: str, title: str) -> list[list[str]]:
    """Return the cells of the table under a title."""
    lines = output.split(f"\n{title} ")[1].splitlines()
    start = next(i for i, line in enumerate(lines) if "──" in line) + 1
    body = [line for line in lines[start:]]
    end = next(i for i, line in enumerate(body) if not line.strip())
    return [re.split(r"\s{2,}", line.strip()) for line in body[:end]]


def test_a_folder_is_described(command, folder):
    code, output, errors = command("check", folder)
    assert (code, errors) == (0, [])
    assert output.rstrip().splitlines()[-1] == "no errors found; 2 warnings to look at"
    assert output.startswith("data set tiny")
    assert rows(output, "image types") == [["8-bit colour", "12"]]
    assert rows(output, "image sizes") == [["1", "32", "32", "32x32 (12 images)"]]
    table = pd.read_csv(folder / "cases.csv")
    labelled = {name: int(table[name].notna().sum()) for name in ("diagnosis", "size_mm", "side")}
    labelled["zone"] = len(list((folder / "masks").iterdir()))
    assert {row[0]: row[2:4] for row in rows(output, "labels")} == {
        name: [str(n), str(12 - n)] for name, n in labelled.items()
    }
    kinds = {"zone": "mask", "diagnosis": "class", "size_mm": "number", "side": "class"}
    assert {row[0]: row[1] for row in rows(output, "labels")} == kinds
    words = table["diagnosis"].value_counts()
    assert [row for row in rows(output, "classes") if row[0] == "diagnosis"] == [
        ["diagnosis", word, str(words[word])] for word in ("normal", "benign", "malignant")
    ]
    masks = [np.asarray(Image.open(path).copy()) for path in sorted((folder / "masks").iterdir())]
    pixels = {row[1]: (row[2], row[3].replace(",", "")) for row in rows(output, "mask classes")}
    for value, word in ((0, "background"), (1, "core"), (2, "rim"), (255, "not labelled")):
        cases = sum((mask == value).any() for mask in masks)
        assert pixels[word] == (str(cases), str(sum((mask == value).sum() for mask in masks)))
    sides = ("train", "val", "test")
    expected = [["cases", "5", "3", "4"], ["patients", "5", "3", "4"]]
    table["zone"] = [(folder / "masks" / f"{case}.png").is_file() or None for case in table["case"]]
    for name in ("zone", "diagnosis", "size_mm", "side"):
        counts = table[name].notna().groupby(table["split"]).sum()
        expected.append([f"with {'mask ' * (name == 'zone')}{name}", *(str(counts[side]) for side in sides)])
    assert sorted(rows(output, "splits")) == sorted(expected)


@pytest.mark.parametrize("source", ["config.yaml", "dataset.yaml", "."])
def test_config_description_and_folder_are_all_taken(command, folder, source):
    code, output, errors = command("check", folder / source)
    assert (code, errors) == (0, [])
    assert "no errors found; 2 warnings to look at" in output


def test_no_line_is_wider_than_the_screen(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, output, _ = command("check", PHANTOM / "config.yaml")
    assert max(map(len, output.splitlines())) <= 80
    assert "SYNTHETIC" in output


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["dsb2018"])
def test_recipe_on_real_data(command, monkeypatch, recipe):
    monkeypatch.setenv("COLUMNS", "80")
    if not (SHARED / recipe).is_dir():
        pytest.skip(f"{SHARED / recipe} is not here: real data are not part of the project")
    code, output, errors = command("check", ROOT / "benchmarks" / "recipes" / f"{recipe}.yaml")
    assert (code, errors) == (0, [])
    assert max(map(len, output.splitlines())) <= 80
    assert rows(output, "splits")[0] == ["cases", "399", "67", "99"]


def no_folder(folder):
    return folder.parent / "nowhere"


def no_column(folder):
    change_table(folder, lambda table: table.pop("size_mm"))


def no_image(folder):
    (folder / "images" / "case_03.png").unlink()


def no_required_mask(folder):
    change_yaml(folder / "dataset.yaml", lambda content: content["masks"]["zone"].update(required=True))


def mask_of_another_size(folder):
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(folder / "masks" / "case_00.png")


def mask_value_outside(folder):
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(folder / "masks" / "case_00.png")


def truncated_image(folder):
    path = folder / "images" / "case_05.png"
    path.write_bytes(path.read_bytes()[:500])


def truncated_mask(folder):
    path = folder / "masks" / "case_05.png"
    path.write_bytes(path.read_bytes()[:40])


def empty_table(folder):
    path = folder / "cases.csv"
    path.write_text(path.read_text().splitlines()[0] + "\n")


def undeclared_class(folder):
    change_table(
        folder, lambda table: table.__setitem__("diagnosis", table["diagnosis"].replace("benign", "odd"))
    )


def no_label_in_train(folder):
    change_table(folder, lambda table: table.loc.__setitem__((table["split"] == "train", "size_mm"), ""))
    change_yaml(folder / "config.yaml", lambda content: content.pop("split"))


def no_validation(folder):
    change_table(folder, lambda table: table.__setitem__("split", "train"))
    change_yaml(folder / "config.yaml", lambda content: content.pop("split"))


def no_such_target(folder):
    change_yaml(folder / "config.yaml", lambda content: content["tasks"][2].update(target="weight_kg"))


def wrong_mask_pattern(folder):
    change_yaml(
        folder / "dataset.yaml", lambda content: content["masks"]["zone"].update(path="mask/{case}.png")
    )


MISTAKES = [
    (no_folder, ["nowhere: cannot be read (No such file or directory)"]),
    (no_column, ["cases.csv: no column 'size_mm'; it has 'case', 'patient'"]),
    (no_image, ["case 'case_03': no image at .*images/case_03.png"]),
    (no_required_mask, [f"case 'case_{i:02d}': no mask 'zone' at .*, which the" for i in (2, 6, 11)]),
    (mask_of_another_size, ["case_00.png: the mask is 16x32 pixels, but its image 'case_00.png' is 32x32"]),
    (mask_value_outside, ["case_00.png: mask value 7 is outside the classes of 'zone' .*`masks.zone.values"]),
    (truncated_image, ["case_05.png: not a readable image .*export it again"]),
    (truncated_mask, ["masks/case_05.png: not a readable image"]),
    (empty_table, ["cases.csv: the table has no rows; expected one row for each case"]),
    (undeclared_class, ["diagnosis is 'odd', which is not among its classes"] * 3),
    (no_label_in_train, ["task 'size': none of the 5 train cases has a 'size_mm'"]),
    (no_validation, ["no val cases among 12; mark some in the split column"]),
    (no_such_target, ["task 'size': the data set describes no column 'weight_kg'; it has 'diagnosis'"]),
    (
        wrong_mask_pattern,
        [
            "no case has a mask 'zone': no file matches `path: mask/{case}.png`",
            "none of the . train cases has a mask",
        ],
    ),
]


@pytest.mark.parametrize(("break_it", "messages"), MISTAKES, ids=lambda value: getattr(value, "__name__", ""))
def test_each_mistake_is_one_clear_line(command, folder, break_it, messages):
    source = break_it(folder) or folder / "config.yaml"
    code, output, errors = command("check", source)
    assert code == 1
    lines = [line for line in errors if line.startswith("error: ")]
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert re.search(re.sub(r"[(){}]", r"\\\g<0>", message), line), line
    assert "no errors" not in output
    assert errors[len(lines) :] in (
        [],
        [f"{len(lines)} problem{'s' if len(lines) > 1 else ''}; training would not start"],
    )


def test_all_mistakes_come_at_once(command, folder):
    for break_it in (
        no_image,
        no_required_mask,
        mask_of_another_size,
        truncated_image,
        undeclared_class,
        no_validation,
        no_such_target,
    ):
        break_it(folder)
    code, output, errors = command("check", folder / "config.yaml")
    assert code == 1
    assert errors[-1] == "11 problems; training would not start"
    text = "\n".join(errors)
    for words in (
        "no image at",
        "no mask 'zone'",
        "16x32",
        "not a readable",
        "'odd'",
        "no val cases",
        "weight_kg",
    ):
        assert words in text
    # The readable cases are shown nevertheless.
    assert rows(output, "splits")[0] == ["cases", "12", "0", "0"]


def test_all_errors_of_a_config_are_reported(command, folder):
    (folder / "config.yaml").write_text("data: gone\ntasks: []\nsed: 1\n")
    code, _, errors = command("check", folder / "config.yaml")
    assert code == 1
    assert len(errors) == 3
    assert all(line.startswith("error: ") for line in errors)


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", ".", "training.epochs=2"], ["chek"], ["check", "--fast", "a"]]
)
def test_wrong_usage_exits_with_2(command, arguments):
    code, _, errors = command(*arguments)
    assert code == 2
    assert errors


def test_many_problems_of_a_kind_are_cut_but_not_the_others():
    masks = [f"/a b/m{i}.png: mask value {i} is outside" for i in range(500)]
    cases = [f"case 'c{i}': no image at /x/c{i}.png" for i in range(11)]
    kept = shorten([*masks, *cases, "no val cases among 3"])
    assert kept == [
        *masks[:10],
        f"and 490 more like: {masks[0]}",
        *cases[:10],
        f"and 1 more like: {cases[0]}",
        "no val cases among 3",
    ]
    assert shorten(masks[:10]) == masks[:10]


LOADED = """
import json, sys
import unet_mtl.balancing, unet_mtl.config, unet_mtl.prepare.exchange
from unet_mtl.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["unet-mtl", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (words, end.code)
    heavy = {"tensorflow", "keras", "matplotlib", "albumentations"} & set(sys.modules)
    print("HEAVY", json.dumps(sorted(heavy)))
"""


def test_tensorflow_keras_and_matplotlib_stay_unloaded(write_data, tmp_path):
    """One process imports all modules and runs all commands that work without them, to save time."""
    tiny, bare = tmp_path / "tiny", tmp_path / "bare"
    write_data(tiny)
    shutil.copytree(tiny / "images", bare / "images")
    for name in ("truth", "predicted"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / name / "a.png")
    commands = [
        ["--help"],
        ["init", bare],
        ["check", PHANTOM],
        ["check", tiny, "--html", tmp_path / "page.html"],
        ["split", tiny, "--out", tmp_path / "splits.csv", "--folds", "4"],
        ["score", tmp_path / "truth", tmp_path / "predicted"],
        # The augmentation steps of a config can be checked with albumentations only.
        ["check", PHANTOM / "config.yaml"],
    ]
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", LOADED, words],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "80"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heavy = [line.removeprefix("HEAVY ") for line in done.stdout.splitlines() if line.startswith("HEAVY ")]
    assert [json.loads(found) for found in heavy] == [[]] * 6 + [["albumentations"]]


def test_import_of_the_package_loads_nothing_heavy():
    heavy = {"tensorflow", "keras", "matplotlib", "pandas", "numpy"}
    code = f"import sys, unet_mtl; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_copies_of_an_image_are_listed_with_their_parts(command, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(PHANTOM, folder)
    parts = assign_parts(read_dataset(folder), SplitSettings())
    sides = {record.case: name for name, part in parts.items() for record in part}
    first = next(case for case in sides if sides[case] == "train")
    same = next(case for case in sides if sides[case] == "test")
    turned = next(case for case in sides if sides[case] == "val")
    image = Image.open(folder / "images" / f"{first}.png")
    image.save(folder / "images" / f"{same}.png")
    image.transpose(Image.Transpose.ROTATE_90).save(folder / "images" / f"{turned}.png")
    (folder / "apart.yaml").write_text(
        "data: .\nsplit: {near_duplicates: anywhere}\ntasks: [{kind: segmentation, name: mask}]\n"
    )
    code, output, errors = command("check", folder / "apart.yaml")
    rows = [line.split() for line in output.partition("images that look alike")[2].splitlines()]
    identical = next(row for row in rows if "identical" in row)
    near = next(row for row in rows if "near" in row)
    assert {first, same} == {word.strip(",") for word in identical[:2]}
    assert set(identical[-3:]) == {"train", "and", "test"}
    assert {first, same, turned} == {word.strip(",") for word in near[:3]}
    assert code == 1
    line = f"error: images of cases {first!r}, {same!r} are identical and are in different parts"
    assert any(error.startswith(line) for error in errors)
    assert "look alike" not in command("check", PHANTOM)[1]


def test_copies_of_an_image_are_kept_in_one_part(command, tmp_path):
    folder = tmp_path / "set"
    shutil.copytree(PHANTOM, folder)
    parts = assign_parts(read_dataset(folder), SplitSettings())
    first, other = parts["train"].records[0].case, parts["test"].records[0].case
    shutil.copyfile(folder / "images" / f"{first}.png", folder / "images" / f"{other}.png")
    code, output, _ = command("check", folder)
    assert code == 0
    rows = [line.split() for line in output.partition("images that look alike")[2].splitlines()]
    identical = next(row for row in rows if "identical" in row)
    assert {first, other} == {word.strip(",") for word in identical[:2]}
    assert "and" not in identical[3:]
    code, _, errors = command("split", folder, "--out", tmp_path / "split.csv")
    assert code == 0, errors
    table = pd.read_csv(tmp_path / "split.csv", dtype=str).set_index("case")
    assert table.loc[first, "split"] == table.loc[other, "split"]


def test_images_of_many_channels_are_checked(command, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    rng = np.random.default_rng(0)
    for case in "abcdef":
        pixels = rng.integers(0, 256, (9, 8, 5), np.uint8)
        # without the planar configuration, tifffile makes nine pages of it
        tifffile.imwrite(tmp_path / f"{case}.tif", pixels, photometric="minisblack", planarconfig="contig")
    (tmp_path / "dataset.yaml").write_text("images: '{case}.tif'")
    code, output, errors = command("check", tmp_path)
    assert (code, errors) == (0, [])
    assert "8-bit of 5 channels" in output
