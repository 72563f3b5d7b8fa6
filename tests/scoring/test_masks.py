"""Scores of the masks in two folders, each computed by hand."""

import json
import math
from math import hypot

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from unet_mtl.api import score
from unet_mtl.errors import ConfigError, DataError, WriteError

EMPTY = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
# One row of pixels each, so that every pixel is surface.
TWO = [[0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
THREE = [[0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0]]
ABOVE = [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
BELOW = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
DIAGONAL = hypot(3 * 2.0, 6 * 0.5)


def measure(truth, prediction, **options):
    return score(truth, prediction, **{"progress": False} | options)


def row(evaluation, name):
    return evaluation.scores.set_index("score").loc[name]


@pytest.fixture
def folders(write_masks):
    """Pair a overlaps, pair b does not, c has no prediction, d has no true mask."""
    truth = write_masks("truth", a=TWO, b=ABOVE, c=ABOVE)
    return truth, write_masks("prediction", a__tif=THREE, b=BELOW, d=TWO)


def test_scores_by_hand(folders):
    found = measure(*folders, spacing=(2.0, 0.5), tolerance=0.5)
    assert set(found.scores["task"]) == {"masks"}
    cases = found.cases.set_index("case")
    assert list(cases["prediction"]) == ["found", "found", "missing"]
    # a: 1 pixel in common, 2 more predicted, 1 more true.
    assert [cases.loc["a", f"class_1_{field}"] for field in ("tp", "fp", "fn", "tn")] == [1, 2, 1, 14]
    assert cases.loc["a", "dice"] == pytest.approx(2 * 1 / (2 + 3))
    # Distances from the truth 0.5, 0; from the prediction 0, 0.5, 1. The 95 % of three numbers lies at 1.9.
    assert cases.loc["a", "hd_mm"] == 1.0
    assert cases.loc["a", "hd95_mm"] == pytest.approx(0.5 + 0.9 * 0.5)
    assert cases.loc["a", "assd_mm"] == pytest.approx((0.5 + 0 + 0 + 0.5 + 1) / 5)
    assert cases.loc["a", "surface_dice_mm"] == pytest.approx(4 / 5)
    # b: two rows of 2 mm apart.
    assert cases.loc["b", ["dice", "hd95_mm", "assd_mm", "surface_dice_mm"]].tolist() == [0, 4, 4, 0]
    # c: nothing predicted.
    assert cases.loc["c", ["dice", "hd95_mm", "surface_dice_mm"]].tolist() == [0, DIAGONAL, 0]
    assert found.value("masks", "dice") == pytest.approx(0.4 / 3)
    assert found.value("masks", "hd95_mm") == pytest.approx((0.95 + 4 + DIAGONAL) / 3)
    # All pixels together: 1 in common, 2 + 1 more predicted, 1 + 1 + 1 more true.
    assert found.value("masks", "pooled_dice") == pytest.approx(2 * 1 / (2 * 1 + 3 + 3))
    assert row(found, "dice")[["n", "n_missed", "n_hallucinated"]].tolist() == [3, 1, 0]


def test_without_spacing_distances_are_in_pixels(folders):
    found = measure(*folders)
    assert found.cases["hd95_px"].tolist() == pytest.approx([1 + 0.9 * 1, 2, hypot(3, 6)])
    assert not [
        name for name in found.scores["score"] if name.endswith("_mm") or name.startswith("surface_dice")
    ]
    assert any("in pixels" in remark for remark in found.remarks)


def test_what_is_missing_and_extra_is_named(folders):
    found = measure(*folders)
    assert (found.missing_predictions, found.extra_predictions) == (("c",), ("d",))
    assert found.title == "2 pairs of masks, and 1 missing prediction counted as empty"
    assert found.warnings == (
        "1 of 3 true masks have no prediction, counted as empty predictions: c",
        "1 of 3 predictions have no true mask, not measured: d",
    )
    assert found.folder == folders[1] / "scores"
    summary = json.loads((found.folder / "summary.json").read_text())
    assert (summary["missing_predictions"], summary["extra_predictions"]) == (["c"], ["d"])
    assert (summary["n_pairs"], summary["arguments"]["missing"]) == (2, "empty")
    dice = next(line for line in summary["scores"] if line["score"] == "dice")
    assert dice["value"] == pytest.approx(0.4 / 3)
    table = pd.read_csv(found.folder / "cases.csv")
    assert table["prediction"].tolist() == ["found", "found", "missing"]
    assert "d" not in table["case"].tolist()


def test_left_out_cases_keep_their_empty_row(folders):
    found = measure(*folders, missing="leave-out")
    assert found.value("masks", "dice") == pytest.approx(0.4 / 2)
    assert row(found, "dice")[["n", "n_missed"]].tolist() == [2, 0]
    assert "LEFT OUT" in found.warnings[0]
    assert found.missing_predictions == ("c",)
    lines = (found.folder / "cases.csv").read_text().splitlines()
    assert lines[1].endswith(",1,2,1,14")
    assert lines[3].startswith("c,c,missing,,")


def test_a_missing_prediction_of_an_empty_truth_is_undefined(write_masks):
    truth = write_masks("truth", a=TWO, b=EMPTY)
    found = measure(truth, write_masks("prediction", a=TWO))
    assert found.value("masks", "dice") == 1
    assert row(found, "dice")[["n", "n_undefined", "n_missed"]].tolist() == [1, 1, 0]


def test_a_second_run_finds_the_same(folders):
    first, second = measure(*folders), measure(*folders)
    pd.testing.assert_frame_equal(first.scores, second.scores)
    assert first.remarks == second.remarks
    assert sorted(path.name for path in first.folder.iterdir()) == ["cases.csv", "summary.json"]


def test_classes_by_name(write_masks):
    truth = write_masks("truth", a=[[0, 1, 1, 2, 2]])
    prediction = write_masks("prediction", a=[[0, 1, 2, 2, 2]])
    found = measure(truth, prediction, classes=["background", "liver", "Lesion B"])
    assert found.value("masks", "dice_liver") == pytest.approx(2 / 3)
    assert found.value("masks", "dice_lesion_b") == pytest.approx(0.8)
    assert found.value("masks", "dice") == pytest.approx((2 / 3 + 0.8) / 2)
    assert found.value("masks", "dice_foreground") == 1
    shown = found.scores[found.scores["headline"]]["score"].tolist()
    assert shown == [
        *("dice", "iou", "precision", "recall", "specificity", "mcc", "accuracy", "hd95_px", "assd_px"),
        *("dice_foreground", "dice_liver", "dice_lesion_b"),
        *("pooled_dice_foreground", "pooled_dice_liver", "pooled_dice_lesion_b"),
    ]


def test_a_class_that_is_in_no_file_is_undefined(write_masks):
    folders = write_masks("truth", a=[[0, 1]]), write_masks("prediction", a=[[0, 1]])
    found = measure(*folders, classes=["background", "liver", "lesion"])
    assert row(found, "dice_lesion")[["n", "n_undefined"]].tolist() == [0, 1]
    assert found.value("masks", "dice") == 1


def test_patients_of_a_table_change_the_interval(write_masks, tmp_path):
    full, other = [[0, 1, 1, 0]], [[1, 0, 0, 1]]
    truth = write_masks("truth", a=full, b=full, c=full, d=full)
    prediction = write_masks("prediction", a=full, b=full, c=other, d=other)  # Dice 1, 1, 0, 0

    def interval(table, name="dice"):
        (tmp_path / "table.csv").write_text(table)
        line = row(measure(truth, prediction, patients=tmp_path / "table.csv"), name)
        return line["value"], line["low"], line["high"]

    # Two patients say next to nothing about the share of cases with a Dice of 1.
    table = "Case,Patient\na,p\nb,q\nc,p\nd,q\n"
    assert interval(table) == pytest.approx((0.5, 0, 1), abs=1e-9)
    # Pooled: 2 pixels in common, 2 too many and 2 too few for either patient, so that every resample is the same.
    assert interval(table, "pooled_dice") == pytest.approx((0.5, math.nan, math.nan), nan_ok=True)
    # One patient has 1, the other 0.
    other_table = "image,patient_id\na.png,p\nb.png,p\nc.png,q\nd.png,q\n"
    assert interval(other_table, "pooled_dice") == (0.5, 0, 1)
    alone = measure(truth, prediction)
    assert any("each case counts as its own patient" in remark for remark in alone.remarks)
    assert 0 <= row(alone, "dice")["low"] < 0.5 < row(alone, "dice")["high"] <= 1


def test_spacing_of_a_column_that_has_holes(write_masks, tmp_path):
    truth = write_masks("truth", a=TWO, b=TWO, c=TWO)
    prediction = write_masks("prediction", a=THREE, b=THREE, c=THREE)
    table = tmp_path / "table.csv"
    table.write_text("id,patient,mm\na,p,0.5\nb,q,\nc,r,2\n")
    found = measure(truth, prediction, patients=table, spacing="mm")
    # The Hausdorff distance is 2 pixels.
    assert row(found, "hd_mm")[["value", "n", "n_undefined"]].tolist() == [(1 + 4) / 2, 2, 0]
    assert row(found, "hd_px")[["value", "n", "n_undefined"]].tolist() == [2, 1, 0]
    assert row(found, "dice")["n"] == 3
    assert found.cases["hd_mm"].isna().tolist() == [False, True, False]
    assert any("0.5 to 2 mm" in remark and "1 case" in remark for remark in found.remarks)
    with pytest.raises(
        DataError, match=r"1 case without a spacing \(b\), so that `tolerance` would be in mm for some"
    ):
        measure(truth, prediction, patients=table, spacing="mm", tolerance=1)


def test_bit_palette_and_grey_files_give_the_same_scores(write_masks, tmp_path):
    truth = write_masks("truth", a=TWO)
    pixels = np.asarray(TWO, np.uint8)
    palette = Image.fromarray(pixels)
    palette.putpalette([9, 9, 9, 200, 0, 0])
    for name, image in (
        ("bit", Image.fromarray(pixels.astype(bool))),
        ("palette", palette),
        ("grey16", Image.fromarray(pixels.astype(np.uint16))),
        ("rgb", Image.fromarray(np.repeat(pixels[..., None], 3, -1))),
    ):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "a.PNG")
        assert measure(truth, tmp_path / name).value("masks", "iou") == 1, name


def test_all_bad_files_at_once_and_nothing_written(write_masks):
    truth = write_masks("truth", a=TWO, b=TWO, c=TWO, d=TWO)
    prediction = write_masks("prediction", a=[[0, 1]], d=[[0, 1, 7, 9, 255, 0]] * 3)
    (prediction / "b.png").write_bytes(b"no image")
    colours = np.zeros((3, 6, 3), np.uint8)
    colours[0, 0] = 200, 10, 10
    Image.fromarray(colours).save(prediction / "c.png")
    with pytest.raises(DataError) as caught:
        measure(truth, prediction, classes=["background", "lesion"])
    size, unreadable, colour, value = caught.value.problems
    assert size == (
        f"{prediction / 'a.png'}: 1x2 pixels (rows x columns), but the true mask {truth / 'a.png'} has 3x6; export it "
        "at the size of the original image"
    )
    assert "b.png: not a readable image" in unreadable
    assert "c.png: the mask has colours" in colour
    assert value == (
        f"{prediction}: 2 names but 5 pixel values (0, 1, 7, 9, 255); 7, 9, 255 in 1 file (d.png): correct the files, "
        "or give the class of each pixel value, as in `values={0: 0, 1: 1, 7: 1, 9: 1, 255: 1}`"
    )
    assert not (prediction / "scores").exists()


def test_a_transposed_mask(write_masks):
    with pytest.raises(DataError, match=r"2x3 pixels .* has 3x2; rotate it back"):
        measure(write_masks("truth", a=[[0, 1]] * 3), write_masks("prediction", a=[[0, 1, 1]] * 2))


def test_a_refused_write_leaves_nothing(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError, match="cannot write"):
        measure(*folders, out=tmp_path / "file")
    (tmp_path / "out" / "summary.json").mkdir(parents=True)
    with pytest.raises(WriteError, match="cannot write"):
        measure(*folders, out=tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_wrong_arguments(folders):
    with pytest.raises(ConfigError, match="`missing` is 'skip'; expected 'empty' or 'leave-out'"):
        measure(*folders, missing="skip")
    with pytest.raises(ConfigError, match="`tolerance` is 0; expected"):
        measure(*folders, tolerance=0)
    with pytest.raises(ConfigError, match="`spacing` is -1; expected millimetres above 0"):
        measure(*folders, spacing=-1)
    with pytest.raises(ConfigError, match="describe a table; give its path with `patients`"):
        measure(*folders, case_column="id")


def test_a_file_in_the_way_is_found_before_anything_is_read(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    (folders[1] / "b.png").write_bytes(b"no image")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(
            WriteError, match=r"file is a file; give a folder for cases\.csv and summary\.json with `out`"
        ):
            measure(*folders, out=out)
    with pytest.raises(DataError, match=r"b\.png: is a file; give its folder"):
        measure(folders[0], folders[1] / "b.png")  # and not that scores cannot be written into it


def test_missing_files_and_empty_masks_are_distinguished(write_masks):
    truth = write_masks("truth", a=TWO, b=TWO, c=TWO, d=EMPTY, e=EMPTY)
    prediction = write_masks("prediction", a=TWO, b=EMPTY, d=EMPTY, e=EMPTY)
    found = measure(truth, prediction)
    assert row(found, "dice")["n_missed"] == 2
    assert (found.missing_predictions, found.empty_predictions) == (("c",), ("b", "d", "e"))
    assert found.cases["prediction"].tolist() == ["found", "empty", "missing", "empty", "empty"]
    assert (
        "nothing predicted: in 1 file though the true mask has a foreground (b); 2 files correctly; in addition, "
        "1 true mask has no predicted file"
    ) in found.remarks
    summary = json.loads((found.folder / "summary.json").read_text())
    assert summary["empty_predictions"] == ["b", "d", "e"]
    left_out = measure(truth, prediction, missing="leave-out")
    assert any(remark.startswith("nothing predicted: in 1 file") for remark in left_out.remarks)
    full = measure(write_masks("one", a=TWO), write_masks("two", a=THREE))
    assert not any("nothing predicted" in remark for remark in full.remarks)


def test_unlabelled_pixels_are_not_missed(write_masks):
    truth = write_masks("truth", a=[[255, 255, 0]], b=[[0, 1, 255]])
    found = measure(truth, write_masks("prediction", a=[[0, 0, 0]], b=[[0, 1, 0]]))
    assert "nothing predicted: in 1 file correctly" in found.remarks


@pytest.mark.parametrize(
    ("true", "predicted", "explained"),
    [(TWO, EMPTY, True), (EMPTY, TWO, True), (TWO, THREE, False), (EMPTY, EMPTY, False)],
)
def test_the_values_of_failures_are_explained_if_there_are_any(write_masks, true, predicted, explained):
    found = measure(write_masks("truth", a=true, b=TWO), write_masks("prediction", a=predicted, b=TWO))
    remark = "a missed or hallucinated structure counts as the image diagonal in distances and as 0 in Dice"
    assert (remark in found.remarks) == explained


def test_a_remark_on_few_patients(write_masks, tmp_path):
    def remarks_on(n, patients=None):
        masks = {f"case_{i:02d}": TWO for i in range(n)}
        folders = write_masks(f"truth_{n}", **masks), write_masks(f"prediction_{n}", **masks)
        remarks = measure(*folders, patients=patients).remarks
        return [remark for remark in remarks if remark.startswith("intervals:")]

    assert remarks_on(30) == []
    assert remarks_on(29) == [
        "intervals: some may be too narrow, since there are only 29 patients; docs/metrics.md lists how often those "
        "of each score contain the truth"
    ]
    (tmp_path / "table.csv").write_text(
        "case,patient\n" + "".join(f"case_{i:02d},{i // 2}\n" for i in range(31))
    )
    assert remarks_on(31, tmp_path / "table.csv")[0].startswith(
        "intervals: some may be too narrow, since there are only 16 patients"
    )
    assert remarks_on(1) == ["intervals: none, since they need 2 patients"]
