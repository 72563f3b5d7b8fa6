"""Lengths and measurements of cases: units by the spacing of each case, in tables, scores and pictures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import unet_mtl as um
from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.batches.preprocess.views import Views
from unet_mtl.evaluation.evaluator import evaluate_cases
from unet_mtl.inference.case_result import cases_of
from unet_mtl.inference.files import write_predictions
from unet_mtl.inference.overlays import draw_overlay
from unet_mtl.inference.predictor import Predictor
from unet_mtl.inference.spacing import Spacings
from unet_mtl.plots.overlay import new_figure
from unet_mtl.tasks import adapt_tasks

TASKS = [
    um.Measurement(name="measured", target="size_mm", mask="zone", class_="core", shape="feret"),
    um.Segmentation(name="zone"),
    um.Regression(name="size", target="size_mm", measure="length"),
]
PREPROCESS = Preprocess(size=(16, 16))
BAR = 6
"""Pixels of the bar that the engine draws in the image of 16 pixels, twice as many in the original one."""


class FakeEngine:
    name, precision, sizes = "fake", "float32", {"image": (16, 16, 3)}

    def __call__(self, inputs):
        n = len(inputs["image"])
        zone = np.zeros((n, 16, 16, 3), np.float32)
        zone[..., 0] = 1
        zone[:, 8, 2 : 2 + BAR] = (0, 1, 0)
        # Dark images, in the test of empty masks, have no bar.
        zone[inputs["image"].max((1, 2, 3)) == 0] = (1, 0, 0)
        return {"zone": zone, "size": np.full((n, 1), 0.5, np.float32)}


@pytest.fixture(scope="module")
def dataset(data_folder):
    """The twelve cases with two spacings, of which every third case has none."""
    dataset = um.read_dataset(data_folder)
    spacings = [(0.5, 0.5), None, (0.25, 0.25)]
    records = [replace(record, spacing_mm=spacings[i % 3]) for i, record in enumerate(dataset)]
    return replace(dataset, records=tuple(records))


@pytest.fixture(scope="module")
def predictor(dataset):
    return Predictor(FakeEngine(), adapt_tasks(TASKS, dataset, Views(PREPROCESS)), PREPROCESS)


def test_answers_follow_the_spacing_of_each_case(predictor, dataset):
    for result in predictor.predict(cases_of(dataset, predictor.inputs)):
        answers, spacing = result.require().answers, result.case.spacing_mm
        assert list(answers) == ["measured", "zone", "size"]
        assert result.raw.keys() == {"zone", "size"}
        seen = predictor.tasks[2].numbers[0].seen.restore(0.5)
        for task, pixels in (("measured", 2 * BAR), ("size", 2 * seen)):
            expected = pixels * (1 if spacing is None else spacing[0])
            # Linear interpolation of the probabilities makes the bar a little longer or shorter.
            assert answers[task].value == pytest.approx(expected, rel=1e-5 if task == "size" else 0.15)
            assert answers[task].unit == ("px" if spacing is None else "mm")


def test_scores_in_mm_are_those_of_cases_with_a_spacing(predictor, dataset):
    evaluation = evaluate_cases(predictor, dataset)
    labelled = [i for i, record in enumerate(dataset) if "size_mm" in record.labels and i % 3 != 1]
    for task in ("measured", "size"):
        rows = evaluation.scores[evaluation.scores["task"] == task].set_index("score")
        assert (rows["n"] == len(labelled)).all()
        assert list(evaluation.facts[task].index) == [dataset.records[i].case for i in labelled]
    assert list(evaluation.facts["size"]["truth"]) == list(evaluation.facts["measured"]["truth"])
    for task in predictor.tasks:
        task.draw_set(new_figure(3, 3).subplots(), evaluation.facts[task.name])


def test_files_and_notes(predictor, dataset, tmp_path):
    images = {record.image: record.case for record in dataset.records[:3]}
    notes = []
    table = write_predictions(predictor, images, tmp_path / "a", on_note=notes.append)
    assert {"measured_px", "size_px"} <= set(table)
    assert not any(column.endswith("_mm") for column in table)
    assert notes == [
        "3 of 3 images have no pixel spacing, so that their lengths and areas are in pixels; give `spacing_mm`"
    ]
    spacings = Spacings({"case_00": (0.1, 0.1), "case_01": (0.2, 0.2)})
    table = write_predictions(predictor, images, tmp_path / "b", spacings=spacings, on_note=notes.append)
    assert table["size_mm"].notna().tolist() == table["size_px"].isna().tolist() == [True, True, False]
    assert table["size_mm"][1] == pytest.approx(2 * table["size_mm"][0], rel=1e-3)
    assert notes[1].startswith("1 of 3 images")
    stored = pd.read_csv(tmp_path / "b" / "predictions.csv")
    assert stored["measured_mm"].notna().tolist() == [True, True, False]


def test_an_empty_mask_is_an_empty_cell(predictor, tmp_path):
    from PIL import Image

    Image.new("RGB", (32, 32)).save(tmp_path / "dark.png")
    answers = predictor(tmp_path / "dark.png", spacing_mm=(0.5, 0.5))
    assert np.isnan(answers["measured"].value)
    assert answers["measured"].title() == "measured: undefined"
    table = write_predictions(
        predictor, {tmp_path / "dark.png": "dark"}, tmp_path / "a", spacings=Spacings(otherwise=(0.5, 0.5))
    )
    assert table["measured_mm"].isna().all()
    assert (table["error"] == "").all()


def test_one_call_takes_a_spacing(predictor):
    image = np.full((32, 32, 3), 200, np.uint8)
    in_px, in_mm = predictor(image), predictor(image, spacing_mm=(0.5, 0.5))
    for name in ("size", "measured"):
        assert (in_px[name].unit, in_mm[name].unit) == ("px", "mm")
        assert in_mm[name].value == pytest.approx(in_px[name].value / 2, rel=1e-5)


def test_overlays_name_unit_and_truth(predictor, dataset):
    known, unknown = (
        result for result in predictor.predict(cases_of(dataset.only(dataset.records[3:5]), predictor.inputs))
    )
    titles = []
    for result in (known, unknown):
        axes = new_figure(2, 2).subplots()
        draw_overlay(axes, predictor.tasks, result, "a case")
        titles.append(axes.get_title())
    assert "mm, true: " in titles[0].split("size: ")[1]
    assert "px" in titles[1].split("size: ")[1]
    assert "true" not in titles[1].split("size: ")[1]


@pytest.mark.slow
def test_a_training_from_labels_to_predictions(data_folder, tmp_path):
    steps = [{"Affine": {"scale": [0.8, 1.2], "keep_ratio": True}}]
    run = um.train(
        um.read_dataset(data_folder),
        TASKS,
        tmp_path / "run",
        preprocess=PREPROCESS,
        augment=steps,
        network=um.NetworkSettings(width=2, levels=2),
        training=um.TrainingSettings(epochs=1, batch_size=4),
        progress=False,
    )
    loaded = Predictor.load(run)
    assert [task.name for task in loaded.tasks] == ["measured", "zone", "size"]
    assert loaded.tasks[2].numbers[0].seen.unit == "px"
    assert set(um.evaluate(run, progress=False).scores["task"]) == {"measured", "zone", "size"}
    table = um.predict(run, [data_folder / "images"], tmp_path / "out", spacing_mm=0.5, progress=False)
    assert table["size_mm"].notna().all()
