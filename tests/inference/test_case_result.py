"""CaseResult: made once for each case, from an image that is decoded once, and released after use."""

import gc
import weakref

import numpy as np
import pytest

import unet_mtl as um
from unet_mtl.data import channel_files, images
from unet_mtl.evaluation.evaluator import evaluate_cases
from unet_mtl.inference.case_result import Case, CaseResult, cases_of
from unet_mtl.inference.engines.keras import KerasEngine
from unet_mtl.inference.predictor import Predictor

RULES = [
    {"mask": "zone", "needs": {"task": "diagnosis", "is_not": "normal"}},
    {"mask": "zone", "diameter": "size", "tolerance": 0.25},
]


@pytest.fixture(scope="module")
def run(with_rules):
    return with_rules(*RULES)


@pytest.fixture
def counts(monkeypatch):
    """The names of the decoded images, and the sizes of the batches that the engine computes."""
    decoded, batches = [], []
    read, call = images.read_image, KerasEngine.__call__

    def count_read(path, *arguments):
        decoded.append(path.stem)
        return read(path, *arguments)

    def count_call(engine, inputs):
        batches.append(len(next(iter(inputs.values()))))
        return call(engine, inputs)

    monkeypatch.setattr(channel_files, "read_image", count_read)
    monkeypatch.setattr(KerasEngine, "__call__", count_call)
    return decoded, batches


def names(dataset):
    return [record.case for record in dataset]


def test_predict_decodes_and_computes_once(run, dataset, data_folder, tmp_path, counts):
    decoded, batches = counts
    table = um.predict(run, [data_folder / "images"], tmp_path, progress=False)
    assert len(table) == 12
    assert sorted(decoded) == names(dataset)
    assert batches == [8, 4]


def test_overlay_decodes_and_computes_once(run, dataset, data_folder, tmp_path, counts):
    decoded, batches = counts
    assert len(um.overlay(run, [data_folder / "images"], tmp_path, progress=False)) == 12
    assert sorted(decoded) == names(dataset)
    assert batches == [8, 4]


def test_evaluate_decodes_once_and_its_overlays_once_more(run, dataset, counts, monkeypatch):
    from unet_mtl.evaluation import files

    drawn = []
    make = files.make_overlay
    monkeypatch.setattr(
        files, "make_overlay", lambda *parts: drawn.append(parts[1].case.name) or make(*parts)
    )
    decoded, batches = counts
    evaluation = um.evaluate(run, split="all", progress=False)
    chosen = [path.stem.split("_", 2)[2] for path in sorted((evaluation.folder / "overlays").glob("*_*.png"))]
    assert 0 < len(chosen) <= 9
    assert sorted(drawn) == sorted(chosen)
    assert sorted(decoded) == sorted(names(dataset) + chosen)
    # The measured cases in two batches, then those that are drawn.
    assert batches == [8, 4, *([8, len(chosen) - 8] if len(chosen) > 8 else [len(chosen)])]


@pytest.mark.slow
def test_results_are_gone_when_they_have_been_measured(run, dataset, monkeypatch):
    """Images, outputs and masks of many cases would not fit into memory."""
    alive = weakref.WeakSet()
    most = []
    init = CaseResult.__init__

    def remember(result, *arguments, **more):
        init(result, *arguments, **more)
        alive.add(result)

    def count():
        gc.collect()
        most.append(len(alive))

    monkeypatch.setattr(CaseResult, "__init__", remember)
    monkeypatch.setattr(CaseResult, "__hash__", lambda result: id(result))
    predictor = Predictor.load(run, batch_size=3)
    gc.collect()
    gc.freeze()  # otherwise each collection walks through all that TensorFlow has made
    evaluate_cases(predictor, dataset, on_case=count)
    gc.unfreeze()
    assert len(most) == 12
    assert max(most) <= predictor.batch_size


def test_a_result_holds_all_that_is_read_later(run, dataset):
    predictor = Predictor.load(run)
    by_name = {task.name: task for task in predictor.tasks}
    results = list(predictor.predict(cases_of(dataset, predictor.inputs)))
    for record, result in zip(dataset, results, strict=True):
        case = result.require().case
        assert (case.record, case.spacing_mm) == (record, (0.5, 0.5))
        np.testing.assert_array_equal(result.image, images.read_image(record.image))
        assert {name: output.shape for name, output in result.raw.items()} == {
            "zone": (32, 32, 3),
            "diagnosis": (3,),
            "size": (1,),
            "side": (1,),
        }
        assert result.answers["zone"].mask.shape == (32, 32)
        known = {name for name, truth in result.truths.items() if truth is not None}
        assert known == {name for name, task in by_name.items() if task.is_labelled(record)}
        extra = result.extras["contradictions"]
        assert extra.answers == predictor.check(result.answers, record.spacing_mm)
        assert set(extra.cells()) == {"contradictions", "not_checked", "contradictions_of_labels"}
        assert bool(extra.marks().frame) == bool(extra.cells()["contradictions"])


def test_a_label_that_cannot_be_read_is_the_error_of_its_case(run, write_data, tmp_path):
    write_data(tmp_path / "data")
    dataset = um.read_dataset(tmp_path / "data")
    dataset.records[3].masks["zone"][0].path.write_bytes(b"no mask")
    predictor = Predictor.load(run)
    results = list(predictor.predict(cases_of(dataset, predictor.inputs)))
    assert [result.case.name for result in results if result.error] == ["case_03"]
    with pytest.raises(um.UnetMtlError, match=r"case_03\.png"):
        results[3].require()


def test_an_image_of_other_channels_is_the_error_of_its_case(run, dataset, tmp_path):
    import tifffile

    path = tmp_path / "five.tif"
    tifffile.imwrite(path, np.zeros((5, 32, 32), np.uint8), photometric="minisblack", planarconfig="separate")
    cases = [Case("five", path), Case("three", dataset.records[0].image)]
    first, second = Predictor.load(run).predict(cases)
    assert "channels" in str(first.error)
    assert (first.image, first.answers, second.error) == (None, {}, None)
