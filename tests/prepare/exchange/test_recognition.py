"""JSON files of annotations are recognised by their content."""

import doctest
import json

import pytest

from unet_mtl.prepare.exchange import recognition, sources
from unet_mtl.prepare.exchange.recognition import FORMATS, find_annotations, find_format

REGION = {"shape_attributes": {"name": "rect"}, "region_attributes": {}}
ENTRY = {"filename": "c00.png", "size": 1, "regions": [REGION], "file_attributes": {}}
CONTENTS = {
    "coco": [{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}], "info": {}}],
    "label-studio": [[{"id": 1, "data": {"image": "c00.png"}, "annotations": []}]],
    "labelme": [{"version": "5.4.1", "shapes": [], "imagePath": "c00.png", "flags": {}}],
    "via": [
        {"c00.png1": ENTRY},
        {"c00.png1": ENTRY | {"regions": {"0": REGION}}},
        {"_via_settings": {}, "_via_img_metadata": {"c00.png1": ENTRY}},
        {"project": {}, "config": {}, "file": {}, "view": {}, "metadata": {}},
    ],
    "nnunet": [{"labels": {"background": 0, "x": 1}, "channel_names": {"0": "grey"}, "file_ending": ".png"}],
}
CASES = [(key, content) for key, contents in CONTENTS.items() for content in contents]
OTHERS = [{}, [], None, 3, "x", [[]], [{}], {"images": []}, {"a": {"filename": 3}}, {"shapes": 3}, {"a": {}}]


def test_each_format_has_an_example():
    assert CONTENTS.keys() == FORMATS.keys()


@pytest.mark.parametrize(("key", "content"), CASES)
def test_each_format_is_recognised(tmp_path, key, content):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content), encoding="utf-8-sig")
    assert find_format(path) == key
    assert [other for other, kind in FORMATS.items() if kind.fits(content)] == [key]


@pytest.mark.parametrize("content", OTHERS)
def test_other_content_is_not_recognised(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    assert find_format(path) == ""


def test_what_cannot_be_read_is_not_recognised(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("{")
    assert find_format(path) == ""
    path.write_text(json.dumps(CONTENTS["coco"][0]))
    assert find_format(path) == "coco"
    monkeypatch.setattr(recognition, "_LARGEST", 10)
    assert find_format(path) == find_format(tmp_path / "absent.json") == ""


def test_of_many_files_a_few_are_opened(tmp_path, monkeypatch):
    for name in (f"{i:02d}.json" for i in range(20)):
        (tmp_path / name).write_text(json.dumps(CONTENTS["labelme"][0]))
    opened = []
    read = recognition.read_json
    monkeypatch.setattr(recognition, "read_json", lambda path: opened.append(path) or read(path))
    assert len(find_annotations(list(tmp_path.iterdir()))["labelme"]) == 20
    assert len(opened) == 5
    (tmp_path / "00.json").write_text("{}")
    assert len(find_annotations(list(tmp_path.iterdir()))["labelme"]) == 4


def test_the_examples_in_docstrings():
    result = doctest.testmod(sources)
    assert result.attempted > 0
    assert result.failed == 0
