"""Files of annotations beside images are named with the command that imports them."""

import json

import pytest

from unet_mtl import api
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange.recognition import FORMATS

CONTENTS = {
    "coco": {"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}]},
    "label-studio": [{"id": 1, "data": {"image": "c00.png"}, "annotations": []}],
    "labelme": {"version": "5.4.1", "shapes": [], "imagePath": "c00.png"},
    "via": {"c00.png1": {"filename": "c00.png", "size": 1, "regions": []}},
    "nnunet": {"labels": {"background": 0, "x": 1}, "channel_names": {"0": "grey"}, "file_ending": ".png"},
}


@pytest.mark.parametrize("key", FORMATS)
def test_init_gives_the_command(make, key):
    folder = make("c{:02d}.png", n=3, **{"ann__json": json.dumps(CONTENTS[key])})
    notes = api.init(folder).notes
    source = folder if FORMATS[key].by_folder else folder / "ann.json"
    line = next(line for line in notes.unsure if "ann.json" in line)
    assert line.startswith(f"ann.json has annotations of {FORMATS[key].name}: ")
    assert f"`unet-mtl import {key} {source} {folder}_imported`" in line
    assert not any(line.startswith("Left aside") for line in notes.unsure)


def test_several_files_and_a_folder_without_images(make, draft):
    via = {name: json.dumps(CONTENTS["via"]) for name in ("a__json", "b__json")}
    folder = make("c{:02d}.png", n=3, **via, c__json="{}")
    notes = draft(folder)[2]
    assert any(line.startswith("2 files (a.json, b.json) have annotations of VIA: ") for line in notes.unsure)
    assert "Left aside: 1 file of type .json (c.json)." in notes.unsure
    for path in folder.glob("*.png"):
        path.unlink()
    with pytest.raises(
        DataError, match=r"no image in this folder .*annotations of VIA: `unet-mtl import via "
    ):
        api.init(folder, overwrite=True)
