"""Import of LabelMe: each type of shape, labels with a meaning, paths, flags, and files that are refused."""

import base64
import io
import json
from functools import partial

import numpy as np
import pytest
import yaml
from PIL import Image

import unet_mtl as um
from unet_mtl.errors import DataError

SIZE = (12, 16)


def shape(label, points, kind="polygon", **more):
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}} | more


SQUARE = [[1, 1], [5, 1], [5, 4], [1, 4]]
"""Four columns and three rows of pixels."""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes an image and its JSON file."""

    def add(name, *shapes, size=SIZE, place="", image_path=None, flags=None, image=True):
        folder = tmp_path / "set" / place
        folder.mkdir(parents=True, exist_ok=True)
        if image:
            noise = np.random.default_rng(len(name)).integers(0, 256, size, dtype=np.uint8)
            Image.fromarray(noise).save(folder / f"{name}.png")
        content = {
            "version": "5.4.1",
            "flags": flags or {},
            "shapes": list(shapes),
            "imagePath": image_path or f"{name}.png",
            "imageData": None,
            "imageHeight": SIZE[0],
            "imageWidth": SIZE[1],
        }
        (folder / f"{name}.json").write_text(json.dumps(content))
        return tmp_path / "set"

    return add


@pytest.fixture
def masks(import_masks):
    return partial(import_masks, um.import_labelme)


def test_polygons_by_class_in_their_order(write, masks):
    write("a", shape("tumour", SQUARE), shape("cyst", [[3, 1], [5, 1], [5, 4], [3, 4]]))
    found, dataset, imported = masks(write("b"))
    assert dataset.description.masks["mask"].classes == ("background", "cyst", "tumour")
    expected = np.zeros(SIZE, np.uint8)
    expected[1:4, 1:3], expected[1:4, 3:5] = 2, 1
    assert np.array_equal(found["a"], expected)
    assert not found["b"].any()  # a file without shapes was annotated
    assert (imported.cases, imported.masks) == (2, {"mask": 2})
    assert imported.notes == ["6 pixels of two classes, given to the later annotation"]


def test_each_type_of_shape_with_an_area(write, masks):
    encoded = io.BytesIO()
    part = np.array([[1, 0, 1], [0, 1, 0]], bool)
    Image.fromarray(part).save(encoded, "PNG")
    write("rectangle", shape("x", [[5, 4], [1, 1]], "rectangle"))
    write("circle", shape("x", [[8, 6], [8, 9]], "circle"))
    mask = base64.b64encode(encoded.getvalue()).decode()
    write("mask", shape("x", [[2, 3], [4, 4]], "mask", mask=mask))
    folder = write("line", shape("x", [[2, 3], [4, 4]], "line"), shape("x", [[1, 1]], "point"))
    found, _, imported = masks(folder)
    assert found["rectangle"].sum() == 12
    assert found["rectangle"][1:4, 1:5].all()
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    assert np.array_equal(found["circle"], np.hypot(rows + 0.5 - 6, columns + 0.5 - 8) <= 3)
    assert np.array_equal(found["mask"][3:5, 2:5], part)
    assert found["mask"].sum() == 3
    assert not found["line"].any()
    assert {"1 shape of type 'line' left out", "1 shape of type 'point' left out"} <= set(imported.notes)


def test_labels_for_the_background_and_for_pixels_to_ignore(write, masks):
    folder = write(
        "a",
        shape("x", SQUARE),
        shape("_background_", [[1, 1], [2, 1], [2, 4], [1, 4]]),
        shape("__ignore__", [[4, 1], [5, 1], [5, 4], [4, 4]]),
    )
    found, dataset, _ = masks(folder)
    assert dataset.description.masks["mask"].classes == ("background", "x")
    assert found["a"][2, :6].tolist() == [0, 0, 1, 1, 255, 0]


@pytest.mark.parametrize("named", ["a.png", ".\\a.png", "../one/a.png", "..\\one\\a.png"])
def test_the_image_beside_its_file(write, masks, named):
    found, _, _ = masks(write("a", shape("x", SQUARE), place="one", image_path=named))
    assert found["one__a"].sum() == 12


def test_images_in_another_folder(write, masks, tmp_path):
    folder = write("a", shape("x", SQUARE), image_path="..\\..\\elsewhere\\a.png")
    (tmp_path / "images").mkdir()
    (folder / "a.png").rename(tmp_path / "images" / "a.png")
    with pytest.raises(DataError, match=r"leaves the folder of the images"):
        masks(folder)
    found, _, _ = masks(folder, images=tmp_path / "images", target="zone")
    assert found["a"].sum() == 12


def test_images_in_a_folder_that_was_moved(write, masks, tmp_path):
    folder = write("i6", shape("x", SQUARE), image_path="..\\data\\i6.png")
    write("i7", shape("x", SQUARE), image_path="C:\\scans\\i7.png")
    found, _, imported = masks(write("i8", shape("x", SQUARE), image_path=".\\i8.png"))
    assert {name: mask.sum() for name, mask in found.items()} == dict.fromkeys(("i6", "i7", "i8"), 12)
    assert "2 images found by file name alone, in another folder than `imagePath` states" in imported.notes
    (folder / "i6.png").unlink()
    with pytest.raises(
        DataError,
        match=r"correct `imagePath`, or give the folder of the images, `images=FOLDER`, .*'i6\.png'",
    ):
        um.import_labelme(folder, tmp_path / "other")


def test_images_without_a_file_have_no_mask(write, masks):
    folder = write("a", shape("x", SQUARE))
    Image.fromarray(np.ones(SIZE, np.uint8)).save(folder / "b.png")
    found, _, imported = masks(folder)
    assert found["b"] is None
    assert "1 image without a JSON file, imported without a mask" in imported.notes


def test_flags_are_columns_of_yes_and_no(write, masks):
    for index in range(6):
        folder = write(f"c{index}", shape("x", SQUARE), flags={"is malignant": index % 2 == 0, "seen": True})
    _, dataset, imported = masks(folder)
    assert dataset.description.columns.keys() == {"is_malignant"}
    assert [record.labels["is_malignant"] for record in dataset] == ["yes", "no"] * 3
    assert any("'seen' (1 different word)" in note for note in imported.notes)


BROKEN = {
    "other size": ({"size": (12, 20)}, [shape("x", SQUARE)], "has 20x12 pixels but was annotated at 16x12"),
    "two points": ({}, [shape("x", SQUARE[:2])], "shape 1: a polygon of 2 points"),
    "no label": ({}, [shape("", SQUARE)], "shape 1: has no label"),
    "no points": ({}, [shape("x", None)], "shape 1: no points"),
    "words": ({}, [shape("x", [["a", "b"]] * 3)], "shape 1: point: expected a list of numbers"),
    "triples": ({}, [shape("x", [[1, 2, 3]] * 3)], "a point is not a pair x, y"),
    "no object": ({}, [shape("x", SQUARE), 7], "shape 2: expected an object"),
    "no radius": ({}, [shape("x", [[3, 3], [3, 3]], "circle")], "expected numbers above 0"),
    "no PNG": ({}, [shape("x", [[0, 0], [1, 1]], "mask", mask="AAAA")], "not a PNG file in Base64"),
    "outside": ({}, [shape("x", [[0, 0], [99, 1]], "mask", mask="AAAA")], "is not inside the image"),
    "absent": ({"image": False}, [shape("x", SQUARE)], "'a.png' is not in"),
    "leads out": ({"image_path": "/etc/x.png"}, [shape("x", SQUARE)], "leaves the folder of the images"),
    "nothing": ({}, [shape("x", SQUARE, "line")], "no shape has a class"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_refused(write, masks, tmp_path, fault):
    options, shapes, words = BROKEN[fault]
    with pytest.raises(DataError) as caught:
        masks(write("a", *shapes, **options))
    assert words in "\n".join(caught.value.problems)
    assert not (tmp_path / "out").exists()


def test_folders_that_are_none_of_labelme(tmp_path, masks):
    with pytest.raises(DataError, match="not a folder"):
        masks(tmp_path / "absent")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(DataError, match="no JSON file of LabelMe in this folder"):
        masks(tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_generated_polygons_have_their_area(write, masks, seed):
    """The pixels of any rectangle are as many as its area, whatever the type of shape and the order of its corners."""
    rng = np.random.default_rng(seed)
    (left, right), (top, bottom) = (np.sort(rng.choice(n, 2, replace=False)) for n in (SIZE[1], SIZE[0]))
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    ring = [corners[(i + seed) % 4] for i in range(4)][:: -1 if seed % 2 else 1]
    ends = [corners[2], corners[0]] if seed % 2 else [corners[1], corners[3]]
    to_numbers = lambda points: [[float(x), float(y)] for x, y in points]  # noqa: E731
    write("polygon", shape("x", to_numbers(ring)))
    found, dataset, _ = masks(write("rectangle", shape("x", to_numbers(ends), "rectangle")))
    area = (right - left) * (bottom - top)
    assert found["polygon"].sum() == found["rectangle"].sum() == area
    assert yaml.safe_load((dataset.description.root / "dataset.yaml").read_text())["name"] == "set"
