"""Label scores against scikit-learn, with its edges replaced by ours."""

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import accuracy, auroc, auroc_one_vs_rest, balanced_accuracy, macro_f1

PROPERTY = settings(derandomize=True, max_examples=40, deadline=None)


def random_labels(seed, n_classes=5, cases=60):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, size=cases)
    return truth, np.where(rng.random(cases) < 0.5, truth, rng.integers(0, n_classes, size=cases))


@pytest.mark.parametrize("seed", range(4))
def test_labels_against_sklearn(seed):
    truth, prediction = random_labels(seed)
    assert accuracy(truth, prediction) == pytest.approx(sk.accuracy_score(truth, prediction))
    assert macro_f1(truth, prediction) == pytest.approx(sk.f1_score(truth, prediction, average="macro"))
    expected = sk.balanced_accuracy_score(truth, prediction)
    assert balanced_accuracy(truth, prediction) == pytest.approx(expected)
    assert balanced_accuracy(truth, prediction, 9) == pytest.approx(expected)


def test_balanced_accuracy_counts_only_classes_in_the_truth():
    assert balanced_accuracy([0, 0, 1, 1], [0, 2, 1, 1], 4) == pytest.approx(0.75)


def test_macro_f1_leaves_absent_classes_out_and_counts_invented_ones():
    assert macro_f1([0, 0, 2, 2], [0, 0, 2, 2], 4) == 1
    assert macro_f1([0, 0, 1, 1], [0, 0, 1, 3], 5) == pytest.approx((1 + 2 / 3 + 0) / 3)


@pytest.mark.parametrize("ties", [1, 2, 6])
def test_auroc_against_sklearn(ties):
    rng = np.random.default_rng(ties)
    truth = rng.integers(0, 2, size=200)
    scores = np.round(rng.normal(size=200) + truth, ties)
    assert auroc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores), rel=1e-13)
    assert auroc(truth.astype(bool), scores.astype(np.float32)) == pytest.approx(
        sk.roc_auc_score(truth, scores.astype(np.float32)), rel=1e-13
    )


@PROPERTY
@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=1, max_size=30))
def test_auroc_is_the_share_of_ordered_pairs(pairs):
    truth, scores = (np.array(column) for column in zip(*pairs, strict=True))
    wins = [float(p > n) + 0.5 * (p == n) for p in scores[truth] for n in scores[~truth]]
    expected = np.mean(wins) if wins else np.nan
    assert auroc(truth, scores) == pytest.approx(expected, nan_ok=True)
    assert auroc(truth, np.exp(scores / 2)) == pytest.approx(expected, nan_ok=True)
    assert auroc(~truth, scores) == pytest.approx(1 - expected, nan_ok=True)


def test_one_vs_rest_against_sklearn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, size=120)
    probabilities = rng.dirichlet(np.ones(4), size=120)
    expected = sk.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert auroc_one_vs_rest(truth, probabilities) == pytest.approx(expected, rel=1e-13)
    wider = np.column_stack([probabilities, np.zeros(120)])
    assert auroc_one_vs_rest(truth, wider) == pytest.approx(expected, rel=1e-13)


def test_undefined_is_nan():
    assert np.isnan(accuracy([], []))
    assert np.isnan(balanced_accuracy([], []))
    assert np.isnan(macro_f1([], []))
    for truth in ([], [0, 0], [1, 1]):
        assert np.isnan(auroc(truth, [0.5] * len(truth)))
    assert np.isnan(auroc_one_vs_rest([1, 1], [[0.2, 0.8], [0.6, 0.4]]))
    assert np.isnan(auroc_one_vs_rest([], np.zeros((0, 3))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([0, 1], [0]), "they must agree"),
        (lambda: macro_f1([0, 3], [0, 1], 2), "outside 0..1"),
        (lambda: auroc([0, 1], [0.5]), "one shape"),
        (lambda: auroc([0, 2], [0.5, 0.1]), "0 and 1 only"),
        (lambda: auroc([0, 1], [0.5, np.nan]), "NaN"),
        (lambda: auroc_one_vs_rest([0, 1], [0.5, 0.2]), "probabilities"),
        (lambda: auroc_one_vs_rest([0, 2], [[0.5, 0.5], [0.2, 0.8]]), "2 columns"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
