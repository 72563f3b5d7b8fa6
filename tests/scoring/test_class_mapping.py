"""The classes that pixel values in mask files are read as."""

import pytest

from unet_mtl.api import score
from unet_mtl.errors import ConfigError, DataError


def measure(truth, prediction, **options):
    return score(truth, prediction, progress=False, **options)


def test_a_folder_of_0_and_255_is_black_and_white_with_a_remark(write_masks):
    truth = write_masks("truth", a=[[0, 255, 255, 0]], b=[[0, 0, 0, 0]])
    prediction = write_masks("prediction", a=[[0, 1, 0, 0]], b=[[0, 0, 0, 0]])
    found = measure(truth, prediction)
    assert found.value("masks", "dice") == pytest.approx(2 / 3)
    remarks = [remark for remark in found.remarks if "255" in remark]
    assert remarks == [f"{truth}: 0 and 255 are the only pixel values, so 255 was read as the foreground"]
    both = measure(truth, write_masks("white", a=[[255, 255, 255, 0]], b=[[0, 0, 0, 0]]))
    assert both.value("masks", "dice") == pytest.approx(0.8)
    assert sum("255" in remark for remark in both.remarks) == 2


def test_255_among_classes_of_a_truth_is_left_out(write_masks):
    truth = write_masks("truth", a=[[1, 1, 0, 255, 255, 0]], b=[[0, 0, 0, 0, 0, 1]])
    prediction = write_masks("prediction", a=[[1, 0, 0, 1, 1, 0]], b=[[0, 0, 0, 0, 0, 1]])
    found = measure(truth, prediction)
    # a: of the four labelled pixels 1 is hit, 1 lost and none too many.
    assert found.cases["dice"].tolist() == pytest.approx([2 / 3, 1])
    assert found.value("masks", "pooled_precision") == 1
    assert f"{truth}: 255 was read as unlabelled and left out, in 1 file" in found.remarks


def test_255_in_a_prediction_is_refused(write_masks):
    truth = write_masks("truth", a=[[1, 0, 0]])
    prediction = write_masks("prediction", a=[[1, 0, 255]])
    with pytest.raises(
        DataError,
        match=r"pixel value 255 in 1 file \(a\.png\) of a prediction: .*`values=\{0: 0, 1: 1, 255: 1\}`",
    ):
        measure(truth, prediction)


def test_values_hold_for_both_folders(write_masks):
    truth = write_masks("truth", a=[[0, 128, 255, 255]])
    prediction = write_masks("prediction", a=[[0, 128, 128, 255]])
    found = measure(truth, prediction, values={0: 0, 128: 1, 255: 2}, classes=["background", "x", "y"])
    assert found.value("masks", "dice_x") == pytest.approx(2 / 3)
    assert found.value("masks", "dice_y") == pytest.approx(2 / 3)
    merged = measure(truth, prediction, values={0: 0, 128: 1, 255: 1})
    assert merged.value("masks", "dice") == 1
    with pytest.raises(DataError) as caught:
        measure(truth, prediction, values={0: 0, 255: 1})
    assert len(caught.value.problems) == 2
    first = f"{truth}: pixel value 128 in 1 file (a.png): not among `values` (0, 255); add the class"
    assert caught.value.problems[0] == first


def test_values_may_mark_unlabelled_pixels(write_masks):
    truth = write_masks("truth", a=[[0, 1, 2, 2]])
    prediction = write_masks("prediction", a=[[0, 1, 1, 0]])
    found = measure(truth, prediction, values={0: 0, 1: 1, 2: 255})
    assert found.value("masks", "dice") == 1
    assert f"{truth}: 2 was read as unlabelled and left out, in 1 file" in found.remarks
    with pytest.raises(
        DataError, match=r"2 in 1 file \(a\.png\) of a prediction: unlabelled pixels, which only true masks"
    ):
        measure(prediction, truth, values={0: 0, 1: 1, 2: 255})


def test_classes_are_named_after_the_pixel_values_found(write_masks):
    truth = write_masks("truth", a=[[0, 1, 4, 4]])
    prediction = write_masks("prediction", a=[[0, 1, 4, 0]])
    found = measure(truth, prediction)
    assert found.value("masks", "dice_class_1") == 1
    assert found.value("masks", "dice_class_4") == pytest.approx(2 / 3)
    assert "dice_class_2" not in set(found.scores["score"])
    assert found.remarks[0].startswith("classes: background, class 1, class 4 (after the pixel values found")


def test_masks_that_are_all_empty(write_masks):
    found = measure(write_masks("truth", a=[[0, 0]]), write_masks("prediction", a=[[0, 0]]))
    line = found.scores.set_index("score").loc["dice"]
    assert line[["n", "n_undefined"]].tolist() == [0, 1]


@pytest.mark.parametrize("classes", [(), ("background", "x", "y")])
def test_black_and_white_against_several_classes_is_not_guessed(write_masks, classes):
    truth = write_masks("truth", a=[[0, 255, 255]])
    prediction = write_masks("prediction", a=[[0, 1, 2]])
    with pytest.raises(
        DataError, match=r"truth has only 0 and 255, but .* give the class of each pixel value"
    ):
        measure(truth, prediction, classes=classes)
    found = measure(truth, prediction, values={0: 0, 1: 1, 2: 1, 255: 1})
    assert found.value("masks", "dice") == 1


def test_pictures_are_no_masks(write_masks):
    truth = write_masks("truth", a=[list(range(100))])
    with pytest.raises(DataError, match="100 different pixel values in its files; are they masks"):
        measure(truth, write_masks("prediction", a=[[0] * 100]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"classes": ["background"]},
            "`classes` is 'background'; expected 2 to 254 names, the background first",
        ),
        (
            {"classes": ["background", "x", "x"]},
            "`classes` is 'background', 'x', 'x'; two classes have the same name",
        ),
        (
            {"values": {0: 0, 1: 2}, "classes": ["a", "b"]},
            "`values` maps to class 2, but there are 2 classes",
        ),
        ({"values": {0: -1}}, "`values` maps to class -1"),
    ],
)
def test_settings_that_contradict_each_other(write_masks, options, words):
    folders = write_masks("truth", a=[[0, 1]]), write_masks("prediction", a=[[0, 1]])
    with pytest.raises(ConfigError, match=words):
        measure(*folders, **options)


def test_white_masks_beside_masks_of_0_and_1_are_a_warning(write_masks):
    truth = write_masks("truth", a=[[0, 1]], b=[[0, 255]], c=[[0, 255]], d=[[0, 0]])
    prediction = write_masks("prediction", a=[[0, 1]], b=[[0, 1]], c=[[0, 1]], d=[[0, 0]])
    found = measure(truth, prediction)
    (warning,) = [line for line in found.warnings if "255" in line]
    assert warning.startswith(
        f"{truth}: 2 of 4 files have no values but 0 and 255 (b.png, c.png), while others "
    )
    assert warning.endswith("give `values={0: 0, 1: 1, 255: 1}`")
    assert f"{truth}: 255 was read as unlabelled and left out, in 2 files" in found.remarks
    named = measure(truth, prediction, classes=["background", "lesion"])
    assert warning in named.warnings
    cured = measure(truth, prediction, values={0: 0, 1: 1, 255: 1})
    assert not any("255" in line for line in cured.warnings)
    assert cured.value("masks", "dice") == 1


@pytest.mark.parametrize(
    "masks",
    [
        {"a": [[0, 1, 255]], "b": [[0, 255, 1]]},  # unlabelled borders
        {"a": [[0, 1, 2]], "b": [[0, 255, 255]]},  # several classes
        {"a": [[0, 1, 1]], "b": [[255, 0, 0]], "c": [[255, 1, 0]]},  # one file has both
    ],
)
def test_255_beside_classes_is_no_warning_elsewhere(write_masks, masks):
    truth = write_masks("truth", **masks)
    plain = {
        name: [[0 if value == 255 else value for value in row] for row in rows]
        for name, rows in masks.items()
    }
    found = measure(truth, write_masks("prediction", **plain))
    assert not any("`values=" in line for line in found.warnings)
