"""Import of hand-made Label Studio exports into folders that read_dataset accepts."""

import json

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.images import read_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import DataError
from unet_mtl.prepare.exchange import import_label_studio

HEIGHT, WIDTH = 10, 20
SIZES = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}


def polygon(label, points, tag="organ", **more):
    value = {"points": points, "closed": True, "polygonlabels": [label]}
    return (
        SIZES | {"id": "r1", "type": "polygonlabels", "from_name": tag, "to_name": "i", "value": value} | more
    )


def brush(label, mask, tag="organ"):
    """Encodes all values separately, in chunks of 8."""
    values = np.repeat(np.where(mask, 255, 0).ravel(), 4)
    bits = f"{len(values):032b}{7:05b}" + f"{2:04b}" * 4
    for at in range(0, len(values), 8):
        bits += "000" + "111" + "".join(f"{v:08b}" for v in values[at : at + 8])
    bits += "0" * (-len(bits) % 8)
    rle = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    value = {"format": "rle", "rle": rle, "brushlabels": [label]}
    return SIZES | {"id": "r2", "type": "brushlabels", "from_name": tag, "value": value}


def choice(tag, *words):
    return {"type": "choices", "from_name": tag, "value": {"choices": list(words)}}


def annotated(*results, time="2024-01-01T00:00:00Z", **more):
    return {"id": 1, "result": list(results), "updated_at": time} | more


LEFT = [[0, 0], [50, 0], [50, 100], [0, 100]]


@pytest.fixture
def write(tmp_path):
    def write(*annotations, images=None):
        (tmp_path / "images" / "sub").mkdir(parents=True)
        tasks = []
        for index, given in enumerate(annotations):
            for folder in ("images", "images/sub"):
                path = tmp_path / folder / f"p{index}.png"
                Image.fromarray(np.full((HEIGHT, WIDTH), index, np.uint8)).save(path)
            image = images[index] if images else f"p{index}.png"
            tasks.append({"id": 100 + index, "data": {"image": image}, "annotations": given})
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        return tmp_path / "export.json"

    return write


def test_polygons_brushes_choices_and_numbers(write, tmp_path):
    stroke = np.zeros((HEIGHT, WIDTH), bool)
    stroke[2:4, 8:13] = True
    number = {"type": "number", "from_name": "size", "value": {"number": 4.5}}
    source = write(
        [annotated(polygon("liver", LEFT), brush("cyst", stroke), choice("BI-RADS", "4a"), number)],
        [annotated(choice("BI-RADS", " 3 "), polygon("nerve", LEFT, tag="other tag"))],
        [],
        [annotated()],
    )
    imported = import_label_studio(source, tmp_path / "out")
    dataset = read_dataset(tmp_path / "out")
    assert dataset.description.masks["organ"].classes == ("background", "cyst", "liver")
    assert dataset.description.masks["other_tag"].classes == ("background", "nerve")
    assert [dict(record.labels) for record in dataset] == [
        {"BI_RADS": "4a", "size": 4.5},
        {"BI_RADS": "3"},
        {},
        {},
    ]
    expected = np.zeros((HEIGHT, WIDTH), int)
    expected[:, :10] = 2
    expected[stroke] = 1
    np.testing.assert_array_equal(read_mask(tmp_path / "out/masks/organ/p0.png"), expected)
    assert [sorted(record.masks) for record in dataset] == [["organ", "other_tag"]] * 2 + [[]] + [
        ["organ", "other_tag"]
    ]
    assert not read_mask(tmp_path / "out/masks/organ/p3.png").any()
    assert "1 task without an annotation, and so without a mask" in imported.notes
    assert "4 pixels of two classes, given to the later annotation" in imported.notes


def test_the_latest_annotation_that_is_not_cancelled_counts(write, tmp_path):
    versions = [
        annotated(choice("c", "late"), time="2024-03-01T01:00:00+02:00"),
        annotated(choice("c", "later"), time="2024-02-29T23:30:00Z"),
        annotated(choice("c", "cancelled"), time="2024-09-01T00:00:00Z", was_cancelled=True),
        annotated(choice("c", "old"), time="2023-01-01T00:00:00"),  # without a zone: taken as UTC
    ]
    source = write(versions, [annotated(choice("c", "old"))])
    imported = import_label_studio(source, tmp_path / "out")
    assert [record.labels["c"] for record in read_dataset(tmp_path / "out")] == ["later", "old"]
    assert imported.notes == [
        "1 cancelled annotation left out",
        "2 annotations left out, since their task has a later one",
    ]


def test_two_tasks_of_one_image_are_refused(write, tmp_path):
    done = [annotated(choice("c", "a"))]
    with pytest.raises(DataError, match=r"task 101: its image .*p0\.png is also that of task 100"):
        import_label_studio(write(done, done, images=["p0.png", "p0.png"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_target_for_all_tags(write, tmp_path):
    source = write([annotated(polygon("a", LEFT, tag="one"), polygon("b", LEFT, tag="two"))])
    import_label_studio(source, tmp_path / "out", target="all")
    assert read_dataset(tmp_path / "out").description.masks["all"].classes == ("background", "a", "b")
    assert read_mask(tmp_path / "out/masks/all/p0.png")[0].tolist() == [2] * 10 + [0] * 10


@pytest.mark.parametrize(
    ("link", "case"),
    [
        ("p0.png", "p0"),
        ("sub/p0.png", "sub__p0"),
        ("/data/upload/3/0a1b2c3d-p0.png", "p0"),
        ("/data/local-files/?d=a%2Fb/sub/p0.png", "sub__p0"),
        ("https://x.org/store/p0.png?key=1", "p0"),
        ("s3://bucket/sub/p0.png", "sub__p0"),
    ],
)
def test_links_are_found_by_their_end(write, tmp_path, link, case):
    source = write([annotated(polygon("a", LEFT))], images=[link])
    import_label_studio(source, tmp_path / "out")
    assert [record.case for record in read_dataset(tmp_path / "out")] == [case]


@pytest.mark.parametrize(
    "link",
    [
        "../p0.png",
        "/p0.png",
        "/data/local-files/?d=../images/p0.png",
        "https://x.org/../../p0.png",
        "file:///x/gone.png",
    ],
)
def test_links_that_leave_the_folder_or_lead_nowhere(write, tmp_path, link):
    source = write([annotated(polygon("a", LEFT))], images=[link])
    with pytest.raises(DataError, match=r"task 100: .*(leaves the folder|is not in)"):
        import_label_studio(source, tmp_path / "out")


def test_every_problem_at_once(write, tmp_path):
    two = polygon("a", LEFT)
    two["value"]["polygonlabels"] = ["a", "b"]
    raster = brush("a", np.zeros((HEIGHT, WIDTH), bool))
    raster["value"]["format"] = "png"
    source = write(
        [annotated(two, choice("c", "x", "y"), {"type": "choices"})],
        [annotated(polygon("a", LEFT[:2]), polygon("a", [[0, 0, 0]] * 3), raster)],
        [annotated(polygon("a", LEFT, original_width=5), polygon("a", LEFT, image_rotation=90))],
        [annotated(choice("c", "x"), choice("c", "y"), time="yesterday")],
    )
    with pytest.raises(DataError) as caught:
        import_label_studio(source, tmp_path / "out")
    text = str(caught.value)
    for words in (
        "task 100: annotation 1: result 'r1': polygonlabels are ['a', 'b']",
        "choices are ['x', 'y']",
        "without from_name, type and value",
        "task 101: annotation 1: result 'r1': a polygon of fewer than three points",
        "not a pair x, y",
        "brush of format 'png'",
        "annotated at 5x10 pixels, but the image has 20x10",
        "rotated by 90",
        "'yesterday' is not a time",
        "c is both 'x' and 'y'",
    ):
        assert words in text
    assert len(caught.value.problems) == 10
    assert not (tmp_path / "out").exists()


def test_what_is_not_imported_is_counted(write, tmp_path):
    rectangle = {"type": "rectanglelabels", "from_name": "b", "value": {"x": 1, "rectanglelabels": ["a"]}}
    source = write([annotated(polygon("a", LEFT, id=None), rectangle, choice("only", "one"))])
    imported = import_label_studio(source, tmp_path / "out")
    assert imported.notes == [
        "1 result of type 'rectanglelabels' left out",
        "1 class only in column 'only', which is in the table but not in dataset.yaml",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "not a Label Studio export"),
        ([{"id": 1, "image": "x.png", "label": []}], "export as JSON, not JSON-MIN"),
        ([{"id": 1, "data": {"text": "x"}, "annotations": []}], "no image in its data"),
        ([], "nothing to import"),
    ],
)
def test_files_that_are_no_export(tmp_path, content, message):
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        import_label_studio(tmp_path / "x.json", tmp_path / "out")
