"""unet-mtl import and unet-mtl to-nnunet, on an app of their own."""

import json
import subprocess
import sys

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from unet_mtl.cli import import_
from unet_mtl.data.records import read_dataset


@pytest.fixture
def call():
    app = typer.Typer()
    app.command("import")(import_.import_data)
    app.command("to-nnunet")(import_.to_nnunet)
    return lambda *words: CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def coco(tmp_path):
    folder = tmp_path / "set"
    (folder / "pictures").mkdir(parents=True)
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "pictures" / "a.png")
    rings = [[0, 0, 5, 0, 5, 5, 0, 5], [1, 1, 2, 1, 2, 2, 1, 2]]
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": rings}],
        "categories": [{"id": 1, "name": "cyst"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def test_there_and_back(call, coco, tmp_path):
    words = ("import", "coco", coco / "annotations.json", tmp_path / "ours")
    done = call(*words, "--images", coco / "pictures", "--target", "lesion", "--fill-holes")
    assert done.exit_code == 0, done.output
    assert "1 case, 1 with mask 'lesion'" in done.output
    assert "note: 1 outline inside another" in done.output
    assert list(read_dataset(tmp_path / "ours").description.masks) == ["lesion"]
    done = call("to-nnunet", tmp_path / "ours", tmp_path / "raw", "--name", "cysts")
    assert "1 training and 0 test cases" in done.output
    done = call("import", "nnunet", tmp_path / "raw" / "Dataset501_cysts", tmp_path / "again")
    assert done.exit_code == 0
    assert "1 with mask 'mask'" in done.output


def test_images_elsewhere_are_asked_for(call, coco, tmp_path):
    done = call("import", "coco", coco / "annotations.json", tmp_path / "ours")
    assert f"'a.png' is not in {coco}; say where the images are, --images FOLDER" in str(done.exception)


@pytest.mark.parametrize("words", [("label-studio", "--fill-holes"), ("nnunet", "--images", ".")])
def test_options_of_another_kind_are_wrong_usage(call, tmp_path, words):
    assert call("import", words[0], tmp_path, tmp_path / "out", *words[1:]).exit_code == 2


def test_neither_tensorflow_nor_matplotlib_is_loaded():
    code = "import sys, unet_mtl.prepare.exchange; print({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
