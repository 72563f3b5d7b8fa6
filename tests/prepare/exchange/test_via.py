"""Import of VIA: shapes, classes, attributes of files, versions, and files that are refused."""

import json
import shutil
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
    "VIA 3 without a file": (
        {"project": {}, "view": {}, "metadata": {}},
        "VIA 3 has no image; it has no file",
    ),
    "VIA 3 of lists": ({"project": {}, "view": [1], "metadata": {}}, "not a project of VIA 3"),
    "VIA 3 of pairs": (
        {"project": {}, "file": {}, "view": {"1": {"fid_list": [1, 2]}}, "metadata": {"m": 1}},
        "view '1' shows 2 files; .*\n.*metadata 'm' is no object",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_that_are_refused(tmp_path, masks, name):
    content, words = FOREIGN[name]
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=words):
        masks(tmp_path / "x.json")


def as_via3(regions, files=None):
    """Return the project of VIA 3 with the regions of `write` by file name; its classes are options of a list."""
    kinds = ["cyst", "tumour"]
    project = {"project": {}, "config": {}, "file": {}, "view": {}, "metadata": {}}
    options = {str(i): kind for i, kind in enumerate(kinds)}
    project["attribute"] = {
        "1": {"aname": "kind", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": options},
        "2": {"aname": "quality", "anchor_id": "FILE1_Z0_XY0", "type": 1, "options": {}},
        "3": {
            "aname": "seen",
            "anchor_id": "FILE1_Z0_XY0",
            "type": 2,
            "options": {"0": "shadow", "1": "noise"},
        },
    }
    for number, (name, found) in enumerate(regions.items(), 1):
        project["file"][str(number)] = {"fid": number, "fname": name, "type": 2, "loc": 1, "src": name}
        project["view"][str(number)] = {"fid_list": [number]}
        for i, one in enumerate(found):
            shape = dict(one["shape_attributes"])
            kind = shape.pop("name")
            if kind == "polygon":
                pairs = zip(shape["all_points_x"], shape["all_points_y"], strict=True)
                numbers = [number for pair in pairs for number in pair]
            else:
                numbers = list(shape.values())
            identity = {"point": 1, "rect": 2, "circle": 3, "ellipse": 4, "polygon": 7, "unknown": 77}[kind]
            value = {"1": str(kinds.index(one["region_attributes"]["kind"]))}
            project["metadata"][f"{number}_{i}"] = {
                "vid": str(number), "flg": 0, "z": [], "xy": [identity, *numbers], "av": value
            }  # fmt: skip
        if name in (files or {}):
            known = {"vid": str(number), "flg": 0, "z": [], "xy": [], "av": files[name]}
            project["metadata"][f"{number}_file"] = known
    return project


SHAPES = [
    region("polygon", {"kind": "tumour"}, **SQUARE),
    region("rect", {"kind": "cyst"}, x=3, y=1, width=2, height=3),
    region("circle", {"kind": "tumour"}, cx=10, cy=6, r=3),
    region("ellipse", {"kind": "cyst"}, cx=10, cy=6, rx=4, ry=2),
]


@pytest.mark.parametrize("seed", range(4))
def test_a_project_of_version_3_gives_the_masks_of_version_2(tmp_path, write, masks, seed):
    """Two images with shapes in any order; points, unknown shapes, videos and moments of a video are left out."""
    rng = np.random.default_rng(seed)
    regions = {name: [SHAPES[i] for i in rng.permutation(4)] for name in ("a.png", "b.png")}
    path = write(regions)
    expected, _, _ = masks(path)
    shutil.rmtree(tmp_path / "out")
    other = [region("point", {"kind": "cyst"}, cx=1, cy=1), region("unknown", {"kind": "cyst"}, q=1)]
    project = as_via3({name: found + other for name, found in regions.items()})
    project["file"]["9"] = {"fid": 9, "fname": "film.mp4", "type": 4}
    project["view"]["9"] = {"fid_list": [9]}
    project["metadata"]["9_0"] = {"vid": "9", "z": [1.5], "xy": [2, 0, 0, 5, 5], "av": {}}
    path.write_text(json.dumps(project))
    found, _, imported = masks(path)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert {"2 regions of type 'point' left out", "2 regions of type 'number 77' left out"} <= set(
        imported.notes
    )


def test_attributes_of_files_of_version_3(tmp_path, write):
    regions = {"a.png": [SHAPES[0]], "b.png": [SHAPES[1]], "c.png": []}
    path = write(regions)
    files = {"a.png": {"2": "good", "3": "1"}, "b.png": {"2": "poor", "3": "0"}, "c.png": {"3": "0,1"}}
    path.write_text(json.dumps(as_via3(regions, files)))
    um.import_via(path, tmp_path / "of3")
    labels = {record.case: dict(record.labels) for record in um.read_dataset(tmp_path / "of3")}
    assert labels["a"] == {"quality": "good", "seen_shadow": "no", "seen_noise": "yes"}
    assert labels["b"] == {"quality": "poor", "seen_shadow": "yes", "seen_noise": "no"}
    assert labels["c"] == {"seen_shadow": "yes", "seen_noise": "yes"}


def test_a_shape_of_version_3_with_too_few_numbers_is_named(write, masks):
    path = write({"a.png": [SHAPES[1]]})
    project = as_via3({"a.png": [SHAPES[1]]})
    project["metadata"]["1_0"]["xy"] = [2, 3, 1]
    path.write_text(json.dumps(project))
    with pytest.raises(DataError, match=r"'a.png': region 1"):
        masks(path)


def test_images_that_are_absent(write, masks):
    with pytest.raises(DataError, match=r"'a.png' is not in .*images"):
        masks(write({"a.png": [region(**SQUARE)]}, image=False))
