"""unet-mtl import and unet-mtl to-nnunet, and the functions behind them."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import unet_mtl as um
from unet_mtl.cli import app
from unet_mtl.data.records import read_dataset


@pytest.fixture
def call():
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


def test_the_folder_of_images_is_requested(call, coco, tmp_path):
    done = call("import", "coco", coco / "annotations.json", tmp_path / "ours")
    assert done.exit_code == 1
    pictures = coco / "pictures"
    assert f"'a.png' is not in {coco}; it is in {pictures}, so give --images {pictures}" in done.stderr
    pictures.rename(tmp_path.parent / f"{tmp_path.name}_elsewhere")
    done = call("import", "coco", coco / "annotations.json", tmp_path / "ours")
    assert f"'a.png' is not in {coco}; give the folder of the images, --images FOLDER" in done.stderr


def test_a_wrong_folder_of_images_is_not_answered_with_give_a_folder(call, coco, tmp_path):
    (tmp_path / "other").mkdir()
    words = ("import", "coco", coco / "annotations.json", tmp_path / "ours", "--images", tmp_path / "other")
    done = call(*words)
    assert done.exit_code == 1
    pictures = coco / "pictures"
    expected = f"is not in {tmp_path / 'other'}; it is in {pictures}, so give --images {pictures}"
    assert f"'a.png' {expected}" in done.stderr
    pictures.rename(tmp_path.parent / f"{tmp_path.name}_elsewhere")
    done = call(*words)
    assert "--images must be the folder that the names in annotations.json are relative to" in done.stderr
    assert "give the folder" not in done.stderr


def test_the_functions_behind_the_commands(coco, tmp_path):
    """The same round trip in Python, with paths as text."""
    images = str(coco / "pictures")
    imported = um.import_coco(
        str(coco / "annotations.json"), str(tmp_path / "ours"), images=images, nested="part", crowd="ignore"
    )
    assert (imported.cases, imported.masks) == (1, {"mask": 1})
    assert imported.notes == ["1 outline inside another of their annotation, read as parts"]
    exported = um.to_nnunet(um.read_dataset(tmp_path / "ours"), str(tmp_path / "raw"), number=7, name="cysts")
    assert (exported.folder, exported.training) == (tmp_path / "raw" / "Dataset007_cysts", 1)
    again = um.import_nnunet(str(exported.folder), str(tmp_path / "again"), target="cyst")
    assert again.masks == {"cyst": 1}
    masks = [tmp_path / "ours" / "masks" / "mask" / "a.png", tmp_path / "again" / "masks" / "cyst" / "a.png"]
    assert np.asarray(Image.open(masks[0])).all()
    assert np.array_equal(*(np.asarray(Image.open(mask)) for mask in masks))


def test_label_studio_as_a_function(coco, tmp_path):
    result = {"from_name": "finding", "type": "choices", "value": {"choices": ["cyst"]}}
    tasks = [{"id": 1, "data": {"image": "a.png"}, "annotations": [{"id": 1, "result": [result]}]}]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    imported = um.import_label_studio(
        str(tmp_path / "export.json"), str(tmp_path / "ours"), images=str(coco / "pictures")
    )
    assert (imported.cases, imported.masks) == (1, {})
    assert "finding\na,a.png,cyst\n" in (tmp_path / "ours" / "cases.csv").read_text()


def test_labelme_and_via(call, coco, tmp_path):
    points = [[0, 0], [2, 0], [2, 2]]
    shape = {"label": "cyst", "points": points, "shape_type": "polygon"}
    labelme = {"imagePath": "a.png", "shapes": [shape]}
    (coco / "pictures" / "a.json").write_text(json.dumps(labelme))
    done = call("import", "labelme", coco / "pictures", tmp_path / "one", "--target", "lesion")
    assert done.exit_code == 0, done.output
    assert "1 case, 1 with mask 'lesion'" in done.output
    drawn = {"name": "rect", "x": 0, "y": 0, "width": 2, "height": 2}
    region = {"shape_attributes": drawn, "region_attributes": {"kind": "cyst", "other": "x"}}
    via = {"a.png-1": {"filename": "a.png", "size": -1, "regions": [region], "file_attributes": {}}}
    (coco / "via.json").write_text(json.dumps(via))
    words = ("import", "via", coco / "via.json", tmp_path / "two", "--images", coco / "pictures")
    assert "--attribute NAME" in call(*words).stderr
    done = call(*words, "--attribute", "kind", "--empty")
    assert done.exit_code == 0, done.output
    assert um.read_dataset(tmp_path / "two").description.masks["mask"].classes == ("background", "cyst")


@pytest.mark.parametrize(
    "words",
    [
        ("label-studio", "--fill-holes"),
        ("nnunet", "--images", "."),
        ("coco", "--empty"),
        ("labelme", "--attribute", "x"),
    ],
)
def test_options_of_another_kind_are_wrong_usage(call, tmp_path, words):
    assert call("import", words[0], tmp_path, tmp_path / "out", *words[1:]).exit_code == 2
