"""predict and overlay on folders as users have them: every format, odd names, pipes, and files of several pictures."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml

import unet_mtl as um
from unet_mtl.data.readers import FORMATS
from unet_mtl.errors import DataError
from unet_mtl.inference.files import find_images

from ..data.samples import SAMPLES

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32)).astype(np.uint8)
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def put(folder: Path, key: str, name: str | None = None) -> Path:
    """Write a file of one format, under another name if it is given."""
    folder.mkdir(exist_ok=True)
    path = SAMPLES[key](folder / f"{key}{FORMATS[key].suffixes[-1]}", PIXELS)
    return path if name is None else path.rename(folder / name)


def rows_of(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "predictions.csv", keep_default_na=False)


def test_every_format_of_a_folder_is_read(command, trained, tmp_path):
    folder = tmp_path / "in"
    put(folder, "dicom", "1.2.840.113619.2.55")
    for key in FORMATS:
        put(folder, key)
    (folder / "notes.txt").write_text("no image")
    code, output, errors = command("predict", trained.path, folder, "--out", tmp_path / "out")
    n = len(FORMATS) + 1
    assert (code, output.partition(";")[0]) == (0, f"{n} images predicted")
    assert errors == [f"note: {folder}: left aside 1 file of type .txt (notes.txt)"]
    assert len(rows_of(tmp_path / "out")) == n
    assert (tmp_path / "out" / "zone" / "1.2.840.113619.2.55.png").is_file()


def test_overlay_asks_the_same_registry(command, trained, tmp_path):
    put(tmp_path / "in", "dicom", "IM0001")
    tifffile.imwrite(tmp_path / "in" / "a.tif", np.stack([PIXELS] * 3), photometric="minisblack")
    (tmp_path / "in" / "a.mha").write_text("")
    put(tmp_path / "in", "png", os.fsdecode(b"caf\xe9.png"))
    code, output, errors = command("overlay", trained.path, tmp_path / "in", "--out", tmp_path / "out")
    assert (code, output.partition(" in ")[0]) == (0, "3 pictures")
    assert errors == [
        f"note: {tmp_path}/in: left aside 1 file of type .mha (a.mha: save it as NIfTI or NRRD)",
        "note: 1 file holds 3 pictures, of which number 0 is read (counted from 0); --frame selects another one",
    ]


def test_dicom_files_without_a_suffix_alone(command, trained, tmp_path):
    for number in range(3):
        put(tmp_path / "in", "dicom", f"IM.000{number}")
    (tmp_path / "in" / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    code, output, errors = command("predict", trained.path, tmp_path / "in", "--out", tmp_path / "out")
    assert (code, output.partition(";")[0]) == (0, "3 images predicted")
    assert errors == [f"note: {tmp_path}/in: left aside 1 file that is an index of DICOM files (DICOMDIR)"]


def test_one_odd_file_does_not_lose_the_table_of_the_others(command, trained, tmp_path):
    """Neither table nor mask can have the name of the first two files, and the third has no content."""
    folder = tmp_path / "in"
    put(folder, "png", os.fsdecode(b"caf\xe9.png"))
    put(folder, "png", "x" * 250 + ".png")
    (folder / "pointer.png").write_text(POINTER)
    os.mkfifo(folder / "pipe.png")
    put(folder, "png", "good.png")
    code, output, errors = command("predict", trained.path, folder, "--out", tmp_path / "out")
    assert (code, output.partition(";")[0]) == (1, "1 image predicted")
    rows = rows_of(tmp_path / "out").set_index("image")
    error = rows["error"].rename(lambda path: Path(path).name[:14])
    assert error["good.png"] == ""
    assert error["caf\\udce9.png"].endswith("the name of the file or of its folder is not UTF-8; rename it")
    assert error["x" * 14].endswith("the name is too long for the file of a mask; rename the image")
    assert "run `git lfs pull`" in error["pointer.png"]
    assert len(rows) == 4
    assert errors[0] == f"note: {folder}: left aside 1 file that is a named pipe (pipe.png)"
    assert len(errors) == 4
    assert [path.name for path in (tmp_path / "out" / "zone").iterdir()] == ["good.png"]


def test_a_column_selects_the_picture_of_each_file(command, trained, tmp_path):
    """The run reads no columns, and its data have no column of frames, so that the column is called frame."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    pages = np.stack([PIXELS, 255 - PIXELS, PIXELS // 2])
    for name in ("first", "last", "wrong"):
        tifffile.imwrite(folder / f"{name}.tif", pages, photometric="minisblack")
    put(folder, "png", "single.png")
    table = tmp_path / "table.csv"
    table.write_text("case,frame\nfirst,\nlast,2\nwrong,x\nsingle,7\nother,1\n")
    code, _, errors = command("predict", trained.path, folder, "--table", table, "--out", out, "--frame", 1)
    rows = (
        rows_of(out)
        .assign(image=lambda rows: rows["image"].map(lambda path: Path(path).stem))
        .set_index("image")
    )
    assert code == 1
    assert rows["frame"].to_dict() == {"first": "1", "last": "2", "single": "", "wrong": "0"}
    assert rows.loc["wrong", "error"] == "case 'wrong': frame is 'x'; expected a whole number of at least 0"
    assert (rows.drop(index="wrong")["error"] == "").all()
    assert "1 of 5 rows without an image: 'other'" in " ".join(" ".join(errors).split())
    table.write_text("case,slice\nfirst,1\n")
    code, _, errors = command("predict", trained.path, folder, "--table", table, "--out", out)
    assert (code, errors) == (
        1,
        [
            f"error: {table}: the run reads no columns of a table, and there is no column 'frame', which selects a "
            "picture of files that hold several; leave --table out"
        ],
    )


def test_masks_of_earlier_predictions_are_named(command, trained, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "b.png"):
        put(folder, "png", name)
    for _ in range(2):
        code, _, errors = command("predict", trained.path, folder, "--out", out)
        assert (code, errors) == (0, [])
    (folder / "a.png").unlink()
    (folder / "b.png").rename(folder / "c.png")
    code, _, errors = command("predict", trained.path, folder, "--out", out)
    assert (code, errors) == (
        0,
        [
            f"note: {out}: 2 masks of earlier predictions without a row in predictions.csv: zone/a.png, zone/b.png; "
            "remove what you do not need, or give another folder"
        ],
    )
    assert len(rows_of(out)) == 1


def test_files_of_several_pictures_are_noted_and_a_frame_selects_another(command, trained, tmp_path):
    folder = tmp_path / "in"
    put(folder, "png", "single.png")
    pages = np.stack([PIXELS, 255 - PIXELS, PIXELS // 2])
    for name in ("a", "b"):
        tifffile.imwrite(folder / f"{name}.tif", pages, photometric="minisblack")
    code, _, errors = command("predict", trained.path, folder, "--out", tmp_path / "out")
    held = "note: 2 files hold 3 pictures each, of which number {} is read (counted from 0); --frame selects another"
    assert (code, errors) == (0, [f"{held.format(0)} one"])
    first = rows_of(tmp_path / "out")
    assert first[["frame", "frames"]].values.tolist() == [["0", "3"], ["0", "3"], ["", ""]]
    code, _, errors = command("predict", trained.path, folder, "--out", tmp_path / "other", "--frame", 1)
    assert (code, errors) == (0, [f"{held.format(1)} one"])
    other = rows_of(tmp_path / "other")
    assert (first["size_mm"] == other["size_mm"]).tolist() == [False, False, True]
    predictor = um.Predictor.load(trained)
    assert other["size_mm"][0] == pytest.approx(predictor(folder / "a.tif", 1)["size"].value, abs=1e-3)


def test_the_frame_of_the_training_is_read_of_new_files(trained, tmp_path):
    import shutil

    run = um.RunFolder(tmp_path / "run")
    shutil.copytree(trained.path, run.path)
    settings = yaml.safe_load(run.config.read_text())
    settings["data"]["frame"] = 2
    run.config.write_text(yaml.safe_dump(settings))
    folder = tmp_path / "in"
    folder.mkdir()
    tifffile.imwrite(folder / "a.tif", np.stack([PIXELS] * 4), photometric="minisblack")
    with pytest.warns(UserWarning, match="1 file holds 4 pictures, of which number 2 is read"):
        table = um.predict(run, [folder], tmp_path / "out", progress=False)
    assert table["frame"].tolist() == [2]


def test_what_cannot_be_opened_is_one_line(command, trained, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    paths = [tmp_path / ("x" * 300), tmp_path / "pipe", tmp_path / "absent"]
    with pytest.raises(DataError) as caught:
        find_images(paths)
    assert caught.value.problems == [
        f"{paths[0]}: cannot be opened (File name too long)",
        f"{paths[1]}: this is a named pipe; expected an image, or a folder of images",
        f"{paths[2]}: no such file or folder",
    ]
    code, _, errors = command("check", paths[0])
    assert (code, errors) == (1, [f"error: {paths[0]}: File name too long"])
    code, _, errors = command("score", paths[0], paths[0])
    assert (code, errors) == (1, [f"error: {paths[0]}: File name too long"])
    code, _, errors = command("init", paths[0])
    assert (code, errors) == (1, [f"error: {paths[0]}/dataset.yaml: File name too long"])
    stat = Path.stat

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    code, _, errors = command("predict", trained.path, tmp_path / "closed", "--out", tmp_path / "out")
    assert (code, errors) == (1, [f"error: {tmp_path}/closed: cannot be opened (Permission denied)"])


@pytest.mark.parametrize("command_name", ["predict", "overlay"])
def test_a_file_in_place_of_the_folder_of_results_is_named_before_anything_is_computed(
    command, trained, tmp_path, command_name
):
    put(tmp_path / "in", "png")
    file = tmp_path / "in/png.png"
    code, _, errors = command(command_name, trained.path, tmp_path / "in", "--out", file)
    content = {"predict": "predictions.csv", "overlay": "the pictures"}[command_name]
    assert (code, errors) == (
        1,
        [f"error: cannot write into {file}: {file} is a file; give a folder for {content} with --out"],
    )


def test_masks_in_the_folder_of_a_data_set_are_no_images(command, trained, data_folder, tmp_path):
    n = len(list((data_folder / "images").iterdir()))
    code, out, errors = command("predict", trained.path, data_folder, "--out", tmp_path / "out")
    assert (code, out.partition(";")[0]) == (0, f"{n} images predicted")
    assert any(" named like masks (" in line for line in errors)


def test_a_folder_without_an_image_says_what_it_has(tmp_path):
    (tmp_path / "a.mha").write_text("")
    with pytest.raises(
        DataError,
        match=r"known are \.png.*; it has 1 file of type \.mha \(a\.mha: save it as NIfTI or NRRD\)$",
    ):
        find_images([tmp_path])
