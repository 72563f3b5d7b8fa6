"""Layouts made of parts: the draft finds each image and its masks, wherever the name of the case is repeated."""

import itertools

import pytest

from unet_mtl import init, read_dataset
from unet_mtl.errors import DataError

CASES = ["IMD{:03d}", "{:02d}", "p-{}", "case {:02d}", "{:04d}-l", "TCGA_{:02d}_x", "7{:02d}_scan"]
IMAGES = [
    "{c}/{c}_Dermoscopic_Image/{c}.png",
    "{c}/image.png",
    "{c}/{c}.png",
    "{c}_scan/{c}.png",
    "data/{c}/img_{c}.png",
    "images/{c}.png",
    "images/img_{c}.png",
]
MASKS = [
    "{c}/{c}_lesion/{c}_lesion.png",
    "{c}/masks/{c}.png",
    "{c}/{c}_seg.png",
    "masks/{c}_mask.png",
    "masks/{c}/object_{k}.png",
    "masks/seg_{c}/1.png",
    "{c}_masks/{c}.png",
]
PARTS = ["", "{s}/", "x/{s}/"]
ALL = list(itertools.product(CASES, IMAGES, MASKS, PARTS))
SOME = ALL[::17]
"""Every 17th combination, in which each part occurs with each other one."""


def write(folder, pictures, case, image, mask, part):
    """Write eight cases, and return the files that belong to each image."""
    expected = {}
    for index in range(8):
        values = {"c": case.format(index), "s": "train" if index < 5 else "test"}
        file = folder / (part + image).format(**values)
        pictures.save(file, pictures.noise(index))
        masks = [folder / (part + mask).format(**values, k=k) for k in range(2 if "{k}" in mask else 1)]
        for path in masks:
            pictures.save(path, pictures.disc(index))
        expected[file] = masks
    return expected


@pytest.mark.parametrize(("case", "image", "mask", "part"), SOME, ids=" ".join)
def test_each_image_gets_its_masks(tmp_path, pictures, case, image, mask, part):
    folder = tmp_path / "set"
    expected = write(folder, pictures, case, image, mask, part)
    init(folder)
    dataset = read_dataset(folder)
    (name,) = dataset.description.masks
    found = {record.image: [file.path for file in record.masks.get(name, ())] for record in dataset}
    assert found == expected
    text = (folder / "dataset.yaml").read_text()
    assert len(text.splitlines()) < 30
    assert (dataset.description.split is not None) == ("{s}" in part)


@pytest.mark.parametrize("case", ["IMD{:03d}", "{:02d}", "p-{}"])
@pytest.mark.parametrize(
    ("image", "mask"),
    [("{c}/photo.png", "{c}/zone.png"), ("{c}/{c}.png", "{c}/{c}_x.png"), ("{c}/a/{c}.png", "{c}/b/{c}.png")],
)
def test_files_of_a_case_are_told_apart_by_their_content(tmp_path, pictures, case, image, mask):
    """More cases than groups of files that are inspected, with names that do not tell images from masks."""
    folder = tmp_path / "set"
    expected = {}
    for index in range(70):
        files = [folder / pattern.format(c=case.format(index)) for pattern in (image, mask)]
        pictures.save(files[0], pictures.noise(index))
        pictures.save(files[1], pictures.disc(index))
        expected[files[0]] = files[1:]
    init(folder)
    found = {
        r.image: [file.path for files in r.masks.values() for file in files] for r in read_dataset(folder)
    }
    assert found == expected


def test_masks_without_a_pattern_are_one_note(make, draft):
    """A file or a report never has a line for each of hundreds of folders."""
    folder = make("images/c{:02d}.png")
    make("", "masks/{:08x}a/x.png", n=40)
    _, _, notes, text = draft(folder)
    assert any("40 masks in " in line and "no name fits an image" in line for line in notes.unsure)
    assert len(text.splitlines()) < 25
    assert len(notes.unsure) < 6


def test_many_kinds_of_mask_are_not_all_described(make, draft):
    folder = make("images/c{:02d}.png")
    for kind in range(20):
        make("", f"masks/{'abcdefghijklmnopqrst'[kind]}zone/c{{:02d}}.png", n=12)
    dataset, _, notes, _ = draft(folder)
    (mask,) = dataset.description.masks.values()
    assert len(mask.files) == 12
    assert any("make 20 kinds of mask, of which the 12 with the most cases" in line for line in notes.unsure)


def test_views_of_a_patient_are_all_used(tmp_path, pictures):
    """Several images in the folder of a patient are cases of their own if each has a mask, or if there is none."""
    for index in range(8):
        for view in ("left", "right"):
            name = tmp_path / f"p{index}" / f"p{index}_{view}.png"
            pictures.save(name, pictures.noise(2 * index + (view == "left")))
            pictures.save(name.with_name(f"p{index}_{view}_mask.png"), pictures.disc(index))
    init(tmp_path)
    dataset = read_dataset(tmp_path)
    assert len(dataset) == 16
    assert dataset.description.patient == "patient"
    assert all(record.masks for record in dataset)


@pytest.mark.parametrize(
    ("image", "mask", "pattern"),
    [
        ("images/img{i}.png", "masks/img{i}_{k}.png", "masks/{{case}}_*.png"),
        ("images/img{i}.png", "masks/img{i}-{k}.png", "masks/{{case}}-*.png"),
        ("images/{i:03d}.png", "masks/{i:03d}_{k}.png", "masks/{{case}}_*.png"),
        ("images/{i}.png", "masks/mask_{i}_{k}.png", "masks/mask_{{case}}_*.png"),
        ("images/a_{i}.png", "masks/a_{i}_{k}.png", "masks/{{case}}_*.png"),
        ("images/img_{i:02d}.png", "masks/seg_{i:02d}.{k}.png", "masks/seg_{{case}}.*.png"),
        ("test/images/{i}.png", "test/masks/{i}_{k:02d}.png", "test/masks/{{case}}_*.png"),
    ],
)
def test_numbered_masks_go_to_their_own_case(tmp_path, pictures, image, mask, pattern):
    """img1_1.png and img1_2.png are masks of img1, and img10_1.png and img11_1.png are not."""
    expected = {}
    for i in range(1, 13):
        pictures.save(tmp_path / image.format(i=i), pictures.noise(i))
        files = [tmp_path / mask.format(i=i, k=k) for k in range(1, 2 + i % 3)]
        for path in files:
            pictures.save(path, pictures.disc(i))
        expected[tmp_path / image.format(i=i)] = files
    init(tmp_path)
    dataset = read_dataset(tmp_path)
    (name, described), *others = dataset.description.masks.items()
    assert (described.path, others) == (pattern.format(), [])
    assert {r.image: [file.path for file in r.masks[name]] for r in dataset} == expected


@pytest.mark.parametrize(
    "folders", [("benign", "malignant"), ("train", "test"), ("grade 1", "grade 2", "grade 3")]
)
@pytest.mark.parametrize("image", ["{}/{:03d}.png", "images/{}/{:03d}.png", "{}/images/{:03d}.png"])
def test_equal_names_in_folders_of_classes_or_splits_are_other_cases(tmp_path, pictures, folders, image):
    """Folders of modalities hold the same cases, and folders of classes hold different ones."""
    for folder in folders:
        for i in range(4):
            pictures.save(tmp_path / image.format(folder, i), pictures.noise(i))
    with pytest.raises(DataError) as caught:
        init(tmp_path)
    first = image.format(sorted(folders)[0], 0)
    assert f"{4 * len(folders) - 4} images ({first}, " in str(caught.value)
    assert f"rename the images and their masks, such as {first} to {sorted(folders)[0]}_000.png" in str(
        caught.value
    )
