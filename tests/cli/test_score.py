"""unet-mtl score: what it prints, what it refuses, and that it does without TensorFlow."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from unet_mtl.cli import main

DISC = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
HALF = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


@pytest.fixture
def run(monkeypatch, capsys):
    """Calls the command in this process: exit code, output, lines of errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["unet-mtl", "score", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "100")
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return code, printed.out, [line for line in printed.err.splitlines() if line.strip()]

    return call


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


def test_the_screen(run, folders):
    code, output, errors = run(*folders, "--spacing", "0.5,1", "--tolerance", "0.25")
    assert code == 0
    assert output.startswith("2 pairs of masks measured, and 12 truths without a prediction as empty")
    # Dice 2 * 2 / (4 + 2) of the two pairs, 0 of the others.
    assert cells(output, "dice")[1] == f"{2 * (2 / 3) / 14:.3f}"
    assert cells(output, "dice")[-3:] == ["14", "12", "missed"]
    # The lower row is 0.5 mm away: of 4 + 2 surface pixels the upper 2 + 2 are within 0.25 mm.
    assert cells(output, "surface_dice_mm")[1] == f"{2 * (4 / 6) / 14:.3f}"
    for words in (
        "classes: background, class 1 (from the numbers found; --classes names them)",
        "patients: each case its own",
        "distances: in mm; pixels are 0.5 mm high (row to row) and 1 mm wide; surface_dice with a tolerance of",
        f"tables in {folders[1] / 'scores'}",
    ):
        assert words in output
    missing, extra = errors
    assert missing == (
        "warning: 12 of 14 truths have no prediction, counted as empty predictions: "
        + ", ".join(f"case_{i:02d}" for i in range(2, 12))
        + " and 2 more"
    )
    assert extra == "warning: 1 of 3 predictions have no truth, not measured: other"


def test_nothing_is_said_of_what_was_not_asked_for(run, folders):
    code, output, _ = run(*folders, "--missing", "leave-out", "--out", folders[0].parent / "out")
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


def test_words_become_settings(run, folders, tmp_path):
    truth, prediction = folders
    rows = "".join(f"case_{i:02d},{i % 2},0.5\n" for i in range(14))
    (tmp_path / "table.csv").write_text(f"name,who,mm\n{rows}")
    code, output, _ = run(
        *(truth, prediction, "--classes", "background, lesion", "--values", "0=0,1=1"),
        *("--patients", tmp_path / "table.csv", "--patient-column", "who", "--spacing", "mm"),
    )
    assert code == 0
    assert "patients: 2, of column 'who' of" in output
    assert "pixels are 0.5 to 0.5 mm, by column 'mm'" in output
    assert "classes: 0 background, 1 lesion\n" in output


def test_two_columns_of_spacing_in_a_semicolon_table(run, folders, tmp_path):
    rows = "".join(f"case_{i:02d};{i};0,5;1\n" for i in range(14))
    (tmp_path / "table.csv").write_text(f"Image ID;PatientID;px_row;px_col\n{rows}")
    code, output, _ = run(*folders, "--patients", tmp_path / "table.csv", "--spacing", "px_row,px_col")
    assert code == 0
    assert "patients: 14, of column 'PatientID' of" in output
    assert "pixels are 0.5 to 1 mm, by column 'px_row,px_col'" in output
    assert "intervals: of only 14 patients, and so too narrow" in output


def test_several_classes_are_echoed_and_their_mean_is_called_one(run, tmp_path):
    truth = write(tmp_path / "truth", a=[[0, 1, 2, 2]], b=[[0, 1, 1, 2]])
    prediction = write(tmp_path / "predicted", a=[[0, 1, 1, 0]], b=[[0, 1, 1, 0]])
    code, output, errors = run(truth, prediction, "--classes", "background,nucleus,rim")
    assert code == 0
    assert re.search(r"^  dice \(mean of classes\) +0\.4", output, flags=re.M)
    assert "\nclasses: 0 background, 1 nucleus, 2 rim\n" in output
    assert "counts as the picture's diagonal in distances and 0 in Dice" in output
    assert errors == [f"warning: {prediction} has no rim: in the truth, but never predicted"]
    code, output, errors = run(truth, prediction, "--classes", "nucleus,rim")
    assert (code, output) == (1, "")
    assert errors == [
        f"error: {truth}: 2 names but the files have 3 numbers (0, 1, 2): names start with the background: "
        "--classes background,nucleus,rim"
    ]


def test_a_spacing_of_0_is_echoed_as_given(run, folders):
    for given, shown in (("0", "'0'"), ("1,2,3", "1,2,3")):
        code, _, errors = run(*folders, "--spacing", given)
        assert (code, len(errors)) == (1, 1)
        assert errors[0].startswith(f"error: spacing is {shown}; expected millimetres above 0")
    assert errors[0].endswith("one number or two (row, column)")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--values", "0:0"], "expected NUMBER=CLASS"),
        (["--values", "0=0,0=1"], "says twice"),
        (["--missing", "skip"], "leave-out"),
    ],
)
def test_wrong_usage_exits_with_2(run, folders, arguments, words):
    code, _, errors = run(*folders, *arguments)
    assert code == 2
    assert words in " ".join(errors)


def test_no_pair_exits_with_1_and_a_cure(run, tmp_path):
    truth = write(tmp_path / "truth", a=DISC, b=DISC, c=DISC)
    prediction = write(tmp_path / "predicted", a_pred=DISC, b_pred=DISC)
    code, output, errors = run(truth, prediction)
    assert (code, output) == (1, "")
    (line,) = errors
    assert line.startswith("error: no truth has a prediction of its name: 3 files in ")
    assert line.endswith('say how they are named with --prediction-names "{case}_pred"')
    code, output, errors = run(truth, prediction, "--prediction-names", "{case}_pred")
    assert code == 0
    assert "2 pairs" in output
    assert errors == ["warning: 1 of 3 truths have no prediction, counted as empty predictions: c"]


def test_problems_exit_with_1_and_nothing_is_written(run, folders):
    Image.new("L", (9, 9)).save(folders[1] / "case_00.png")
    (folders[1] / "case_01.png").write_bytes(b"")
    code, output, errors = run(*folders)
    assert (code, output) == (1, "")
    assert "case_00.png: 9x9 pixels (rows x columns), but the truth " in errors[0]
    assert "case_00.png has 3x4" in errors[0]
    assert "case_01.png: not a readable image" in errors[1]
    assert len(errors) == 2
    assert not (folders[1] / "scores").exists()


LOADED = """
import sys
from unet_mtl.cli import main
sys.argv = ["unet-mtl", "score", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("HEAVY", sorted({"tensorflow", "keras", "matplotlib", "albumentations"} & set(sys.modules)))
"""


def test_tensorflow_keras_and_matplotlib_stay_unloaded(folders):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "100"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"
