"""Repaired copies: errors that cannot be repaired, cases that are left out, wrong arguments, and the command."""

import errno
import hashlib
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import unet_mtl as um
from unet_mtl.data.images import read_image
from unet_mtl.errors import WriteError


@pytest.fixture
def folder(write_data, tmp_path):
    path = tmp_path / "tiny"
    write_data(path)
    return path


def change_table(folder, change):
    table = pd.read_csv(folder / "cases.csv", dtype=str, keep_default_na=False)
    change(table).to_csv(folder / "cases.csv", index=False)


def change_yaml(folder, change):
    content = yaml.safe_load((folder / "dataset.yaml").read_text())
    change(content)
    (folder / "dataset.yaml").write_text(yaml.safe_dump(content))


def no_image(folder):
    (folder / "images" / "case_03.png").unlink()
    return "case_03", "image-missing"


def truncated_image(folder):
    path = folder / "images" / "case_05.png"
    path.write_bytes(path.read_bytes()[:500])
    return "case_05", "image-unreadable"


def truncated_mask(folder):
    path = folder / "masks" / "case_05.png"
    path.write_bytes(path.read_bytes()[:40])
    return "case_05", "mask-unreadable"


def mask_of_another_size(folder):
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(folder / "masks" / "case_01.png")
    return "case_01", "mask-size"


def mask_of_an_unknown_class(folder):
    Image.fromarray(np.full((32, 32), 7, np.uint8)).save(folder / "masks" / "case_01.png")
    return "case_01", "mask-values"


def unknown_word(folder):
    change_table(folder, lambda table: table.replace({"diagnosis": {"benign": "odd"}}).iloc[:5])
    return "case_04", "class-unknown"


def rows_that_contradict(folder):
    change_table(
        folder, lambda table: pd.concat([table, table[table["case"] == "case_03"].assign(size_mm="99")])
    )
    return "case_03", "case-repeated"


def a_renamed_image_with_a_wrong_mask(folder):
    """The file could not be opened before its name was guessed."""
    (folder / "images" / "case_01.png").rename(folder / "images" / "Case_01.png")
    return mask_of_another_size(folder)


def a_renamed_image_that_is_truncated(folder):
    path = folder / "images" / "case_05.png"
    path = path.rename(folder / "images" / "Case_05.png")
    path.write_bytes(path.read_bytes()[:500])
    return "case_05", "image-unreadable"


NOT_MENDED = [
    no_image,
    truncated_image,
    truncated_mask,
    mask_of_another_size,
    mask_of_an_unknown_class,
    rows_that_contradict,
    a_renamed_image_with_a_wrong_mask,
    a_renamed_image_that_is_truncated,
]


@pytest.mark.parametrize("break_it", NOT_MENDED)
def test_what_cannot_be_repaired_is_refused_or_left_out(folder, tmp_path, break_it, read_log):
    case, kind = break_it(folder)
    with pytest.raises(um.UnetMtlError) as error:
        um.repair(folder, tmp_path / "copy", progress=False)
    lines = str(error.value).splitlines()
    assert case in lines[0].lower()
    assert "nothing was written: these errors cannot be repaired; give `leave_out=True` to write" in lines[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]
    repaired = um.repair(folder, tmp_path / "copy", leave_out=True, progress=False)
    rows = [row for row in read_log(tmp_path / "copy") if row[4] == "left out"]
    left_out = {row[0] for row in rows}
    assert case in left_out
    assert {row[2] for row in rows} == {kind}
    copy = um.read_dataset(tmp_path / "copy")
    assert not left_out & {record.case for record in copy}
    assert len(copy) == repaired.cases == 12 - len(left_out)
    assert {path.stem for path in (tmp_path / "copy" / "images").iterdir()} == {r.case for r in copy}
    assert um.check(tmp_path / "copy").problems == []


def test_errors_of_no_single_case_are_refused_with_leave_out(folder, tmp_path):
    change_yaml(folder, lambda content: content["masks"]["zone"].update(path="nowhere/{case}.png"))
    for leave_out in (False, True):
        with pytest.raises(um.UnetMtlError, match=r"no file matches .*\nnothing was written: .*correct"):
            um.repair(folder, tmp_path / "copy", leave_out=leave_out, progress=False)
    assert not (tmp_path / "copy").exists()


def test_a_copy_that_would_still_be_wrong_is_refused(folder, tmp_path):
    """Without the only case with a foreground, no mask has a class."""
    for path in (folder / "masks").iterdir():
        if path.stem != "case_01":
            Image.fromarray(np.zeros((32, 32), np.uint8)).save(path)
    (folder / "images" / "case_01.png").unlink()
    with pytest.raises(um.UnetMtlError, match="the copy would still have these errors"):
        um.repair(folder, tmp_path / "copy", leave_out=True, progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


def test_all_cases_left_out(folder, tmp_path):
    shutil.rmtree(folder / "images")
    with pytest.raises(um.UnetMtlError, match="no case is left"):
        um.repair(folder, tmp_path / "copy", leave_out=True, progress=False)


def test_errors_of_the_split_do_not_prevent_a_copy(folder, tmp_path):
    change_table(folder, lambda table: table.assign(split="train"))
    repaired = um.repair(folder, tmp_path / "copy", progress=False)
    assert "split" in {finding.name for finding in repaired.left}


def test_a_patient_in_two_splits_is_listed_and_kept(folder, tmp_path, command):
    def change(table):
        table.loc[table["case"].isin(["case_01", "case_06"]), "patient"] = "same"
        return table

    change_table(folder, change)
    assert command("check", folder)[0] == 1
    code, output, errors = command("check", folder, "--fix", tmp_path / "copy", "--leave-out")
    assert (code, errors) == (0, [])
    assert "patient-split" in output.partition("not repaired")[2]
    assert "12 cases in" in output


def test_out_is_used(folder, tmp_path, command):
    out = tmp_path / "copy"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    code, _, errors = command("check", folder, "--fix", out)
    assert (code, errors) == (1, [f"error: {out}: already exists; choose a new folder"])
    assert (out / "mine.txt").read_text() == "mine"
    (out / "mine.txt").unlink()
    assert command("check", folder, "--fix", out)[0] == 0
    assert (out / "dataset.yaml").is_file()


def test_out_may_not_contain_the_source_or_be_inside_it(folder, tmp_path, command):
    (tmp_path / "link").symlink_to(folder)
    for out in (folder / "copy", folder, tmp_path / "link" / "copy"):
        code, _, errors = command("check", folder, "--fix", out)
        assert code == 1
        assert len(errors) == 1
        assert f"is inside the data set {folder}" in errors[0]
    code, _, errors = command("check", folder, "--fix", tmp_path)
    assert (code, errors) == (1, [f"error: {tmp_path}: contains the data set {folder}; choose a new folder"])


def test_a_kind_that_is_not_repaired_on_request(folder, tmp_path, command):
    for kind in ("mask-size", "nonsense", "mask-stray"):
        code, _, errors = command("check", folder, "--fix", tmp_path / "copy", "--mend", kind)
        assert (code, errors) == (
            1,
            [
                f"error: --mend contains {kind!r}, which is not repaired on request; expected one of "
                "patient-spelling, image-inverted, mask-inverted"
            ],
        )
    code, output, _ = command("check", folder, "--fix", tmp_path / "copy", "--mend", "mask-inverted")
    assert code == 0
    assert "--mend mask-inverted changed nothing" in output


def test_options_without_fix_are_wrong_usage(folder, command):
    assert command("check", folder, "--mend", "mask-inverted")[0] == 2
    assert command("check", folder, "--leave-out")[0] == 2


@pytest.mark.parametrize(
    "where",
    ["shutil.copyfile", "unet_mtl.prepare.repair.repaired_copy.write_mask", "pandas.DataFrame.to_csv"],
)
def test_a_full_disk_leaves_nothing(folder, tmp_path, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(where, full)
    with pytest.raises(WriteError, match=r"cannot write .*copy: No space left on device"):
        um.repair(folder, tmp_path / "copy", progress=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


def test_names_that_lead_out_of_the_copy(folder, tmp_path, read_log):
    """A path below the root of the original, but not below images/."""
    for name in ("images", "masks"):
        (folder / name / "case_00.png").rename(folder / "outer.png")
    change_yaml(folder, lambda content: content.pop("masks"))
    change_table(folder, lambda table: table.replace({"case": {"case_00": "../outer"}}))
    with pytest.raises(um.UnetMtlError, match="the name cannot be a file name; rename it"):
        um.repair(folder, tmp_path / "copy", progress=False)
    um.repair(folder, tmp_path / "copy", leave_out=True, progress=False)
    assert "../outer" in {row[0] for row in read_log(tmp_path / "copy")}
    assert len(um.read_dataset(tmp_path / "copy")) == 11


def test_formulas_in_the_log_are_text(folder, tmp_path, read_log):
    change_table(folder, lambda table: table.assign(note="=HYPERLINK(0)", case=["=a", *table["case"][1:]]))
    for name in ("images", "masks"):
        (folder / name / "case_00.png").rename(folder / name / "=a.png")
    repaired = um.repair(folder, tmp_path / "copy", progress=False)
    assert next(row[:1] + row[2:] for row in read_log(tmp_path / "copy")) == (
        "'=a",
        "formula",
        "note: =HYPERLINK(0)",
        "note: '=HYPERLINK(0)",
    )
    # a name is not changed, since files have the same one, but it is logged
    assert (
        repaired.before.dataset.records[0].case == um.read_dataset(tmp_path / "copy").records[0].case == "=a"
    )
    assert "formula" in {finding.name for finding in repaired.left}


def test_the_output_of_the_command(folder, tmp_path, command, read_log):
    (folder / "config.yaml").write_text(
        "data: .\ntasks:\n  - {kind: segmentation, name: zone}\n  - {kind: classification, name: diagnosis}\n"
    )
    change_table(folder, lambda table: table.replace({"diagnosis": {"benign": "Benign"}}))
    (folder / "images" / "case_03.png").unlink()
    code, output, errors = command("check", folder / "config.yaml", "--fix", tmp_path / "copy")
    assert code == 1
    assert errors[-1].endswith("give --leave-out to write a copy without 1 case")
    code, output, errors = command("check", folder / "config.yaml", "--fix", tmp_path / "copy", "--leave-out")
    assert (code, errors) == (0, [])
    assert max(map(len, output.splitlines())) <= 80 + len(str(tmp_path))
    assert "class-spelling" in output
    assert "image-missing" in output
    n = len(read_log(tmp_path / "copy"))
    assert f"11 cases in {tmp_path / 'copy'}; {n} changes, listed in repairs.csv" in output


def test_class_folders_and_masks_of_several_files(tmp_path):
    """All variants of a native layout, and the names, labels and masks of every case."""
    rng = np.random.default_rng(0)
    root = tmp_path / "native"
    for index in range(12):
        word = ["benign", "Malig nant"][index % 2]
        (root / word).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (20, 20), np.uint8)
        Image.fromarray(pixels).save(root / word / f"x ({index}).png")
        for part in range(2):
            mask = np.zeros((20, 20), np.uint8)
            mask[part * 8 : part * 8 + 4, 2 : 6 + index] = 255
            Image.fromarray(mask).save(root / word / f"x ({index})_mask_{part}.png")
    description = {
        "images": "{word}/{case}.png",
        "masks": {
            "spot/1": {
                "path": "{word}/{case}_mask*.png",
                "classes": ["none", "spot"],
                "values": {0: 0, 255: 1},
            }
        },
        "columns": {"word": {"classes": ["benign", "malignant"]}},
        "spacing_mm": [0.2, 0.1],
    }
    (root / "dataset.yaml").write_text(yaml.safe_dump(description))
    um.repair(root, tmp_path / "copy", progress=False)
    copy = um.read_dataset(tmp_path / "copy")
    assert sorted(r.case for r in copy) == sorted(f"x ({i})" for i in range(12))
    assert [r.labels["word"] for r in copy] == ["benign", "malignant"] * 0 + ["malignant"] * 6 + [
        "benign"
    ] * 6
    assert {r.spacing_mm for r in copy} == {(0.2, 0.1)}
    with Image.open(copy.records[0].masks["spot/1"][0].path) as mask:
        assert int((np.asarray(mask) == 1).sum()) == 2 * 4 * (4 + int(copy.records[0].case[3:-1]))


def test_names_inside_cells_and_missing_words(folder, tmp_path):
    change_table(folder, lambda table: table.assign(case=[f"bus_{case}.png" for case in table["case"]]))
    change_table(folder, lambda table: table.replace({"size_mm": {"": "unclear"}}))
    change_yaml(folder, lambda content: content.update(names="bus_{case}.png", missing=["unclear"]))
    um.repair(folder, tmp_path / "copy", progress=False)
    good, copy = um.read_dataset(folder), um.read_dataset(tmp_path / "copy")
    assert [(r.case, r.labels) for r in copy] == [(r.case, r.labels) for r in good]
    assert (tmp_path / "copy" / "images" / "case_00.png").is_file()


def test_slices_of_a_volume_become_pictures(tmp_path, read_log):
    nibabel = pytest.importorskip("nibabel")
    root = tmp_path / "volume"
    root.mkdir()
    numbers = np.random.default_rng(0).integers(-1000, 3000, (24, 20, 6)).astype(np.int16)
    labels = np.zeros((24, 20, 6), np.uint8)
    labels[4:9, 5:9, :] = 1
    for name, array in (("ct", numbers), ("label", labels)):
        image = nibabel.Nifti1Image(array, np.diag([0.5, 0.75, 3, 1]))
        image.header.set_xyzt_units("mm")
        nibabel.save(image, root / f"v_{name}.nii.gz")
    rows = "\n".join(f"s{i},v,{i}" for i in range(6))
    (root / "cases.csv").write_text(f"case,volume,slice\n{rows}\n")
    description = {
        "table": "cases.csv",
        "images": "{volume}_ct.nii.gz",
        "frame": "slice",
        "spacing_mm": "header",
        "masks": {"organ": {"path": "{volume}_label.nii.gz", "classes": ["none", "organ"]}},
    }
    (root / "dataset.yaml").write_text(yaml.safe_dump(description))
    before = hashlib.sha256((root / "v_ct.nii.gz").read_bytes()).hexdigest()
    um.repair(root, tmp_path / "copy", progress=False)
    assert hashlib.sha256((root / "v_ct.nii.gz").read_bytes()).hexdigest() == before
    good, copy = um.read_dataset(root), um.read_dataset(tmp_path / "copy")
    for one, other in zip(good, copy, strict=True):
        assert (other.case, other.patient, other.spacing_mm) == (one.case, one.patient, one.spacing_mm)
        np.testing.assert_array_equal(read_image(one.image, one.frame), read_image(other.image))
    assert good.records[0].spacing_mm in {(0.75, 0.5), (0.5, 0.75)}
    assert [row[2] for row in read_log(tmp_path / "copy")] == ["frame"] * 6
    assert re.fullmatch(r"s0.npy, where -\d+..\d+ is 0..1", read_log(tmp_path / "copy")[0][4])
    # a window in the config is one of the scanner's numbers, which are kept then
    seen = um.Preprocess(intensity=(-160, 240))
    um.repair(root, tmp_path / "raw", preprocess=seen, progress=False)
    for one, other in zip(good, um.read_dataset(tmp_path / "raw"), strict=True):
        np.testing.assert_array_equal(seen.open(one.image, one.frame), seen.open(other.image))
