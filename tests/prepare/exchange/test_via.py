"""Import of VIA: shapes, classes, attributes of files, versions, and files that are refused."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

import unet_mtl as um
from unet_mtl.errors import DataError

SIZE = (12, 16)


def region(name="polygon", attributes=None, **numbers):
    return {"shape_attributes": {"name": name} | numbers, "region_attributes": attributes or {}}


SQUARE = {"all_points_x": [1, 5, 5, 1], "all_points_y": [1, 1, 4, 4]}
"""Four columns and three rows of pixels."""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes images and a project with their regions by file name."""

    def save(regions, *, files=None, project=True, size=-1, image=True):
        folder = tmp_path / "set"
        (folder / "images").mkdir(parents=True, exist_ok=True)
        entries = {}
        for index, (name, found) in enumerate(regions.items()):
            if image:
                noise = np.random.default_rng(index).integers(0, 256, SIZE, dtype=np.uint8)
                Image.fromarray(noise).save(folder / "images" / name.rpartition("/")[2])
            attributes = (files or {}).get(name, {})
            entries[f"{name}{size}"] = {
                "filename": name,
                "size": size,
                "regions": found,
                "file_attributes": attributes,
            }
        content = {"_via_settings": {}, "_via_img_metadata": entries} if project else entries
        (folder / "via.json").write_text(json.dumps(content))
        return folder / "via.json"

    return save


@pytest.fixture
def masks(import_masks):
    return partial(import_masks, um.import_via)


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize("version", [1, 2])
def test_polygons_by_class(write, masks, project, version):
    found = [
        region(attributes={"kind": "tumour"}, **SQUARE),
        region("rect", {"kind": "cyst"}, x=3, y=1, width=2, height=3),
    ]
    regions = found if version == 2 else {str(i): one for i, one in enumerate(found)}
    found, dataset, imported = masks(write({"a.png": regions}, project=project))
    assert dataset.description.masks["mask"].classes == ("background", "cyst", "tumour")
    expected = np.zeros(SIZE, np.uint8)
    expected[1:4, 1:3], expected[1:4, 3:5] = 2, 1
    assert np.array_equal(found["a"], expected)
    assert imported.notes == ["6 pixels of two classes, given to the later annotation"]


def test_each_shape_with_an_area(write, masks):
    regions = {
        "circle.png": [region("circle", cx=8, cy=6, r=3)],
        "ellipse.png": [region("ellipse", cx=8, cy=6, rx=5, ry=2, theta=0)],
        "turned.png": [region("ellipse", cx=8, cy=6, rx=5, ry=2, theta=np.pi / 2)],
        "points.png": [region("point", cx=1, cy=1), region("polyline", **SQUARE), region(**SQUARE)],
    }
    found, dataset, imported = masks(write(regions))
    assert dataset.description.masks["mask"].classes == ("background", "object")
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    assert np.array_equal(found["circle"], np.hypot(rows - 6, columns - 8) <= 3)
    assert np.array_equal(found["ellipse"], ((columns - 8) / 5) ** 2 + ((rows - 6) / 2) ** 2 <= 1)
    assert np.array_equal(found["turned"], ((columns - 8) / 2) ** 2 + ((rows - 6) / 5) ** 2 <= 1)
    assert found["points"].sum() == 12
    assert sum("left out" in note for note in imported.notes) == 2


@pytest.mark.parametrize("empty", [True, False])
def test_images_without_regions(write, masks, empty):
    found, _, imported = masks(write({"a.png": [region(**SQUARE)], "b.png": []}), empty=empty)
    assert found["b"] is None if not empty else not found["b"].any()
    kind = "an empty mask" if empty else "no mask"
    assert f"1 image without regions, imported with {kind}" in imported.notes


def test_the_attribute_that_names_the_class_is_chosen(write, masks):
    attributes = {"kind": "cyst", "quality": {"good": True, "blurred": False}, "note": ""}
    source = write({"a.png": [region(attributes=attributes, **SQUARE)]})
    with pytest.raises(DataError, match=r"have the attributes kind, quality; choose .*`attribute=NAME`"):
        masks(source)
    with pytest.raises(DataError, match="no region has the attribute 'note'; there is kind, quality"):
        masks(source, attribute="note")
    _, dataset, _ = masks(source, attribute="quality")
    assert dataset.description.masks["mask"].classes == ("background", "good")


def test_attributes_of_files_are_columns(write, masks):
    files = {
        f"c{i}.png": {
            "grade": ["low", "high"][i % 2],
            "mm": str(1.5 * i),
            "seen": {"left": i < 3, "right": True},
            "caption": f"text {i}",
            "image": "",
        }
        for i in range(6)
    }
    _, dataset, imported = masks(write({name: [region(**SQUARE)] for name in files}, files=files))
    columns = dataset.description.columns
    assert columns["grade"].classes == ("high", "low")
    assert columns["mm"].is_number
    assert columns["seen_left"].classes == ("no", "yes")
    assert columns.keys() == {"grade", "mm", "seen_left"}
    assert dataset.records[3].labels == {"grade": "high", "mm": 4.5, "seen_left": "no"}
    assert any("'caption' (6 different words)" in note for note in imported.notes)


def test_addresses_and_files_that_changed(write, masks):
    found, _, imported = masks(write({"https://example.org/x/a.png": [region(**SQUARE)]}, size=7))
    assert found["a"].sum() == 12
    assert imported.notes == ["1 image of another file size than when they were annotated"]


BROKEN = {
    "lengths": (region(all_points_x=[1, 2, 3], all_points_y=[1, 2]), "3 x and 2 y"),
    "few": (region(all_points_x=[1, 2], all_points_y=[1, 2]), "at least three"),
    "words": (region("rect", x="a", y=1, width=2, height=2), "expected a list of numbers"),
    "absent": (region("circle", cx=1, cy=2), "expected a list of numbers"),
    "no radius": (region("circle", cx=1, cy=2, r=0), "expected numbers above 0"),
    "no shape": ({"region_attributes": {}}, "region 2: no shape_attributes with a name"),
    "no object": (7, "region 2: no shape_attributes with a name"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_regions_that_are_refused(write, masks, tmp_path, fault):
    wrong, words = BROKEN[fault]
    with pytest.raises(DataError) as caught:
        masks(write({"a.png": [region(**SQUARE), wrong]}))
    text = "\n".join(caught.value.problems)
    assert words in text
    assert "'a.png': region 2" in text
    assert not (tmp_path / "out").exists()


def test_a_region_without_its_class(write, masks):
    with pytest.raises(DataError, match=r"region 2: kind is \[\]; expected one class"):
        masks(write({"a.png": [region(attributes={"kind": "x"}, **SQUARE), region(**SQUARE)]}))


FOREIGN = {
    "a list": ([], "not a file of VIA"),
    "empty": ({}, "not a file of VIA"),
    "COCO": ({"images": [], "annotations": []}, "not a file of VIA"),
    "VIA 3": ({"project": {}, "view": {}, "metadata": {}}, "a project of VIA 3, which is not supported"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_refused(tmp_path, masks, name):
    content, words = FOREIGN[name]
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        masks(tmp_path / "x.json")


def test_images_that_are_absent(write, masks):
    with pytest.raises(DataError, match=r"'a.png' is not in .*images"):
        masks(write({"a.png": [region(**SQUARE)]}, image=False))
