"""`measure: length | area`: labels become pixels of the network's input, and answers lengths again."""

import json
from dataclasses import replace

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.batches.preprocess.preprocess import Crops, Preprocess
from unet_mtl.batches.preprocess.views import Views
from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.view import View
from unet_mtl.errors import DataError
from unet_mtl.tasks import adapt_tasks, make_task

UNITS = {"length": ["mm", "cm", "um", "m", "px"], "area": ["mm2", "cm2", "µm2", "px", "px2"]}


@pytest.fixture(scope="module")
def dataset(data_folder):
    """The twelve cases with spacings of their own, and none in the cases 0 and 9."""
    dataset = um.read_dataset(data_folder)
    spacings = {i: (0.1 + 0.1 * i, 0.1 + 0.08 * i) for i in range(12) if i not in (0, 9)}
    records = [replace(record, spacing_mm=spacings.get(i)) for i, record in enumerate(dataset)]
    return replace(dataset, records=tuple(records))


def with_unit(dataset, unit):
    columns = dataset.description.columns | {"size_mm": ColumnDescription(unit=unit)}
    return replace(dataset, description=dataset.description.model_copy(update={"columns": columns}))


def make(dataset, measure="length", preprocess=None, **settings):
    content = {"kind": "regression", "name": "size_mm", "measure": measure} | settings
    (task,) = adapt_tasks([make_task(content)], dataset, Views(preprocess or Preprocess(size=(24, 48))))
    return task


def random_view(rng):
    size = tuple(rng.integers(8, 900, 2).tolist())
    fit = ("stretch", "pad", "crops")[rng.integers(3)]
    crops = Crops(scale=float(rng.uniform(0.1, 3))) if fit == "crops" else Crops()
    preprocess = Preprocess(size=tuple(rng.integers(8, 256, 2).tolist()), fit=fit, crops=crops)
    spacing = tuple(rng.uniform(0.05, 2, 2).tolist()) if rng.random() < 0.9 else None
    return View(preprocess.resize_factors(size), spacing, zoom=float(rng.uniform(0.5, 2)))


@pytest.mark.parametrize("measure", UNITS)
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("loss", ["huber", "gaussian"])
def test_decode_undoes_encode_whatever_the_scale(dataset, measure, scale, loss):
    rng = np.random.default_rng(0)
    for unit in UNITS[measure]:
        task = make(with_unit(dataset, unit), measure, scale=scale, loss=loss)
        for _ in range(10):
            view, value = random_view(rng), float(rng.uniform(0.5, 200))
            if view.spacing_mm is None and not unit.startswith("px"):
                continue
            target, weight = task.encode(task.see({"size_mm": value}, view), (24, 48))
            assert weight == 1
            raw = np.array([target[0, 0], -3.0][: 1 + (loss == "gaussian")], np.float32)
            answer = task.restore(task.decode(raw), view)
            assert (answer.value, answer.unit) == (pytest.approx(value, rel=2e-5), unit)
            if loss == "gaussian":
                assert answer.low < answer.value < answer.high


def test_by_hand(dataset):
    task = make(dataset)
    view = View((0.5, 0.5), (0.2, 0.2), zoom=1.2)
    assert task.see({"size_mm": 10.0}, view) == {"size_mm": pytest.approx(10 / 0.2 * 0.5 * 1.2)}
    area = make(with_unit(dataset, "cm2"), "area")
    view = View((0.5, 0.25), (0.1, 0.4), zoom=2.0)
    assert area.see({"size_mm": 3.0}, view) == {"size_mm": pytest.approx(300 / (0.1 * 0.4) * 0.5 * 0.25 * 4)}


def test_the_network_learns_standardised_pixels_of_its_input(dataset):
    preprocess = Preprocess(size=(16, 16))
    for scale in ("linear", "log"):
        task = make(dataset, preprocess=preprocess, scale=scale)
        views = Views(preprocess)
        seen = [
            task.encode(task.see(truth, views(record)), (16, 16))[0][0, 0]
            for record in dataset
            if (truth := task.read(record, dataset.description))
        ]
        assert np.mean(seen) == pytest.approx(0, abs=1e-5)
        assert np.std(seen) == pytest.approx(1, abs=1e-5)
        assert task.numbers[0].seen.unit == "px"
        assert task.numbers[0].unit == "mm"
        again = make_task(json.loads(json.dumps(task.to_config())))
        assert again == task


def test_a_number_in_mm_without_spacing_is_unlabelled(dataset):
    task = make(dataset)
    labelled = [record.case for record in dataset if task.is_labelled(record)]
    read = [record.case for record in dataset if task.read(record, dataset.description)]
    plain = um.Regression(name="size_mm").adapt(dataset)
    assert labelled == read
    assert {"case_00", "case_09"} == {r.case for r in dataset if plain.is_labelled(r)} - set(read)
    in_pixels = make(with_unit(dataset, "px"))
    assert all(in_pixels.is_labelled(record) == plain.is_labelled(record) for record in dataset)


def test_a_case_without_spacing_is_answered_in_pixels_of_the_image(dataset):
    task = make(dataset)
    known, unknown = View((0.5, 0.5), (0.2, 0.2)), View((0.5, 0.5))
    raw = np.array([0.7], np.float32)
    in_mm, in_px = task.restore(task.decode(raw), known), task.restore(task.decode(raw), unknown)
    assert (in_mm.unit, in_px.unit) == ("mm", "px")
    assert in_px.value * 0.2 == pytest.approx(in_mm.value)
    assert in_px.cells().keys() == {"px"}


@pytest.mark.parametrize(
    ("measure", "unit", "received"),
    [
        ("length", "", "no unit"),
        ("length", "years", "'years'"),
        ("length", "mm2", "'mm2'"),
        ("area", "mm", "'mm'"),
        ("area", "mm3", "'mm3'"),
    ],
)
def test_a_unit_that_measures_something_else(dataset, measure, unit, received):
    article = {"length": "a length", "area": "an area"}[measure]
    with pytest.raises(
        DataError,
        match=f"task 'size_mm': {article} needs a unit of {measure}, and column 'size_mm' has {received}; set",
    ):
        make(with_unit(dataset, unit), measure)


def test_no_spacing_at_all(dataset):
    bare = replace(dataset, records=tuple(replace(record, spacing_mm=None) for record in dataset))
    with pytest.raises(DataError, match="none of the 9 train cases with a 'size_mm' has a pixel spacing"):
        make(bare)
    assert make(with_unit(bare, "px")).numbers[0].seen.deviation > 0


def test_a_length_below_0(dataset):
    records = (replace(dataset.records[1], labels={"size_mm": -2.0}), *dataset.records[2:])
    with pytest.raises(DataError, match="case 'case_01' has a 'size_mm' below 0, which a length never is"):
        make(replace(dataset, records=records))


def test_tasks_without_measure_are_as_before(dataset):
    view = View((0.5, 0.25), (3.0, 0.1), zoom=1.7)
    plain = um.Regression(name="size_mm")
    (task,) = adapt_tasks([plain], dataset, Views(Preprocess()))
    assert task == plain.adapt(dataset)
    assert not task.reads_view
    assert task.see({"size_mm": 3.0}, view) == {"size_mm": 3.0}
    answer = task.decode(np.array([0.3], np.float32))
    assert task.restore(answer, view) is answer
    stored = {"kind": "regression", "name": "size", "target": "size_mm", "scale": "log"}
    number = {"column": "size_mm", "unit": "mm", "scale": "log", "mean": 1.5, "deviation": 0.5, "median": 4.0}
    old = make_task(stored | {"weight": 1.0, "targets": [], "loss": "huber", "numbers": [number]})
    assert old.decode(np.array([2.0], np.float32)).value == pytest.approx(np.expm1(2.5))
    assert old.measure is None


def test_a_length_is_learned_from_the_image(data_folder):
    description = um.read_dataset(data_folder).description
    inputs = {"record": {"columns": ["side"]}}
    for read, accepted in ((None, True), (["image", "record"], True), (["record"], False)):
        task = um.Regression(name="size_mm", measure="length", inputs=read)
        if accepted:
            um.Config(data=description, tasks=[task], inputs=inputs)
            continue
        with pytest.raises(
            ValueError, match="task 'size_mm': `measure: length` is for numbers that are learned from"
        ):
            um.Config(data=description, tasks=[task], inputs=inputs)
        um.Config(data=description, tasks=[um.Regression(name="size_mm", inputs=read)], inputs=inputs)
