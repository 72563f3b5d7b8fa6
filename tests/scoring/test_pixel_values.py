"""Pixel values that fit neither each other nor the names, or that are not masks: messages and their advice."""

import numpy as np
import pytest
from PIL import Image

from unet_mtl.api import score
from unet_mtl.errors import ConfigError, DataError


def measure(truth, prediction, **options):
    return score(truth, prediction, progress=False, **options)


def problems_of(truth, prediction, **options):
    with pytest.raises(DataError) as caught:
        measure(truth, prediction, **options)
    assert not (prediction / "scores").exists()
    return caught.value.problems


def test_folders_of_other_numbers_are_no_classes_by_guess(write_masks):
    truth = write_masks("truth", a=[[0, 128, 128]], b=[[0, 0, 128]])
    prediction = write_masks("prediction", a=[[0, 1, 1]], b=[[0, 1, 1]])
    (line,) = problems_of(truth, prediction)
    assert f"{truth} has 128, {prediction} has 1" in line
    assert "if they mean the same, give `values={0: 0, 1: 1, 128: 1}`; " in line
    assert "give `classes=['background', 'NAME1', 'NAME2']` and `values={0: 0, 1: 1, 128: 2}`" in line
    found = measure(truth, prediction, values={0: 0, 1: 1, 128: 1})
    assert found.value("masks", "dice") == pytest.approx((1 + 2 / 3) / 2)
    apart = measure(truth, prediction, values={0: 0, 1: 1, 128: 2}, classes=["background", "x", "y"])
    assert apart.value("masks", "dice") == 0


@pytest.mark.parametrize(
    ("true", "predicted", "words"),
    [
        ([0, 1, 2], [0, 1, 3], "`values={0: 0, 1: 1, 2: 2, 3: 2}`; if each"),
        (
            [0, 1, 2],
            [0, 2, 3],
            "(besides 0); if each is a class of its own, give `classes=['background', 'NAME1', ",
        ),
        ([0, 1], [0, 2], "if each is a class of its own, give `classes=['background', 'NAME1', 'NAME2']`"),
        ([0, 1, 2], [0, 3, 4], "`values={0: 0, 1: 1, 2: 2, 3: 1, 4: 2}`; if each"),
    ],
)
def test_the_cure_fits_the_numbers(write_masks, true, predicted, words):
    truth, prediction = (
        write_masks(name, a=np.resize(row, (1, 4)))
        for name, row in (("truth", true), ("prediction", predicted))
    )
    (line,) = problems_of(truth, prediction)
    assert words in line


def test_numbers_of_files_that_are_not_measured_do_not_count(write_masks):
    truth = write_masks("truth", a=[[0, 1]], b=[[0, 7]])
    prediction = write_masks("prediction", a=[[2, 1]], extra=[[0, 9]])
    assert measure(truth, prediction, missing="leave-out").value("masks", "dice_class_1") == 1
    assert "truth has 1, 7" in problems_of(truth, write_masks("other", a=[[2, 1]]))[0]


def test_a_class_that_one_folder_lacks_is_kept_with_a_warning(write_masks):
    rich, poor = write_masks("rich", a=[[0, 1, 2, 3]]), write_masks("poor", a=[[0, 1, 1, 0]])
    missed = measure(rich, poor)
    assert missed.warnings == (f"{poor} has no class 2, class 3: in the true masks, but never predicted",)
    assert missed.value("masks", "dice_class_3") == 0
    invented = measure(poor, rich)
    assert invented.warnings == (f"{poor} has no class 2, class 3: predicted, but in no true mask",)
    named = measure(rich, poor, classes=["background", "x", "y", "z"])
    assert named.warnings == (f"{poor} has no y, z: in the true masks, but never predicted",)
    assert measure(rich, write_masks("same", a=[[3, 2, 1, 0]])).warnings == ()


def test_a_folder_without_background_gives_a_warning(write_masks):
    with_it, without = write_masks("with", a=[[0, 2, 1]]), write_masks("without", a=[[1, 2, 1]])
    (warning,) = measure(with_it, without).warnings
    assert (
        warning
        == f"{without}: no pixel is background; if one of 1, 2 is the background, map it to 0 with `values`"
    )
    assert measure(without, write_masks("same", a=[[2, 2, 1]]), values={1: 0, 2: 1}).warnings == ()


def test_a_forgotten_background_is_one_line_a_folder(write_masks):
    masks = {name: [[0, 1, 2]] for name in ("a", "b", "c")}
    truth, prediction = write_masks("truth", **masks), write_masks("prediction", **masks)
    lines = problems_of(truth, prediction, classes=["nucleus", "rim"])
    assert lines == [
        f"{folder}: 2 names but 3 pixel values (0, 1, 2); the background is named first, as in "
        "`classes=['background', 'nucleus', 'rim']`"
        for folder in (truth, prediction)
    ]
    lines = problems_of(truth, prediction, classes=["background", "nucleus"])
    assert all(
        line.endswith("give each a name, as in `classes=['background', 'nucleus', 'NAME2']`")
        for line in lines
    )
    with pytest.raises(
        ConfigError, match=r"the background first, as in `classes=\['background', 'nucleus'\]`"
    ):
        measure(truth, prediction, classes=["nucleus"])


def test_the_classes_are_listed(write_masks):
    folder, other = write_masks("a", a=[[0, 1, 2]]), write_masks("b", a=[[0, 1, 2]])
    found = measure(folder, other, classes=["background", "nucleus", "rim"])
    assert "classes: 0 background, 1 nucleus, 2 rim" in found.remarks
    found = measure(folder, other, classes=["bg", "cell"], values={0: 0, 1: 1, 2: 1})
    assert "classes: 0 bg, 1 and 2 cell" in found.remarks
    found = measure(folder, other, values={0: 0, 1: 1, 2: 1})
    assert "classes: 0 background, 1 and 2 class 1 (name them with `classes`)" in found.remarks


def test_values_invent_no_class(write_masks):
    folder, other = write_masks("a", a=[[0, 1, 2]]), write_masks("b", a=[[0, 1, 1]])
    found = measure(folder, other, values={0: 0, 1: 1, 2: 7})
    assert found.value("masks", "dice_class_1") == pytest.approx(2 / 3)
    assert found.value("masks", "dice_class_7") == 0
    assert [name for name in found.scores["score"] if name.startswith("dice_class")] == [
        "dice_class_1",
        "dice_class_7",
    ]
    assert "classes: 0 background, 1 class 1, 2 class 7 (name them with `classes`)" in found.remarks


@pytest.mark.parametrize("classes", ["background,nucleus", ["background", ""], ["background", 1]])
def test_classes_are_names(write_masks, classes):
    folder = write_masks("a", a=[[0, 1]])
    words = (
        r"write \['background', 'nucleus'\]"
        if isinstance(classes, str)
        else r"a name for each class|expected text"
    )
    with pytest.raises(ConfigError, match=words):
        measure(folder, write_masks("b", a=[[0, 1]]), classes=classes)


def test_values_as_json_has_them(write_masks):
    folder, other = write_masks("a", a=[[0, 9]]), write_masks("b", a=[[0, 9]])
    assert measure(folder, other, values={"0": 0, "9": 1}).value("masks", "dice") == 1
    for values in ({"x": 1}, "0=0,9=1", {1: None}):
        with pytest.raises(
            ConfigError, match=r"expected a class index for each pixel value, such as \{0: 0, 255: 1\}"
        ):
            measure(folder, other, values=values)


@pytest.fixture
def smoothed(tmp_path):
    """A disc of 255 as JPEG, with greys along its edge."""
    rows, columns = np.mgrid[:64, :64]
    disc = (np.hypot(rows - 32, columns - 32) < 20).astype(np.uint8)
    (tmp_path / "jpeg").mkdir()
    Image.fromarray(disc * np.uint8(255)).save(tmp_path / "jpeg" / "a.jpg", quality=90)
    (tmp_path / "clean").mkdir()
    Image.fromarray(disc).save(tmp_path / "clean" / "a.png")
    return tmp_path / "jpeg", tmp_path / "clean"


@pytest.mark.parametrize(
    "options",
    [{}, {"classes": ["background", "disc"]}, {"values": {0: 0, 1: 1, 255: 1}}],
)
def test_jpeg_is_named_as_the_cause(smoothed, options):
    (line,) = problems_of(*smoothed, **options)
    assert "most pixels of a.jpg are nearly black or nearly white" in line.replace("Most", "most")
    assert "JPEG compression or a smooth resize (anti-aliasing)" in line
    assert "export it again as PNG" in line


def test_a_few_greys_are_smoothing_too(write_masks):
    greys = np.zeros((10, 10))
    greys[:5], greys[5, :6] = 255, (3, 2, 250, 251, 255, 255)
    folder = write_masks("greys", a=greys)
    assert "JPEG" in problems_of(folder, write_masks("clean", a=(greys > 127)))[0]
    # Classes that are drawn as greys are far from the ends, or fill more than a rim.
    for row in ([0, 60, 120, 180, 240], [0, 1, 2, 3, 4], [1, 2, 100, 253, 254, 0]):
        masks = write_masks("grey_classes", a=np.resize(row, (6, 10)))
        assert measure(masks, write_masks("same", a=np.resize(row, (6, 10)))).value("masks", "dice") == 1


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            Image.new("RGB", (2, 2), (200, 10, 10)),
            "has colours; .* write the class index of each pixel .* for",
        ),
        (
            Image.new("RGBA", (2, 2), (200, 10, 10, 255)),
            "has colours; .* a folder of black-and-white masks for each",
        ),
        (
            Image.new("CMYK", (2, 2), (200, 10, 10, 0)),
            "has colours; .* write the class index of each pixel",
        ),
        (
            Image.new("F", (2, 2), 0.5),
            r"fractions such as 0\.5.*mask\.astype\(\"uint8\"\) gives; threshold probabilities first, .* p >= 0\.5",
        ),
    ],
)
def test_what_is_no_mask_has_a_cure(write_masks, image, words):
    truth, prediction = write_masks("truth", a=[[0, 1], [0, 1]]), write_masks("prediction")
    image.save(prediction / "a.tif")
    with pytest.raises(DataError, match=rf"a\.tif: .*{words}"):
        measure(truth, prediction)


def test_black_and_white_against_other_numbers_names_them(write_masks):
    truth, prediction = write_masks("truth", a=[[0, 255]]), write_masks("prediction", a=[[0, 128]])
    (line,) = problems_of(truth, prediction)
    assert f"{prediction} has 128; give the class of each pixel value" in line
    assert line.endswith("as in `values={0: 0, 128: 1, 255: 1}`")
