"""The contract of tasks. A new kind in `TASKS` needs an example in `EXAMPLES` and a line in `RAW`."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import metrics
from unet_mtl import SplitSettings, read_dataset
from unet_mtl.data.description import ColumnDescription
from unet_mtl.data.splits import split_dataset
from unet_mtl.errors import ConfigError, DataError
from unet_mtl.tasks import TASKS, CaseScore, Features, Prediction, adapt_tasks, make_task

SIZE = (8, 8)

EXAMPLES = {
    "softmax": {"kind": "segmentation", "name": "zone", "activation": "softmax"},
    "sigmoid": {
        "kind": "segmentation",
        "name": "drawn",
        "target": "zone",
        "activation": "sigmoid",
        "threshold": 0.4,
        "focal": 2.0,
        "tversky": {"alpha": 0.3, "beta": 0.7, "gamma": 1.5},
    },
    "classes": {
        "kind": "classification",
        "name": "diagnosis",
        "class_weights": "balanced",
        "weight": 2.0,
        "focal": 1.0,
    },
    "overlapping": {
        "kind": "overlapping_segmentation",
        "name": "layers",
        "threshold": 0.6,
    },
    "two classes": {"kind": "classification", "name": "side", "threshold": 0.3},
    "grades": {"kind": "ordinal", "name": "grade", "target": "diagnosis", "class_weights": "balanced"},
    "cumulative grades": {"kind": "ordinal", "name": "diagnosis", "method": "cumulative"},
    "labels": {
        "kind": "multilabel",
        "name": "signs",
        "targets": ["side", "calcified"],
        "class_weights": "balanced",
        "threshold": 0.4,
    },
    "number": {"kind": "regression", "name": "size", "target": "size_mm"},
    "log number": {"kind": "regression", "name": "size_mm", "scale": "log", "loss": "mse"},
    "number with interval": {"kind": "regression", "name": "size_mm", "loss": "gaussian", "scale": "log"},
    "numbers": {"kind": "regression", "name": "sizes", "targets": ["size_mm", "depth"]},
    "numbers with intervals": {
        "kind": "regression",
        "name": "sizes",
        "targets": ["depth", "size_mm"],
        "loss": "gaussian",
    },
    "length": {"kind": "regression", "name": "size_mm", "measure": "length"},
    "measurement": {"kind": "measurement", "name": "size_mm", "mask": "zone", "shape": "feret"},
}
LEARNED = [name for name, example in EXAMPLES.items() if not TASKS[example["kind"]].derived]
DEPTHS = {0: 3.0, 1: 8.0, 2: 4.5, 4: 6.0, 5: 1.0, 8: 2.0, 9: 7.0, 11: 5.0}
"""Depths of some cases, by index. In some cases both numbers are known, in others one or none."""


@pytest.fixture(scope="module")
def dataset(layered_folder):
    """The data set with a second column of two classes, known where `side` is not, and a second number."""
    dataset = read_dataset(layered_folder)
    calcified = {index: "yes" if index % 4 == 0 else "no" for index in range(12) if index not in (1, 3, 9)}
    records = [
        replace(
            record,
            labels=dict(record.labels)
            | ({"calcified": calcified[i]} if i in calcified else {})
            | ({"depth": DEPTHS[i]} if i in DEPTHS else {}),
        )
        for i, record in enumerate(dataset)
    ]
    more = {"calcified": ColumnDescription(type="yes/no"), "depth": ColumnDescription(unit="cm")}
    columns = dataset.description.columns | more
    description = dataset.description.model_copy(update={"columns": columns})
    return replace(dataset, description=description, records=tuple(records))


@pytest.fixture(scope="module")
def parts(dataset):
    return split_dataset(dataset, SplitSettings())


@pytest.fixture(params=EXAMPLES, scope="module")
def config(request):
    return EXAMPLES[request.param]


@pytest.fixture
def task(config, parts):
    return make_task(config).adapt(parts["train"])


@pytest.fixture(params=LEARNED, scope="module")
def learned(request, parts):
    return make_task(EXAMPLES[request.param]).adapt(parts["train"])


def truths_of(task, dataset):
    found = [task.read(record, dataset.description) for record in dataset]
    return [truth for truth in found if truth is not None]


def fit_truth(task, truth):
    """Return spatial truth at the network's size, as batches do."""
    return truth[8:24:2, 8:24:2] if task.spatial else truth


def raw_mask(task, target):
    hot = np.eye(len(task.classes), dtype=np.float32)[np.where(target == 255, 0, target)]
    return hot if task.activation == "softmax" else hot[..., 1:]


def raw_layers(task, target):
    return (target == 1).astype(np.float32)


def raw_class(task, target):
    n_classes = len(task.classes)
    return np.array([target], np.float32) if n_classes == 2 else np.eye(n_classes, dtype=np.float32)[target]


def raw_number(task, target):
    log_variances = np.full(len(target), -5, np.float32)
    return np.concatenate([target[:, 0], log_variances]) if task.loss_kind == "gaussian" else target[:, 0]


def raw_grade(task, target):
    return (np.arange(len(task.classes) - 1) < target).astype(np.float32)


def raw_labels(task, target):
    return (target == 1).astype(np.float32)


RAW = {
    "segmentation": raw_mask,
    "overlapping_segmentation": raw_layers,
    "classification": raw_class,
    "ordinal": raw_grade,
    "multilabel": raw_labels,
    "regression": raw_number,
}
"""Functions that return the network output for an encoded truth, by kind."""


def perfect_raw(task, truth):
    return RAW[task.kind](task, task.encode(truth, SIZE)[0])


def test_every_kind_has_an_example():
    assert {example["kind"] for example in EXAMPLES.values()} == set(TASKS)
    assert all(kind == task.model_fields["kind"].default for kind, task in TASKS.items())


def test_json_round_trip(config, task):
    for one in (make_task(config), task):
        again = make_task(json.loads(json.dumps(one.to_config())))
        assert again == one
        assert type(again) is type(one)
    assert config.items() <= task.to_config().items()
    with pytest.raises(ValidationError):
        task.name = "other"
    with pytest.raises(ValidationError):
        make_task(config | {"colour": "red"})


@pytest.mark.parametrize("name", ["image", "error", "val", "1st", "a-b", ""])
def test_names_that_would_clash_are_refused(config, name):
    with pytest.raises(ValidationError, match=r"has that name|should match pattern"):
        make_task(config | {"name": name})


def test_adapt_depends_on_train_only_and_leaves_the_task_unchanged(config, parts):
    task = make_task(config)
    before = task.to_config()
    adapted = task.adapt(parts["train"])
    assert task.to_config() == before
    assert adapted == task.adapt(parts["train"])
    assert adapted.adapt(parts["train"]) == adapted
    if task.kind in ("regression", "measurement"):
        assert adapted.adapt(parts["test"]).numbers != adapted.numbers


def test_no_label_in_train_is_an_error_that_names_the_task(config, parts):
    task = make_task(config)
    train = parts["train"]
    bare = train.only([replace(record, labels={}, masks={}) for record in train])
    with pytest.raises(DataError, match=f"task '{task.name}': none of the 5 train cases has"):
        task.adapt(bare)


def test_all_tasks_without_labels_are_named_at_once(parts):
    train = parts["train"]
    bare = train.only([replace(record, labels={}, masks={}) for record in train])
    with pytest.raises(DataError) as caught:
        adapt_tasks([make_task(config) for config in EXAMPLES.values()], bare)
    assert len(caught.value.problems) == len(EXAMPLES)


def test_a_target_that_is_not_described_names_those_that_are(config, parts):
    spatial = TASKS[config["kind"]].spatial
    known = "'layers', 'zone'" if spatial else "'diagnosis', 'side', 'size_mm', 'calcified', 'depth'"
    other = {"targets": ["nothing", "other"]} if "targets" in config else {"target": "nothing"}
    with pytest.raises(ConfigError, match=f"describes no .* 'nothing'; it has {known}"):
        make_task(config | other).adapt(parts["train"])


def test_a_missing_label_is_a_finite_filler_of_weight_0(learned, dataset):
    task = learned
    filler, weight = task.encode(None, SIZE)
    assert weight == 0
    assert np.isfinite(np.asarray(filler, float)).all()
    truth = truths_of(task, dataset)[0]
    target, weight = task.encode(fit_truth(task, truth), SIZE)
    assert weight == (np.mean(truth != 255) if task.kind == "multilabel" else 1)
    assert np.asarray(target).shape == np.asarray(filler).shape
    assert np.asarray(target).dtype == np.asarray(filler).dtype


def test_is_labelled_agrees_with_read(task, dataset):
    for record in (*dataset, replace(dataset.records[0], labels={}, masks={})):
        assert task.is_labelled(record) == (task.read(record, dataset.description) is not None)


def test_dense_layers_are_for_image_level_tasks(learned):
    task = learned
    content = task.to_config() | {"hidden": [8, 4]}
    if task.spatial:
        with pytest.raises(ValidationError, match="dense layers are for image-level tasks"):
            make_task(content)
    else:
        assert make_task(content).hidden == (8, 4)


def test_read_returns_none_without_a_label(task, dataset):
    bare = replace(dataset.records[0], labels={}, masks={})
    assert task.read(bare, dataset.description) is None
    assert truths_of(task, dataset)


def test_head_and_loss(learned, dataset):
    task = learned
    features = Features(keras.Input((*SIZE, 4)), keras.Input((6,)))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        output = task.build_head(features)
    finally:
        keras.config.set_dtype_policy("float32")
    model = keras.Model(list(features), output)
    assert model.layers[-1].name == task.name
    assert output.dtype == "float32"
    n = 3
    raw = model([np.ones((n, *SIZE, 4), "f"), np.ones((n, 6), "f")])
    truths = [fit_truth(task, truth) for truth in (truths_of(task, dataset) * n)[:n]]
    target = np.stack([task.encode(truth, SIZE)[0] for truth in truths])
    values = task.loss().call(target, raw)
    assert values.shape == (n,)
    assert np.isfinite(values).all()
    filler = np.stack([task.encode(None, SIZE)[0]] * n)
    assert np.isfinite(task.loss().call(filler, raw)).all()


def test_the_primary_score_is_among_the_streaming_ones(learned):
    task = learned
    names = [metric.name for metric in task.training_metrics()]
    assert f"{task.name}_{task.primary[0]}" in names
    assert all(name.startswith(f"{task.name}_") for name in names)


def test_scores_of_a_set_are_those_of_their_samples(learned, dataset):
    """Each case is answered with the label of another one; intervals are computed from the samples, values are not."""
    task = learned
    truths = list(truths_of(task, dataset))
    answers = [task.decode(perfect_raw(task, truth)) for truth in truths[1:] + truths[:1]]
    found = [task.score_case(*pair, (0.5, 0.5)) for pair in zip(truths, answers, strict=True)]
    facts = pd.DataFrame([scored.facts for scored in found])
    scores, samples = task.score_set(facts), task.score_samples(facts)
    assert samples.keys() <= scores.keys()
    assert samples or task.spatial
    for name, sample in samples.items():
        if isinstance(sample, metrics.Ranking):
            known = ~np.isnan(sample.y_true)
            value = metrics.auroc(sample.y_true[known].astype(int), sample.scores[known])
        else:
            defined = sample.values[~np.isnan(sample.values)]
            value = defined.mean() if defined.size else np.nan
            assert ((defined >= sample.limits[0]) & (defined <= sample.limits[1])).all()
        assert value == pytest.approx(scores[name], nan_ok=True), name
    for scored in found:
        for name, score in scored.scores.items():
            low, high = task.score_limits(name)
            assert np.isnan(score.value) or low - 1e-9 <= score.value <= high + 1e-9, name


def test_a_perfect_prediction_has_perfect_scores(learned, dataset):
    task = learned
    facts = []
    for truth in truths_of(task, dataset):
        prediction = task.decode(perfect_raw(task, truth))
        assert isinstance(prediction, Prediction)
        assert isinstance(prediction.title(), str)
        assert all(isinstance(value, str | float | int) for value in prediction.cells().values())
        assert bool(prediction.masks()) == task.spatial
        drawn = dataset.description.masks[task.target_name].classes[1:] if task.spatial else ()
        assert tuple(prediction.regions()) == drawn
        found = task.score_case(truth, prediction, (0.5, 0.5))
        assert all(isinstance(score, CaseScore) for score in found.scores.values())
        assert not any(score.missed or score.hallucinated for score in found.scores.values())
        json.dumps(dict(found.facts))
        facts.append(found.facts)
        for name, score in found.scores.items():
            best = 0 if "error" in name or name.startswith(("hd", "assd", "masd")) else 1
            assert np.isnan(score.value) or score.value == pytest.approx(best, abs=1e-5), name
        ranking = found.scores.get(task.ranking[0])
        assert ranking is not None or not found.scores
    table = pd.DataFrame(facts)
    compared, higher = task.comparison_score
    if compared not in found.scores:  # then it is computed from the facts
        np.testing.assert_array_equal(task.comparison_values(table), np.full(len(table), float(higher)))
    scores = task.score_set(table)
    assert all(isinstance(value, float) for value in scores.values())
    perfect = {
        "accuracy": 1,
        "adjacent_accuracy": 1,
        "quadratic_weighted_kappa": 1,
        "mae": 0,
        "exact_match": 1,
        "auroc_side": 1,
        "f1": 1,
        "mcc": 1,
        "balanced_accuracy": 1,
        "rmse": 0,
        "bias": 0,
        "r2": 1,
        "pearson": 1,
        "interval_coverage": 1,
    }
    for name, value in scores.items():
        score = name.removesuffix("_size_mm").removesuffix("_depth")
        if score in perfect or name.startswith("pooled"):
            assert value == pytest.approx(perfect.get(score, 1), abs=1e-5), name
    streaming = task.training_metrics()
    for truth in truths_of(task, dataset):
        target, weight = task.encode(truth, SIZE)
        for metric in streaming:
            metric.update_state(
                target[None], perfect_raw(task, truth)[None], sample_weight=np.array([weight])
            )
    for metric in streaming:
        best = 0 if "_mae" in metric.name else 1  # with several numbers, the column follows
        assert float(metric.result()) == pytest.approx(best, abs=1e-5)


def test_decode_undoes_encode(learned, dataset):
    task = learned
    for truth in truths_of(task, dataset):
        prediction = task.decode(perfect_raw(task, truth))
        if task.kind == "segmentation":
            np.testing.assert_array_equal(prediction.mask, np.where(truth == 255, 0, truth))
            np.testing.assert_allclose(prediction.probabilities.sum(-1), 1)
        elif task.kind == "overlapping_segmentation":
            np.testing.assert_array_equal(prediction.mask, truth)
            assert prediction.masks().keys() == {"whole", "core"}
        elif task.kind == "multilabel":
            known = truth != 255
            np.testing.assert_array_equal(prediction.present[known], truth[known])
        elif task.kind in ("classification", "ordinal"):
            assert prediction.label == task.classes[truth]
            assert prediction.probabilities.sum() == pytest.approx(1)
        else:
            assert tuple(prediction.values) == task.target_names
            for column, value in truth.items():
                assert prediction.values[column].value == pytest.approx(value, rel=1e-5)
                assert prediction.values[column].unit == {"size_mm": "mm", "depth": "cm"}[column]


def test_data_with_another_meaning_are_refused(task, dataset):
    described = dataset.description
    columns = described.columns | {
        "diagnosis": described.columns["diagnosis"].model_copy(update={"classes": ("a", "b")}),
        "side": described.columns["side"].model_copy(update={"classes": ("right", "left")}),
        "calcified": described.columns["calcified"],
        "size_mm": described.columns["size_mm"].model_copy(update={"unit": "cm"}),
    }
    masks = {
        name: mask.model_copy(update={"classes": (mask.classes[0], *mask.classes[:0:-1])})
        for name, mask in described.masks.items()
    }
    other = described.model_copy(update={"columns": columns, "masks": masks})
    with pytest.raises(DataError, match=f"task '{task.name}' learned"):
        task.read(dataset.records[1], other)
