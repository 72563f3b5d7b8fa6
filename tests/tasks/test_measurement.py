"""`kind: measurement`: lengths and areas of predicted masks, without training."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import metrics
import unet_mtl as um
from unet_mtl.data.resized import Resized
from unet_mtl.plots.overlay import new_figure
from unet_mtl.tasks import MaskPrediction, OverlapPrediction, learned_tasks, make_task

SPACING = (0.4, 0.25)
MAJOR, MINOR = 36.0, 24.0
TRUE = {
    "ellipse_perimeter": (metrics.ellipse_perimeter(MAJOR, MINOR),),
    "ellipse_axes": (MAJOR, MINOR),
    "feret": (MAJOR,),
    "area": (np.pi * MAJOR * MINOR / 4,),
}
TASKS = [um.Segmentation(name="zone"), um.Regression(name="size", target="size_mm")]


def make(shape, unit="mm", **settings):
    columns = ["major", "minor"] if shape == "ellipse_axes" else ["size_mm"]
    numbers = [{"column": column, "unit": unit, "median": 30.0} for column in columns]
    content = {"kind": "measurement", "name": "measured", "mask": "zone", "shape": shape}
    return make_task(content | {"targets": columns, "numbers": numbers} | settings)


def draw(spacing=SPACING, shape=(150, 240)):
    """Return the mask of an upright ellipse with axes in mm, and a small square beside it."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    y, x = (rows - shape[0] / 2) * spacing[0], (columns - shape[1] / 2) * spacing[1]
    mask = (np.hypot(y / (MAJOR / 2), x / (MINOR / 2)) <= 1).astype(np.uint8)
    mask[:2, :2] = 2
    return mask


def predict(mask):
    classes = ("background", "core", "rim")
    output = Resized(np.eye(3, dtype=np.float32)[mask], mask.shape)
    return {"zone": MaskPrediction(mask=mask, output=output, classes=classes)}


def values_of(task, mask, spacing=SPACING):
    return [value.value for value in task.derive(predict(mask), spacing).values.values()]


@pytest.mark.parametrize("shape", TRUE)
def test_an_ellipse_with_anisotropic_pixels(shape):
    assert values_of(make(shape, **{"class": "core"}), draw()) == pytest.approx(TRUE[shape], rel=0.012)
    transposed = values_of(make(shape, **{"class": "core"}), draw().T, SPACING[::-1])
    assert transposed == pytest.approx(TRUE[shape], rel=0.012)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("cm", 0.1), ("um", 1000)])
@pytest.mark.parametrize("shape", TRUE)
def test_the_unit_is_that_of_the_column(shape, unit, factor):
    power, square = (2, "2") if shape == "area" else (1, "")
    expected = [factor**power * value for value in values_of(make(shape, f"mm{square}"), draw())]
    answer = make(shape, f"{unit}{square}").derive(predict(draw()), SPACING)
    assert [value.value for value in answer.values.values()] == pytest.approx(expected)
    assert {value.unit for value in answer.values.values()} == {f"{unit}{square}"}


@pytest.mark.parametrize("shape", TRUE)
def test_without_spacing_answers_are_in_pixels(shape):
    mask = draw((1, 1))
    answer = make(shape).derive(predict(mask), None)
    assert {value.unit for value in answer.values.values()} == {"px"}
    assert [value.value for value in answer.values.values()] == values_of(make(shape, "px"), mask, None)
    assert values_of(make(shape, **{"class": "core"}), mask, None) == pytest.approx(TRUE[shape], rel=0.03)


def test_classes_together_one_of_them_and_overlapping_ones():
    mask = draw()
    core, rim = np.count_nonzero(mask == 1), np.count_nonzero(mask == 2)
    pixel = SPACING[0] * SPACING[1]
    for class_, n in ((None, core + rim), ("core", core), ("rim", rim)):
        assert values_of(make("area", "mm2", **{"class": class_}), mask) == [pytest.approx(n * pixel)]
    layers = np.stack([mask == 1, mask <= 1], -1).astype(np.uint8)
    output = Resized(layers.astype(np.float32), mask.shape)
    answer = {"zone": OverlapPrediction(mask=layers, output=output, classes=("no", "core", "both"))}
    (whole,) = make("area", "mm2").derive(answer, SPACING).values.values()
    assert whole.value == pytest.approx((mask <= 1).sum() * pixel)


def test_an_empty_mask_has_no_length_and_the_area_0():
    empty = np.zeros((5, 6), np.uint8)
    assert values_of(make("area", "mm2"), empty) == [0]
    for shape in ("ellipse_perimeter", "ellipse_axes", "feret"):
        task = make(shape)
        answer = task.derive(predict(empty), SPACING)
        assert all(np.isnan(value.value) for value in answer.values.values())
        assert "undefined" in answer.title()
        truth = dict.fromkeys(task.target_names, 30.0)
        scored = task.score_case(truth, answer, SPACING)
        assert all(np.isnan(score.value) and score.missed for score in scored.scores.values())


def test_scores_of_a_set_leave_undefined_measurements_out():
    task = make("feret")
    facts = pd.DataFrame({"truth": [10.0, 20, 30, np.nan], "predicted": [11.0, np.nan, 32, np.nan]})
    scores = task.score_set(facts)
    assert scores["bias"] == pytest.approx(1.5)
    assert scores["rmse"] == pytest.approx(np.sqrt(2.5))
    for known in task.labelled_cases(facts).values():
        assert known.tolist() == [True, False, True, False]
    assert facts["truth"].notna().sum() == 3
    for drawn in (facts, facts.assign(predicted=np.nan)):
        task.draw_set(new_figure(2, 2).subplots(), drawn)


def test_it_is_evaluated_like_a_regression():
    facts = pd.DataFrame({"truth": [10.0, 20, 30], "predicted": [11.0, 19, 32]})
    measured = make("feret")
    learned = um.Regression(name="size_mm", numbers=measured.numbers)
    assert measured.score_set(facts) == learned.score_set(facts)
    assert (measured.primary, measured.ranking) == (learned.primary, learned.ranking)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shape": "ellipse_axes", "targets": ["a"]}, r"needs `targets: \[MAJOR, MINOR\]`"),
        ({"shape": "feret", "targets": ["a", "b"]}, "needs one `target`; received a, b"),
        ({"shape": "circle"}, "shape"),
        ({"weight": 2.0}, "`weight` applies to training"),
        ({"hidden": [8]}, "`hidden` applies to training"),
        ({"inputs": ["image"]}, "`inputs` applies to training"),
    ],
)
def test_settings_that_make_no_sense(settings, words):
    content = {"kind": "measurement", "name": "a", "mask": "zone", "shape": "feret"} | settings
    with pytest.raises(ValidationError, match=words):
        make_task(content)


def test_the_mask_and_its_class_must_exist(data_folder):
    description = um.read_dataset(data_folder).description
    for settings, words in (
        ({"mask": "head"}, "no task 'head' predicts a mask to be measured; those that do are zone"),
        ({"mask": "size"}, "no task 'size' predicts a mask"),
        ({"class": "skin"}, "mask 'zone' has no class 'skin'; it has core, rim"),
    ):
        task = make("feret", **settings)
        with pytest.raises(ValidationError, match=f"task 'measured': {words}"):
            um.Config(data=description, tasks=[*TASKS, task])
    config = um.Config(data=description, tasks=[make("feret", **{"class": "rim"}), *TASKS])
    assert [task.name for task in learned_tasks(config.tasks)] == ["zone", "size"]


def test_the_network_has_no_output_for_it(data_folder):
    dataset = um.read_dataset(data_folder)
    tasks = [make("feret"), *(task.adapt(dataset) for task in TASKS)]
    network = um.build_network(tasks, size=(8, 8), settings=um.NetworkSettings(width=2, levels=2))
    assert set(network.output) == {"zone", "size"}
    for untrained in (tasks[0].loss, tasks[0].training_metrics):
        with pytest.raises(TypeError, match="the network has no output for it"):
            untrained()
