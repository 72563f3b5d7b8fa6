"""Files that init reads, leaves aside or refuses, whatever their format."""

import os
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image

from unet_mtl import api
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.readers import FORMATS
from unet_mtl.errors import DataError

from ...data.samples import SAMPLES, dicom

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SHARED = [key for key in FORMATS if key not in ("jpeg", "webp")]  # the others smooth masks, or are colours


def aside(notes):
    (line,) = [line for line in notes.unsure if line.startswith("Left aside: ")]
    return line


@pytest.mark.parametrize("key", SHARED)
def test_masks_of_every_format_are_found(make, draft, pictures, key):
    folder = make("images/c{:02d}.png")
    suffix = FORMATS[key].suffixes[0]
    (folder / "masks").mkdir()
    for index in range(12):
        SAMPLES[key](folder / "masks" / f"c{index:02d}{suffix}", pictures.disc(index))
    dataset, config, notes, _ = draft(folder)
    assert dataset.description.masks["mask"].path == f"masks/{{case}}{suffix}"
    assert [task.kind for task in config.tasks] == ["segmentation"]
    assert not any(line.startswith("Left aside") for line in notes.unsure)
    for record in dataset:
        assert 20 < read_case_mask(record, "mask", dataset.description.masks["mask"]).sum() < 200
    checkup = api.check(folder, config.tasks)
    assert checkup.problems == []
    assert not {finding.name for finding in checkup.findings} & {"files-unused", "files-unread"}


def test_masks_in_gif_as_drive_has_them(tmp_path, draft, pictures):
    """100 masks of DRIVE are GIF; without them, a classification task of the folders was drafted."""
    for part, numbers in {"training": range(21, 33), "test": range(1, 13)}.items():
        for index in numbers:
            pictures.save(tmp_path / part / "images" / f"{index:02d}.tif", pictures.noise(index))
            pictures.save(tmp_path / part / "1st_manual" / f"{index:02d}_manual1.gif", pictures.disc(index))
    dataset, config, _, _ = draft(tmp_path)
    assert len(dataset) == 24
    (mask,) = dataset.description.masks.values()
    assert mask.path in ("{split}/1st_manual/{case}_manual1.gif", "{split}/1st_manual/{case}_manual*.gif")
    assert [task.kind for task in config.tasks] == ["segmentation"]
    assert all(record.masks for record in dataset)


def test_dicom_files_without_a_suffix_are_images_and_what_is_none_is_named(make, draft, pictures):
    folder = make("", "masks/1.2.840.{}.png")
    (folder / "scans").mkdir()
    for index in range(12):
        dicom(folder / "scans" / f"1.2.840.{index}", pictures.noise(index))
    (folder / "scans" / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    (folder / "scans" / "INSTALL").write_text("BM: read me")
    os.mkfifo(folder / "scans" / "pipe")
    shutil.copy(folder / "masks" / "1.2.840.0.png", folder / "masks" / os.fsdecode(b"caf\xe9.png"))
    dataset, config, notes, _ = draft(folder)
    assert dataset.description.images == "scans/{case}"
    assert sorted(record.case for record in dataset) == sorted(f"1.2.840.{index}" for index in range(12))
    assert all(record.masks for record in dataset)
    assert aside(notes) == (
        "Left aside: 1 file with a name that is not UTF-8 (masks/caf\\udce9.png: rename it); "
        "1 file that is an index of DICOM files (scans/DICOMDIR); 1 file of no known type (scans/INSTALL); "
        "1 file that is a named pipe (scans/pipe)."
    )
    assert api.check(folder, config.tasks).problems == []


def test_images_with_and_without_a_suffix_share_no_pattern(make, draft, pictures):
    folder = make("c{:02d}.png")
    dicom(folder / "IM0001", pictures.noise(99))
    dataset, _, notes, _ = draft(folder)
    assert len(dataset) == 12
    assert "1 image without a suffix will not be used, because no pattern fits both: IM0001." in notes.unsure


def test_a_format_that_is_not_read_is_named_with_a_cure(make, draft):
    folder = make("images/c{:02d}.png")
    (folder / "masks").mkdir()
    for index in range(12):
        (folder / "masks" / f"c{index:02d}.mha").write_text("ObjectType = Image")
    (folder / "extra.zip").write_bytes(b"PK")
    notes = draft(folder)[2]
    assert aside(notes) == (
        "Left aside: 1 file of type .zip (extra.zip: unpack it); 12 files of type .mha (masks/c00.mha, masks/c01.mha, "
        "masks/c02.mha and 9 more: save them as NIfTI or NRRD)."
    )
    with pytest.raises(DataError, match=r"no image in this folder .*, and it has 12 files of type \.mha \("):
        api.init(folder / "masks")


@pytest.mark.parametrize("name", ["images/c03.png", "cases.csv"])
def test_pointers_of_git_lfs_are_named_with_the_cure(make, name):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png", cases__csv="case,diagnosis\nc01,benign\n")
    (folder / name).write_text(POINTER)
    with pytest.raises(DataError) as caught:
        api.init(folder)
    assert str(caught.value) == (
        f"{folder}: 1 of 25 files is a Git LFS pointer in place of the file itself ({name.rpartition('/')[2]}); "
        "run `git lfs pull` in this folder"
    )
    assert not (folder / "dataset.yaml").exists()


def test_files_of_several_pictures_are_noted(make, draft, pictures):
    folder = make("", "masks/c{:02d}.png")
    (folder / "images").mkdir()
    for index in range(12):
        pages = np.stack([pictures.noise(3 * index + page) for page in range(3)])
        kind = {"imagej": True, "metadata": {"axes": "CYX" if index > 6 else "ZYX"}}
        tifffile.imwrite(folder / "images" / f"c{index:02d}.tif", pages, **kind)
    notes = draft(folder)[2]
    assert (
        "Images: 7 files hold 3 pictures each, of which number 0 is read (counted from 0). `frame` in dataset.yaml "
        "selects another one: a number, or a column of the table."
    ) in notes.unsure


def test_a_table_that_is_a_pointer_is_called_so(make):
    from unet_mtl.data.tables import read_table

    folder = make("c{:02d}.png", cases__csv=POINTER)
    with pytest.raises(
        DataError, match=r"cases\.csv: a Git LFS pointer .*; run `git lfs pull` in its repository"
    ):
        read_table(folder / "cases.csv")


def test_a_mask_in_a_gif_is_worth_its_grey_in_every_file(make, draft, pictures):
    """GIF files number their colours as they occur, so that white is 0 in one file and 1 in the next."""
    folder = make("images/c{:02d}.png")
    (folder / "masks").mkdir()
    for index in range(12):
        white_first = index % 2
        image = Image.fromarray((pictures.disc(index) > 0).astype(np.uint8) ^ white_first)
        image.putpalette([255, 255, 255, 0, 0, 0] if white_first else [0, 0, 0, 255, 255, 255])
        image.save(folder / "masks" / f"c{index:02d}.gif", optimize=False)
    dataset = draft(folder)[0]
    description = dataset.description.masks["mask"]
    assert description.values == {0: 0, 255: 1}
    for index, record in enumerate(sorted(dataset, key=lambda record: record.case)):
        np.testing.assert_array_equal(read_case_mask(record, "mask", description), pictures.disc(index) > 0)


def test_the_files_of_an_earlier_draft_are_not_left_aside(make):
    folder = make("images/c{:02d}.png", "masks/c{:02d}.png", n=3)
    before = api.init(folder).notes.unsure
    assert api.init(folder, overwrite=True).notes.unsure == before
    assert not any("Left aside" in line for line in before)
