"""AUROC and average precision from histograms: scikit-learn, the promised bound, masks, edges."""

import json
from functools import partial

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import auroc, auroc_one_vs_rest
from metrics.streaming import AUROC, AveragePrecision

THEIRS = {AUROC: sk.roc_auc_score, AveragePrecision: sk.average_precision_score}
BINS = 4096


def down(scores, bins=BINS):
    """What the bins make of the scores."""
    return np.minimum(np.floor(scores.astype(np.float64) * bins), bins - 1)


def labelled(seed, cases=200):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=cases)
    return truth, rng.beta(1 + 2 * truth, 2).astype(np.float32)


def classes(seed, n_classes=4, size=(150,)):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=size)
    scores = rng.dirichlet(np.ones(n_classes), size=size) + 0.2 * np.eye(n_classes)[truth]
    return truth, (scores / 1.2).astype(np.float32)


def one_vs_rest(score, truth, scores, columns):
    return [score(truth == index, down(scores[..., index])) for index in columns]


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("bins", [2, 64, 4096])
def test_binary_is_the_exact_score_of_rounded_scores(kind, bins, stream):
    truth, scores = labelled(0)
    expected = THEIRS[kind](truth, down(scores, bins))
    for shaped in (scores, scores[:, None], np.stack([1 - scores, scores], -1)):
        results = {stream(kind(2, bins=bins), truth, shaped, s) for s in ([200], [20] * 10)}
        assert len(results) == 1
        assert results.pop() == pytest.approx(expected, abs=1e-6)


@given(
    cases=st.lists(
        st.tuples(st.booleans(), st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.3, 0.5, 1.0]))),
        min_size=2,
        max_size=40,
    ),
    bins=st.sampled_from([2, 8, 4096]),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_error_is_at_most_half_the_share_of_pairs_in_one_bin(cases, bins):
    truth = np.array([positive for positive, _ in cases])
    scores = np.array([score for _, score in cases], np.float32)
    metric = AUROC(2, bins=bins)
    # always 40 cases, the rest without weight: JAX compiles every new shape
    rest = (0, 40 - len(cases))
    metric.update_state(np.pad(truth, rest), np.pad(scores, rest), np.pad(np.ones(len(cases)), rest))
    exact = auroc(truth, scores)
    if np.isnan(exact):
        assert np.isnan(float(metric.result()))
        return
    placed = down(scores, bins)
    together = np.mean(placed[truth][:, None] == placed[~truth][None])
    assert abs(float(metric.result()) - exact) <= together / 2 + 1e-6
    distinct = np.unique(scores).size == np.unique(placed).size
    if distinct:
        assert float(metric.result()) == pytest.approx(exact, abs=1e-6)


def test_default_bins_are_near_the_exact_area(stream):
    truth, scores = labelled(1, cases=3000)
    assert stream(AUROC(2), truth, scores, [1000] * 3) == pytest.approx(auroc(truth, scores), abs=2e-4)


@pytest.mark.parametrize("kind", THEIRS)
def test_softmax_classes_one_against_the_rest(kind, stream):
    truth, scores = classes(2)
    each = one_vs_rest(THEIRS[kind], truth, scores, range(4))
    assert stream(kind(4), truth, scores, [100, 50]) == pytest.approx(np.mean(each), abs=1e-6)
    single = stream(kind(4, class_index=2), truth, scores, [100, 50])
    assert single == pytest.approx(each[2], abs=1e-6)
    foreground = stream(kind(4, include_background=False), truth, scores, [100, 50])
    assert foreground == pytest.approx(np.mean(each[1:]), abs=1e-6)
    if kind is AUROC:
        expected = auroc_one_vs_rest(truth, down(scores))
        assert stream(kind(4), truth, scores, [100, 50]) == pytest.approx(expected, abs=1e-6)


def test_classes_without_cases_are_left_out(stream):
    truth, scores = classes(3)
    scores, truth = scores[truth != 1], truth[truth != 1]
    expected = np.mean(one_vs_rest(sk.roc_auc_score, truth, scores, [0, 2, 3]))
    assert stream(AUROC(4), truth, scores, [len(truth)]) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(stream(AUROC(4, class_index=1), truth, scores, [len(truth)]))


def test_sigmoid_foreground_channels_have_no_score_for_class_0(stream):
    truth, scores = classes(4, n_classes=3)
    expected = np.mean(one_vs_rest(sk.roc_auc_score, truth, scores, [1, 2]))
    assert stream(AUROC(3), truth, scores[:, 1:], [100, 50]) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(stream(AUROC(3, class_index=0), truth, scores[:, 1:], [150]))


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("last", [(), (1,)])
def test_masks_with_ignore_and_weights(kind, last, stream):
    truth, scores = classes(5, n_classes=3, size=(8, 6, 5))
    truth[:, 0] = 255
    scores[:, 0] = np.nan
    weights = np.array([1, 0, 1, 2, 0.5, 0, 1, 1], np.float32)
    scores[weights == 0] = np.nan
    kept = (truth != 255) & (weights[:, None, None] > 0)
    expected = np.mean(one_vs_rest(THEIRS[kind], truth[kept], scores[kept], range(3)))
    shaped = truth.reshape(*truth.shape, *last)
    results = {stream(kind(3, ignore=255), shaped, scores, s, weights) for s in ([8], [5, 3])}
    assert len(results) == 1
    assert results.pop() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.parametrize("size", [(), (5, 3)])
def test_multilabel(kind, size, stream):
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, size=(40, *size, 3))
    scores = rng.beta(1 + truth, 2).astype(np.float32)
    truth[rng.random(truth.shape) < 0.1] = 255
    flat, flat_scores = truth.reshape(-1, 3), down(scores).reshape(-1, 3)
    each = [THEIRS[kind](flat[flat[:, k] < 2, k], flat_scores[flat[:, k] < 2, k]) for k in range(3)]
    make = partial(kind, 3, multilabel=True, ignore=255)
    assert stream(make(), truth, scores, [25, 15]) == pytest.approx(np.mean(each), abs=1e-6)
    # there is no background among the channels
    assert stream(make(include_background=False), truth, scores, [40]) == pytest.approx(
        np.mean(each), abs=1e-6
    )
    assert stream(make(class_index=0), truth, scores, [25, 15]) == pytest.approx(each[0], abs=1e-6)


@pytest.mark.parametrize("kind", THEIRS)
def test_one_class_only_is_nan(kind):
    for truth in (0, 1):
        metric = kind(2)
        assert np.isnan(float(metric.result()))
        metric.update_state([truth, truth], [0.2, 0.9])
        assert np.isnan(float(metric.result()))
    metric.update_state([0, 1], [0.1, 0.9], [0.0, 0.0])
    assert np.isnan(float(metric.result()))


def test_perfect_reversed_and_constant_scores():
    for scores, expected in [([0.0, 0.1, 0.9, 1.0], 1), ([1.0, 0.9, 0.1, 0.0], 0), ([0.3] * 4, 0.5)]:
        metric = AUROC(2)
        metric.update_state([0, 0, 1, 1], scores)
        assert float(metric.result()) == expected


def test_average_precision_by_hand():
    """Ranked 1, 0, 1, 0: precision 1 at recall 1/2, 2/3 at recall 1."""
    metric = AveragePrecision(2)
    metric.update_state([1, 0, 1, 0], [0.9, 0.7, 0.5, 0.1])
    assert float(metric.result()) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


@pytest.mark.parametrize("bad", [np.nan, 1.5, -0.2, np.inf])
def test_counted_scores_that_are_no_probability_show_as_nan(bad):
    metric = AUROC(2)
    metric.update_state([0, 1, 1], [0.1, 0.9, bad], [1.0, 1.0, 0.0])
    assert float(metric.result()) == 1
    metric.update_state([0], [bad])
    assert np.isnan(float(metric.result()))


def test_a_probability_rounded_over_the_edge_is_one():
    metric = AUROC(2)
    metric.update_state([0, 1, 1], [-1e-6, 1.0000001, 1.0])
    assert float(metric.result()) == 1


@pytest.mark.parametrize("bad", [2, 255, -1, 0.5, np.nan])
@pytest.mark.parametrize("multilabel", [False, True])
def test_truth_that_is_no_class_shows_as_nan(bad, multilabel):
    metric = AUROC(1 if multilabel else 2, multilabel=multilabel)
    metric.update_state(np.array([[0], [1], [bad]], np.float32), np.array([[0.1], [0.9], [0.5]]))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize("kind", THEIRS)
def test_config_round_trip_and_names(kind):
    title = {AUROC: "auroc", AveragePrecision: "average_precision"}[kind]
    assert (kind(3).name, kind(3, class_index=2).name) == (title, title + "_class2")
    options = {"bins": 64, "class_index": 1, "ignore": 255, "include_background": False, "multilabel": True}
    metric = kind(3, name="score", **options)
    copy = keras.metrics.deserialize(json.loads(json.dumps(keras.metrics.serialize(metric))))
    assert type(copy) is kind
    assert copy.get_config() == metric.get_config() == {"n_classes": 3, "name": "score", **options}


def test_reset_forgets():
    metric = AUROC(2)
    metric.update_state([0, 1], [0.9, np.nan])
    metric.reset_state()
    metric.update_state([0, 1], [0.1, 0.9])
    assert float(metric.result()) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AUROC(1), "n_classes must be 2 or more"),
        (lambda: AUROC(2, bins=1000), "bins a power of two"),
        (lambda: AUROC(2, bins=1), "bins a power of two"),
        (lambda: AUROC(2, class_index=0), r"class_index must be in 1\.\.1 or None, got 0"),
        (lambda: AUROC(3, class_index=3), r"class_index must be in 0\.\.2"),
        (lambda: AUROC(4).update_state([0], [[0.5]]), "4 .softmax. or 3 .sigmoid."),
        (lambda: AUROC(2).update_state([[0, 1]], [[0.5]]), "class indices of shape"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
