"""Malicious data sets are refused with a clear message, without using much memory or disk and without running code."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.config import load_config
from unet_mtl.data import inspection
from unet_mtl.data.description import read_description
from unet_mtl.data.records import read_dataset
from unet_mtl.data.split_files import read_split, write_split
from unet_mtl.data.tables import read_table
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.evaluation.summary import Evaluation, write_tables
from unet_mtl.inference.case_result import CaseResult
from unet_mtl.inference.files import write_predictions
from unet_mtl.runs import RunFolder, describe_environment

from .conftest import check_folder
from .faults_files import (
    folder_of_images_by_a_link,
    image_by_a_link_that_leaves,
    mask_by_a_link_that_leaves,
    path_from_the_root,
    path_with_dots,
)
from .faults_images import ONE as BROKEN
from .faults_images import decompression_bomb, header_of_60000_pixels
from .good import CASES, change_table, copy_good, image_path, mask_path

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def folder(good, tmp_path):
    return copy_good(good, tmp_path / "broken")


CHILD = """
import resource, sys, time
from pathlib import Path
from unet_mtl import api
from unet_mtl.config import load_config
import numpy, cv2, pandas, scipy.ndimage
settings = load_config(Path(sys.argv[1]) / "config.yaml", [])
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
room = held + 192 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
for line in api.check(settings.data, settings.tasks, settings.split).problems:
    print(line)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc, as Linux has them")
@pytest.mark.parametrize("apply", [decompression_bomb, header_of_60000_pixels])
def test_a_set_with_a_bomb_is_checked_in_little_memory(apply, folder):
    apply(folder)
    mask_path(folder, CASES[0]).write_bytes(image_path(folder, BROKEN).read_bytes())
    before = sorted(folder.rglob("*"))
    command = [sys.executable, "-c", CHILD, str(folder)]
    # Otherwise each new thread reserves 128 MiB of addresses for its own allocations.
    environment = os.environ | {"MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    image, mask = sorted(done.stdout.splitlines())
    assert f"images/{BROKEN}.png: " in image
    assert f"masks/{CASES[0]}.png: " in mask
    for line in (image, mask):
        assert "a decompression bomb; at most 268435456 pixels" in line
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "apply",
    [
        folder_of_images_by_a_link,
        image_by_a_link_that_leaves,
        mask_by_a_link_that_leaves,
        path_from_the_root,
        path_with_dots,
    ],
)
def test_no_file_outside_is_opened(apply, folder, monkeypatch):
    apply(folder)
    opened = []
    for name in ("read_case_image", "read_mask_files"):
        read = getattr(inspection, name)

        def reading(first, *rest, read=read):
            files = [first] if not hasattr(first, "masks") else [f.path for f in first.masks["mask"]]
            opened.extend(path.resolve() for path in files)
            return read(first, *rest)

        monkeypatch.setattr(inspection, name, reading)
    checkup = check_folder(folder)
    assert any(finding.name == "path-outside" for finding in checkup.findings)
    assert opened or apply is folder_of_images_by_a_link
    assert all(path.is_relative_to(folder.resolve()) for path in opened)
    cure = next(f for f in checkup.findings if f.name == "path-outside").observations[0].text
    assert "leads out of `root`; move the file there, or allow it with `links: true`" in cure
    with pytest.raises(DataError, match="leads out of `root`"):
        read_dataset(folder)


OBJECTS = [
    "title: !!python/object/apply:os.system ['touch {mark}']",
    "title: !!python/object/new:os.system ['touch {mark}']",
    "title: !!python/name:os.system",
    "? !!python/object/apply:subprocess.check_output [['touch', '{mark}']]\n: x",
    "title: !!python/module:os",
]


@pytest.mark.parametrize("text", OBJECTS)
@pytest.mark.parametrize("name", ["dataset.yaml", "config.yaml"])
def test_yaml_that_makes_objects_is_refused(text, name, folder):
    mark = folder / "was_here"
    with (folder / name).open("a") as stream:
        stream.write(text.format(mark=mark) + "\n")
    with pytest.raises((DataError, ConfigError), match=rf"{name}: not valid YAML: .*python/"):
        read_description(folder) if name == "dataset.yaml" else load_config(folder / name, [])
    assert not mark.exists()


def test_yaml_that_grows_is_refused_in_little_memory(folder):
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with (folder / "dataset.yaml").open("a") as stream:
        stream.write("\n".join(lines) + "\n")
    command = [sys.executable, "-c", GROWS, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "dataset.yaml" in done.stdout
    assert len(done.stdout) < 20_000


GROWS = """
import resource, sys
from pathlib import Path
from unet_mtl.data.description import read_description
from unet_mtl.errors import DataError
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
try:
    read_description(Path(sys.argv[1]))
except DataError as error:
    print(error)
"""


def named_by_a_formula(folder):
    """Rename one case and its files to a formula, and return the data set."""
    for path in (image_path, mask_path):
        path(folder, CASES[0]).rename(path(folder, "=1+1"))
    change_table(folder, lambda table: table.replace({"case": {CASES[0]: "=1+1"}}))
    return read_dataset(folder)


def test_a_split_has_no_formula_and_reads_back(folder):
    dataset = named_by_a_formula(folder)
    names = [record.case for record in dataset]
    table = pd.DataFrame({"case": names, "patient": names, "split": "train"})
    write_split(folder / "splits.csv", table, dataset, {})
    assert "\n'=1+1,'=1+1,train\n" in (folder / "splits.csv").read_text()
    pd.testing.assert_frame_equal(read_split(folder / "splits.csv", dataset), table, check_dtype=False)
    # the same without the apostrophe, which a spreadsheet removes
    (folder / "splits.csv").write_text((folder / "splits.csv").read_text().replace("'=", "="))
    assert list(read_split(folder / "splits.csv", dataset)["case"]) == names


def test_the_splits_of_a_run_have_no_formula_and_read_back(tmp_path):
    config = load_config(Path(__file__).parents[3] / "data_samples/phantom/config.yaml")
    splits = pd.DataFrame({"case": [FORMULA, "b"], "patient": ["@p", "-1"], "split": ["train", "val"]})
    run = RunFolder(tmp_path / "run")
    run.create(
        config=config,
        tasks=[],
        inputs=Inputs(),
        splits=splits,
        environment=describe_environment(
            seed=1, precision="float32", data_hash="0", data_commit=None, labels={}
        ),
    )
    text = (tmp_path / "run" / "splits.csv").read_text()
    assert text == f"case,patient,split\n'{FORMULA},'@p,train\nb,-1,val\n"
    pd.testing.assert_frame_equal(run.read_splits(), splits, check_dtype=False)


def test_the_cases_of_an_evaluation_have_no_formula(tmp_path):
    scores = pd.DataFrame(columns=["n", "n_undefined", "n_missed", "n_hallucinated"])
    cases = pd.DataFrame({"case": ["=1+1", "b"], "patient": ["p", "q"], "zone_dice": [-0.5, np.nan]})
    write_tables(tmp_path, Evaluation(scores=scores, cases=cases, facts={}), {})
    assert (tmp_path / "cases.csv").read_text() == "case,patient,zone_dice\n'=1+1,p,-0.5\nb,q,\n"


def test_predictions_have_no_formula(tmp_path):
    class Stub:
        inputs = Inputs()
        rules = ()

        def predict(self, cases):
            return (CaseResult(case, DataError("@nothing")) for case in cases)

    path = tmp_path / "=1+1.png"
    table = write_predictions(Stub(), {path.relative_to(tmp_path): "=1+1"}, tmp_path / "out")
    written = read_table(tmp_path / "out" / "predictions.csv")
    assert written.to_numpy().tolist() == [["'=1+1.png", "'@nothing"]]
    assert table.to_numpy().tolist() == [["=1+1.png", "@nothing"]]


def test_the_tag_that_is_refused_would_run():
    """The tag that the other tests refuse would run code in an unsafe reader."""
    assert yaml.unsafe_load("!!python/object/apply:len [[1, 2]]") == 2
