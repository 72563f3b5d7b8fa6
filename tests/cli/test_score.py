"""unet-mtl score: its output, its errors, and that it does not load TensorFlow."""

import re

import numpy as np
import pytest
from PIL import Image

DISC = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
HALF = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def write(folder, **masks):
    folder.mkdir()
    for name, pixels in masks.items():
        Image.fromarray(np.asarray(pixels, np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def folders(tmp_path):
    names = [f"case_{i:02d}" for i in range(14)]
    truth = write(tmp_path / "truth", **dict.fromkeys(names, DISC))
    prediction = write(tmp_path / "predicted", **dict.fromkeys(names[:2], HALF), other=DISC)
    return truth, prediction


def cells(output, score):
    line = next(line for line in output.splitlines() if re.match(rf"\s+{score}\s", line))
    return line.split()


def test_the_screen(command, folders):
    code, output, errors = command("score", *folders, "--spacing", "0.5,1", "--tolerance", "0.25")
    assert code == 0
    assert output.startswith("2 pairs of masks, and 12 missing predictions counted as empty")
    # Dice 2 * 2 / (4 + 2) of the two pairs, 0 of the others.
    assert cells(output, "dice")[1] == f"{2 * (2 / 3) / 14:.3f}"
    assert cells(output, "dice")[-3:] == ["14", "12", "missed"]
    # The lower row is 0.5 mm away: of 4 + 2 surface pixels the upper 2 + 2 are within 0.25 mm.
    assert cells(output, "surface_dice_mm")[1] == f"{2 * (4 / 6) / 14:.3f}"
    for words in (
        "classes: background, class 1 (after the pixel values found; name them with --classes)",
        "patients: each case counts as its own patient; give a table of patients with --patients",
        "distances: in mm; pixels are 0.5 mm high (row to row) and 1 mm wide; surface_dice with a tolerance of",
        f"tables in {folders[1] / 'scores'}",
    ):
        assert words in output
    missing, extra = errors
    assert missing == (
        "warning: 12 of 14 true masks have no prediction, counted as empty predictions: "
        + ", ".join(f"case_{i:02d}" for i in range(2, 12))
        + " and 2 more"
    )
    assert extra == "warning: 1 of 3 predictions have no true mask, not measured: other"


def test_the_output_without_tolerance_and_missing_cases(command, folders):
    code, output, _ = command("score", *folders, "--missing", "leave-out", "--out", folders[0].parent / "out")
    assert code == 0
    assert "surface_dice" not in output
    assert " tolerance" not in output
    assert cells(output, "dice")[1] == "0.667"
    assert "hd95_px" in output
    assert sorted(path.name for path in (folders[0].parent / "out").iterdir()) == [
        "cases.csv",
        "summary.json",
    ]
    assert not (folders[1] / "scores").exists()


def test_text_becomes_settings(command, folders, tmp_path):
    truth, prediction = folders
    rows = "".join(f"case_{i:02d},{i % 2},0.5\n" for i in range(16))
    (tmp_path / "table.csv").write_text(f"name,who,mm\n{rows}")
    code, output, _ = command(
        "score",
        *(truth, prediction, "--classes", "background, lesion", "--values", "0=0,1=1"),
        *("--patients", tmp_path / "table.csv", "--patient-column", "who", "--spacing", "mm"),
    )
    assert code == 0
    assert "patients: 2, from column 'who' of" in output
    assert "table.csv: 2 of 16 rows belong to no true mask: 'case_14', 'case_15'\n" in output
    assert "pixels are 0.5 to 0.5 mm, from column 'mm'" in output
    assert "classes: 0 background, 1 lesion\n" in output


def test_two_columns_of_spacing_in_a_semicolon_table(command, folders, tmp_path):
    rows = "".join(f"case_{i:02d};{i};0,5;1\n" for i in range(14))
    (tmp_path / "table.csv").write_text(f"Image ID;PatientID;px_row;px_col\n{rows}")
    code, output, _ = command(
        "score", *folders, "--patients", tmp_path / "table.csv", "--spacing", "px_row,px_col"
    )
    assert code == 0
    assert "patients: 14, from column 'PatientID' of" in output
    assert "pixels are 0.5 to 1 mm, from column 'px_row,px_col'" in output
    assert "intervals: some may be too narrow, since there are only 14 patients" in output


def test_several_classes_are_listed_and_their_mean_is_labelled(command, tmp_path):
    truth = write(tmp_path / "truth", a=[[0, 1, 2, 2]], b=[[0, 1, 1, 2]])
    prediction = write(tmp_path / "predicted", a=[[0, 1, 1, 0]], b=[[0, 1, 1, 0]])
    code, output, errors = command("score", truth, prediction, "--classes", "background,nucleus,rim")
    assert code == 0
    assert re.search(r"^  dice \(mean of classes\) +0\.4", output, flags=re.M)
    assert "\nclasses: 0 background, 1 nucleus, 2 rim\n" in output
    assert "counts as the image diagonal in distances and as 0 in Dice" in output
    assert errors == [f"warning: {prediction} has no rim: in the true masks, but never predicted"]
    code, output, errors = command("score", truth, prediction, "--classes", "nucleus,rim")
    assert (code, output) == (1, "")
    assert errors == [
        f"error: {truth}: 2 names but 3 pixel values (0, 1, 2); the background is named first, as in "
        "--classes background,nucleus,rim"
    ]


def test_a_spacing_of_0_is_named_in_the_error(command, folders):
    for value, shown in (("0", "'0'"), ("1,2,3", "1,2,3")):
        code, _, errors = command("score", *folders, "--spacing", value)
        assert (code, len(errors)) == (1, 1)
        assert errors[0].startswith(f"error: --spacing is {shown}; expected millimetres above 0")
    assert errors[0].endswith("one number or two (row, column)")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--values", "0:0"], "expected NUMBER=CLASS"),
        (["--values", "0=0,0=1"], "expected each number once"),
        (["--missing", "skip"], "leave-out"),
    ],
)
def test_wrong_usage_exits_with_2(command, folders, arguments, words):
    code, _, errors = command("score", *folders, *arguments)
    assert code == 2
    assert words in " ".join(errors)


def test_no_pair_exits_with_1_and_a_cure(command, tmp_path):
    truth = write(tmp_path / "truth", a=DISC, b=DISC, c=DISC)
    prediction = write(tmp_path / "predicted", a_pred=DISC, b_pred=DISC)
    code, output, errors = command("score", truth, prediction)
    assert (code, output) == (1, "")
    (line,) = errors
    assert line.startswith("error: no true mask has a prediction of the same name: 3 files in ")
    assert line.endswith('give the pattern of the file names: --prediction-names "{case}_pred"')
    code, output, errors = command("score", truth, prediction, "--prediction-names", "{case}_pred")
    assert code == 0
    assert "2 pairs" in output
    assert errors == ["warning: 1 of 3 true masks have no prediction, counted as empty predictions: c"]


def test_problems_exit_with_1_and_nothing_is_written(command, folders):
    Image.new("L", (9, 9)).save(folders[1] / "case_00.png")
    (folders[1] / "case_01.png").write_bytes(b"")
    code, output, errors = command("score", *folders)
    assert (code, output) == (1, "")
    assert "case_00.png: 9x9 pixels (rows x columns), but the true mask " in errors[0]
    assert "case_00.png has 3x4" in errors[0]
    assert "case_01.png: not a readable image" in errors[1]
    assert len(errors) == 2
    assert not (folders[1] / "scores").exists()
