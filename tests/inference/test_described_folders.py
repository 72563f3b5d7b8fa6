"""Folders of data sets: their images are predicted, and masks and other files are left aside and named."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unet_mtl.data.description import make_description
from unet_mtl.errors import DataError
from unet_mtl.inference.described_folders import is_named_like_mask
from unet_mtl.inference.files import find_images

MASK = {"classes": ["background", "lesion"]}
LAYOUTS = [
    ("images/{case}.png", "masks/{case}.png"),
    ("{case}.png", "{case}_mask.png"),
    ("{case}.png", "{case}_mask*.png"),
    ("{case}/{case}.png", "{case}/{case}_seg.png"),
    ("{case}/image.png", "{case}/label.png"),
    ("{case}/{case}_Dermoscopic_Image/{case}.png", "{case}/{case}_lesion/{case}_lesion.png"),
    ("{kind}/{case}.png", "{kind}/{case}_mask.png"),
]


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(path)


def describe(root, images="images/{case}.png", mask="masks/{case}.png", **more):
    content = {"images": images, "masks": {"lesion": MASK | {"path": mask}}} | more
    return make_description(content, base=root, where="dataset.yaml")


def write_set(root, images, mask, names):
    """Write the images and masks of a layout, and return their paths."""
    values = [{"case": name, "kind": f"kind {len(name)}"} for name in names]
    found = [root / pattern.replace("*", "_1").format(**row) for pattern in (images, mask) for row in values]
    for path in found:
        put(path)
    return found[: len(names)], found[len(names) :]


NAMES = st.lists(
    st.from_regex(r"[a-z][a-z0-9 ()-]{0,6}[a-z0-9]", fullmatch=True), min_size=1, max_size=3, unique=True
)


@settings(max_examples=15, deadline=None)
@given(layout=st.sampled_from(LAYOUTS), names=NAMES, where=st.sampled_from(["own", "described", "elsewhere"]))
def test_masks_of_every_layout_are_no_images(layout, names, where):
    with TemporaryDirectory() as folder:
        check_layout(Path(folder), layout, names, where)


def check_layout(folder, layout, names, where):
    images, masks = write_set(folder, *layout, names)
    trained_on = describe(folder if where == "own" else folder / "other", *layout)
    if where == "described":
        (folder / "dataset.yaml").write_text(
            f"images: '{layout[0]}'\nmasks: {{lesion: {{path: '{layout[1]}', classes: [background, lesion]}}}}\n"
        )
        trained_on = describe(folder / "other", "other/{case}.png", "other/{case}_x.png")
    notes = []
    found = find_images([folder], notes.append, trained_on)
    (note,) = notes
    if where == "elsewhere":  # nothing says for certain that they are masks
        assert set(found) == {*images, *masks}
        assert note.startswith(f"{folder}: {len(masks)} of {len(found)} images ")
        assert "named like masks of the training (" in note
    else:
        assert set(found) == set(images)
        n = f"{len(masks)} file{'s' if len(masks) > 1 else ''}"
        assert note.startswith(f"{folder}: left aside {n} named like masks (")
    assert [path for path in found if is_named_like_mask(path, describe(folder, *layout))] == [
        path for path in found if path in masks
    ]


def test_the_names_of_images_do_not_depend_on_a_description(tmp_path):
    write_set(tmp_path, "images/{case}.png", "masks/{case}.png", ["a", "b"])
    described = find_images([tmp_path], trained_on=describe(tmp_path))
    assert list(described.values()) == ["images/a", "images/b"]
    assert described.items() <= find_images([tmp_path]).items()


def test_what_the_table_does_not_name_is_left_aside(tmp_path):
    write_set(tmp_path, "images/{case}.png", "masks/{case}.png", ["a", "b", "new"])
    (tmp_path / "cases.csv").write_text("case\na\nb\ngone\n")
    (tmp_path / "config.yaml").write_text("")
    (tmp_path / "notes.docx").write_text("")
    notes = []
    found = find_images([tmp_path], notes.append, describe(tmp_path, table="cases.csv"))
    assert list(found.values()) == ["images/a", "images/b"]
    assert notes == [
        f"{tmp_path}: 1 case of its data set without an image (gone)",
        f"{tmp_path}: left aside 1 file of type .docx (notes.docx); 1 file that no row of cases.csv names "
        "(images/new.png: expected `images/{case}.png`); 3 files named like masks (masks/a.png, masks/b.png, "
        "masks/new.png)",
    ]


def test_a_description_elsewhere_leads_to_its_images(tmp_path):
    images, _ = write_set(tmp_path / "data", "images/{case}.png", "masks/{case}.png", ["a"])
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft/dataset.yaml").write_text("root: ../data\nimages: images/{case}.png\n")
    assert find_images([tmp_path / "draft"]) == {images[0].resolve(): "images/a"}


def test_masks_given_as_files_are_noted(tmp_path):
    images, masks = write_set(tmp_path, "images/{case}.png", "masks/{case}.png", ["a", "b"])
    notes = []
    find_images([masks[0]], notes.append, describe(tmp_path / "other"))
    find_images([tmp_path / "masks"], notes.append, describe(tmp_path))
    find_images(images, notes.append, describe(tmp_path))
    assert [note.partition(" (")[0] for note in notes] == [
        "1 of 1 image is named like masks of the training",
        f"{tmp_path}/masks: 2 of 2 images are named like masks of the training",
    ]


def test_a_suffix_alone_says_nothing_about_masks(tmp_path):
    put(tmp_path / "a.png")
    notes = []
    find_images([tmp_path], notes.append, describe(tmp_path / "other", "{case}.jpg", "{case}.png"))
    assert notes == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "images: 'pictures/{case}.png'",
            "no file fits the pattern `images: pictures/{case}.png`; correct it",
        ),
        (
            "images: {t1: 'images/{case}.png'}",
            "its data set has the channels t1 in a file each, and the run reads one file",
        ),
        ("pictures: 'images/{case}.png'", "pictures"),
    ],
)
def test_a_description_that_cannot_be_used_says_what_to_give(tmp_path, content, message):
    put(tmp_path / "images/a.png")
    (tmp_path / "dataset.yaml").write_text(content)
    with pytest.raises(DataError) as caught:
        find_images([tmp_path])
    assert message in str(caught.value)
    assert str(caught.value).endswith("give the folder of the images") or "give the files to predict" in str(
        caught.value
    )
