"""Import of hand-made COCO files into folders that read_dataset accepts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unet_mtl.data.images import read_mask
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.prepare.exchange import import_coco

SIZE = (6, 8)
CATEGORIES = [{"id": 7, "name": "cyst"}, {"id": 3, "name": "solid: a  lesion"}]


def box(x, y, width, height):
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def annotate(number, image, category, segmentation, **more):
    return {"id": number, "image_id": image, "category_id": category, "segmentation": segmentation} | more


@pytest.fixture
def write(tmp_path):
    def write(annotations, *, files=("a.png",), categories=CATEGORIES, **changes):
        folder = tmp_path / "set"
        entries = []
        for index, file in enumerate(files):
            path = folder / "images" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full(SIZE, 50 + index, np.uint8)).save(path)
            entries.append({"id": 10 + index, "file_name": file, "height": 6, "width": 8})
        content = {"images": entries, "annotations": annotations, "categories": categories} | changes
        (folder / "annotations.json").write_text(json.dumps(content))
        return folder / "annotations.json"

    return write


def test_categories_are_numbered_in_their_order_and_the_later_annotation_wins(write, tmp_path):
    source = write(
        [
            annotate(1, 10, 3, [box(0, 0, 4, 4)]),
            annotate(2, 10, 7, [box(2, 2, 3, 2), box(7, 5, 1, 1)]),
            annotate(3, 10, 3, {"size": [6, 8], "counts": [42, 3, 3]}),
        ],
        files=("deep/er/a.png", "b.jpg"),
    )
    before = {path: path.read_bytes() for path in source.parent.rglob("*.*") if path.is_file()}
    imported = import_coco(source, tmp_path / "out", target="lesion")
    expected = np.zeros(SIZE, int)
    expected[:4, :4] = 2
    expected[2:4, 2:5] = 1
    expected[5, 7] = 1
    expected[0:3, 7] = 2
    dataset = read_dataset(tmp_path / "out")
    first, second = dataset
    assert dataset.description.masks["lesion"].classes == ("background", "cyst", "solid: a lesion")
    assert (first.case, second.case) == ("deep__er__a", "b")
    found = read_case_mask(first, "lesion", dataset.description.masks["lesion"])
    np.testing.assert_array_equal(found, expected)
    assert not read_mask(tmp_path / "out/masks/lesion/b.png").any()
    assert first.image.read_bytes() == before[source.parent / "images/deep/er/a.png"]
    assert {path: path.read_bytes() for path in before} == before
    assert (imported.cases, imported.masks) == (2, {"lesion": 2})
    assert "4 pixels of two classes, given to the later annotation" in imported.notes
    assert "1 image without annotations, with an empty mask" in imported.notes
    comment = (tmp_path / "out/dataset.yaml").read_text().splitlines()[0]
    assert comment == f"# Imported by unet-mtl from COCO, {source}"


def test_holes_may_be_filled_and_are_counted(write, tmp_path):
    source = write([annotate(1, 10, 7, [box(0, 0, 5, 5), box(1, 1, 3, 3)])])
    holes = import_coco(source, tmp_path / "holes")
    import_coco(source, tmp_path / "filled", nested="part")
    assert read_mask(tmp_path / "holes/masks/mask/a.png").sum() == 16
    assert read_mask(tmp_path / "filled/masks/mask/a.png").sum() == 25
    assert holes.notes == ["1 outline inside another of their annotation, read as holes"]


@pytest.mark.parametrize(("crowd", "value"), [("class", 1), ("ignore", 255)])
def test_crowds_lie_below_what_is_drawn_one_by_one(write, tmp_path, crowd, value):
    whole = {"size": [6, 8], "counts": [0, 48]}
    source = write([annotate(1, 10, 3, [box(0, 0, 2, 2)]), annotate(2, 10, 7, whole, iscrowd=1)])
    imported = import_coco(source, tmp_path / "out", crowd=crowd)
    mask = read_mask(tmp_path / "out/masks/mask/a.png")
    assert (mask[:2, :2] == 2).all()
    assert (mask[2:] == value).all()
    assert any(note.startswith("1 crowd region,") for note in imported.notes)


def test_a_category_named_background_is_class_0(write, tmp_path):
    source = write(
        [annotate(1, 10, 5, [box(0, 0, 8, 6)]), annotate(2, 10, 0, [box(0, 0, 4, 4)])],
        categories=[{"id": 5, "name": "cyst"}, {"id": 0, "name": "Background"}],
    )
    import_coco(source, tmp_path / "out")
    mask = read_mask(tmp_path / "out/masks/mask/a.png")
    assert (mask[:4, :4].max(), mask.sum()) == (0, 48 - 16)


@pytest.mark.parametrize(
    "name", ["yes", "a: b", "# no", "{x}", "'", '"', "é\u2028ü", "\ud800x", "1.5", "null", "- a"]
)
def test_names_survive_yaml(write, tmp_path, name):
    source = write([], categories=[{"id": 1, "name": name}])
    import_coco(source, tmp_path / "out")
    classes = read_dataset(tmp_path / "out").description.masks["mask"].classes
    plain = "".join(c if c.isprintable() else " " * c.isspace() for c in name)
    assert classes == ("background", plain)


def test_every_problem_at_once_and_nothing_left(write, tmp_path):
    source = write(
        [
            annotate(1, 99, 7, [box(0, 0, 2, 2)]),
            annotate(2, 10, 8, [box(0, 0, 2, 2)]),
            annotate(3, 10, 7, []),
            annotate(4, 10, 7, [[0, 0, 1, 1]]),
            annotate(5, 10, 7, {"size": [8, 6], "counts": [48]}),
            annotate(6, [], 7, [box(0, 0, 2, 2)]),
        ],
        files=("a.png", "a.jpg"),
        categories=[*CATEGORIES, {"id": 9, "name": "cyst"}, {"id": 11, "name": " "}],
    )
    with pytest.raises(DataError) as caught:
        import_coco(source, tmp_path / "out")
    text = str(caught.value)
    for words in (
        "annotation 1: image_id is 99",
        "annotation 2: category_id is 8",
        "annotation 3: no segmentation",
        "annotation 4: outline: has 4 numbers",
        "annotation 5: run lengths: the size is [8, 6]",
        "annotation 6: image_id is []",
        "'a.jpg' and 'a.png' would both be case 'a'",
        "class 'cyst' (id 9)",
        "class ' ' (id 11)",
    ):
        assert words in text
    assert len(caught.value.problems) == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("../secret.png", "leaves the folder"),
        ("x/../../secret.png", "leaves the folder"),
        ("..\\secret.png", "leaves the folder"),
        ("/etc/hostname.png", "leaves the folder"),
        ("C:\\x.png", "leaves the folder"),
        ("", "leaves the folder"),
        ("link.png", "leads over the link"),
        ("linked/secret.png", "leads over the link"),
        ("gone.png", "is not in"),
        ("notes.txt", "expected one of .png"),
        ("broken.png", "not a readable image"),
    ],
)
def test_paths_that_leave_or_are_no_images(write, tmp_path, file, message):
    source = write([], images=[{"id": 4, "file_name": file}])
    images = source.parent / "images"
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "set" / "secret.png")
    (images / "link.png").symlink_to(tmp_path / "set" / "secret.png")
    (images / "linked").symlink_to(tmp_path / "set")
    (images / "notes.txt").write_text("x")
    (images / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    with pytest.raises(DataError, match=message) as caught:
        import_coco(source, tmp_path / "out")
    assert "image 4" in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("chosen", [None, "set", "set/images", "set/images/a", "elsewhere", "set/nowhere"])
@pytest.mark.parametrize("prefix", ["", "a/", "images/a/"])
def test_the_folder_in_the_advice_is_the_right_one(write, tmp_path, chosen, prefix):
    """Whatever folder is given, the folder of the advice works; all missing images are one error."""
    names = [f"{k}.png" for k in range(5)]
    source = write([], files=[f"a/{name}" for name in names])
    entries = [{"id": k, "file_name": prefix + name} for k, name in enumerate(names)]
    source.write_text(json.dumps({"images": entries, "annotations": [], "categories": CATEGORIES}))
    (tmp_path / "elsewhere").mkdir()
    images = chosen and tmp_path / chosen
    try:
        import_coco(source, tmp_path / "out", images=images)
    except DataError as error:
        (problem,) = error.problems
        assert problem.startswith("none of the 5 images is in ")
        advised = re.search("give `images=(.*)`$", problem)[1]
        import_coco(source, tmp_path / "out", images=Path(advised))
    assert len(read_dataset(tmp_path / "out")) == 5


def test_one_missing_image_of_several_is_named(write, tmp_path):
    source = write([], files=("a.png", "b.png"))
    (source.parent / "images" / "b.png").unlink()
    with pytest.raises(DataError, match=r"image 11: 'b\.png' is not in .*images; give the folder"):
        import_coco(source, tmp_path / "out")


def test_an_image_of_another_size_than_annotated(write, tmp_path):
    source = write([], images=[{"id": 4, "file_name": "a.png", "height": 8, "width": 6}])
    with pytest.raises(DataError, match=r"a\.png has 8x6 pixels but was annotated at 6x8"):
        import_coco(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a COCO file"),
        ('{"images": [], "annotations": {}, "categories": []}', "not a COCO file"),
        ('{"images": [{"id": []}], "annotations": [], "categories": []}', r"has id \[\]"),
        ('{"images": [], "annotations": [], "categories": []}', "no category"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "x"}]}', "no images"),
    ],
)
def test_files_that_are_not_coco(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=message):
        import_coco(tmp_path / "x.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"nested": "holes"}, "`nested` is 'holes'; expected 'hole' or 'part'"),
        ({"crowd": "ignored"}, "`crowd` is 'ignored'; expected 'class' or 'ignore'"),
    ],
)
def test_a_choice_that_does_not_exist(write, tmp_path, choice, message):
    with pytest.raises(ConfigError, match=message):
        import_coco(write([]), tmp_path / "out", **choice)
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_not_changed(write, tmp_path):
    source = write([])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(DataError, match="already exists"):
        import_coco(source, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_overlap_within_one_class_is_no_conflict(write, tmp_path):
    source = write([annotate(1, 10, 7, [box(0, 0, 4, 4)]), annotate(2, 10, 7, [box(2, 2, 4, 4)])])
    assert import_coco(source, tmp_path / "out").notes == []


def test_a_path_with_a_line_break_stays_in_the_comment(write, tmp_path):
    source = write([])
    odd = source.with_name("x\nroot: elsewhere.json")
    source.rename(odd)
    import_coco(odd, tmp_path / "out")
    assert len(read_dataset(tmp_path / "out")) == 1
    assert "\nroot" not in (tmp_path / "out/dataset.yaml").read_text()


def test_repeated_ids(write, tmp_path):
    images = [{"id": 4, "file_name": "a.png"}, {"id": 4, "file_name": "a.png"}, {"id": 5}]
    source = write([], images=images, categories=[CATEGORIES[0]] * 2)
    with pytest.raises(DataError) as caught:
        import_coco(source, tmp_path / "out")
    for words in ("image 4 is listed twice", "image 5 has no file_name", "two categories have the same id"):
        assert words in str(caught.value)


def test_no_name_is_run_by_a_spreadsheet(write, tmp_path):
    import_coco(write([], files=("a.png", "=cmd.png", "-cmd.png")), tmp_path / "out")
    rows = (tmp_path / "out" / "cases.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == ["a", "_cmd", "cmd"]


def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "ann.json").write_text("{}")
    with pytest.raises(DataError, match=r"a folder; give the JSON file in it \(ann\.json\)"):
        import_coco(tmp_path, tmp_path / "out")
