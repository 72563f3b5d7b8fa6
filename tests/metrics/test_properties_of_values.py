"""One table of all scores of labels, probabilities, rankings and numbers, and what must hold of each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics as m

PROPERTY = settings(derandomize=True, max_examples=25, deadline=None)
N_CLASSES = 4
seeds = st.integers(0, 10**6)


@dataclass(frozen=True)
class Score:
    """A score of a truth and a prediction, and what is promised of it.

    `best` is what a perfect prediction gets, in `low`..`high`. `swapped` is the sign that an exchange of truth and
    prediction gives (None: nothing is promised); `renames`: the names of the classes do not matter; `power` is how
    it grows with the unit of the numbers (None: there is no unit).
    """

    measure: Callable[..., float]
    draw: Callable[[int], tuple[np.ndarray, np.ndarray]]
    perfect: Callable[[np.ndarray], np.ndarray]
    best: float = 1.0
    low: float = 0.0
    high: float = 1.0
    swapped: int | None = None
    renames: bool = False
    power: int | None = None


def labels(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N_CLASSES, size=rng.integers(2, 30))
    return truth, np.where(rng.random(truth.size) < 0.5, truth, rng.integers(0, N_CLASSES, size=truth.size))


def probabilities(seed):
    truth, _ = labels(seed)
    return truth, np.random.default_rng(seed).dirichlet(np.ones(N_CLASSES), size=truth.size)


def ranks(seed):
    truth, _ = labels(seed)
    # sixty-fourths: many ties, and their cubes are exact
    return truth % 2, np.random.default_rng(seed).integers(0, 65, size=truth.size) / 64


def numbers(seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(-20, 21, size=rng.integers(2, 20)) / 4
    return truth, truth + rng.integers(-8, 9, size=truth.size) / 4


def best_youden(truth, scores):
    point = m.youden_threshold(truth, scores)
    return point.sensitivity + point.specificity - 1


of_labels = partial(Score, draw=labels, perfect=lambda truth: truth)
of_probabilities = partial(Score, draw=probabilities, perfect=lambda truth: np.eye(N_CLASSES)[truth])
of_ranks = partial(Score, draw=ranks, perfect=lambda truth: truth / 2)
of_numbers = partial(Score, draw=numbers, perfect=lambda truth: truth)
ERROR = {"best": 0.0, "high": np.inf}
SCORES = {
    "accuracy": of_labels(m.accuracy, swapped=1, renames=True),
    "balanced_accuracy": of_labels(m.balanced_accuracy, renames=True),
    "macro_f1": of_labels(m.macro_f1, swapped=1, renames=True),
    "cohen_kappa": of_labels(m.cohen_kappa, low=-1, swapped=1, renames=True),
    "linear_kappa": of_labels(partial(m.cohen_kappa, weights="linear"), low=-1, swapped=1),
    "quadratic_weighted_kappa": of_labels(m.quadratic_weighted_kappa, low=-1, swapped=1),
    "grade_mae": of_labels(m.grade_mae, best=0, high=N_CLASSES - 1, swapped=1),
    "adjacent_accuracy": of_labels(m.adjacent_accuracy, swapped=1),
    "macro_grade_mae": of_labels(m.macro_grade_mae, best=0, high=N_CLASSES - 1),
    "log_loss": of_probabilities(m.log_loss, best=0, high=36.05, renames=True),
    "top_2_accuracy": of_probabilities(partial(m.top_k_accuracy, k=2), renames=True),
    "brier_score": of_probabilities(m.brier_score, best=0, high=2, renames=True),
    "ece": of_probabilities(m.expected_calibration_error, best=0, renames=True),
    "ece_mass": of_probabilities(
        partial(m.expected_calibration_error, n_bins=3, binning="mass"), best=0, renames=True
    ),
    "mce": of_probabilities(m.maximum_calibration_error, best=0, renames=True),
    "classwise": of_probabilities(m.classwise_calibration_error, best=0, renames=True),
    "auroc_one_vs_rest": of_probabilities(m.auroc_one_vs_rest, renames=True),
    "average_precision_one_vs_rest": of_probabilities(m.average_precision_one_vs_rest, renames=True),
    "auroc": of_ranks(m.auroc),
    "average_precision": of_ranks(m.average_precision),
    "sensitivity_at_0.8": of_ranks(lambda t, s: m.sensitivity_at_specificity(t, s, 0.8).sensitivity),
    "specificity_at_0.8": of_ranks(lambda t, s: m.specificity_at_sensitivity(t, s, 0.8).specificity),
    "youden": of_ranks(best_youden),
    "mae": of_numbers(m.mae, **ERROR, swapped=1, power=1),
    "median_absolute_error": of_numbers(m.median_absolute_error, **ERROR, swapped=1, power=1),
    "rmse": of_numbers(m.rmse, **ERROR, swapped=1, power=1),
    "bias": of_numbers(m.bias, best=0, low=-np.inf, high=np.inf, swapped=-1, power=1),
    "mean_relative_error": of_numbers(m.mean_relative_error, **ERROR, power=0),
    "median_relative_error": of_numbers(m.median_relative_error, **ERROR, power=0),
    "r2": of_numbers(m.r2, low=-np.inf, power=0),
    "pearson": of_numbers(m.pearson, low=-1, swapped=1, power=0),
    "spearman": of_numbers(m.spearman, low=-1, swapped=1, power=0),
    "concordance": of_numbers(m.concordance, low=-1, swapped=1, power=0),
}


def scores_that(promise):
    return pytest.mark.parametrize("name", [name for name, score in SCORES.items() if promise(score)])


every_score = scores_that(lambda score: True)


def assert_same(first, second):
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)


@every_score
@PROPERTY
@given(seeds)
def test_it_is_one_number_within_its_bounds(name, seed):
    score = SCORES[name]
    value = score.measure(*score.draw(seed))
    assert isinstance(value, float)
    assert np.isnan(value) or score.low - 1e-12 <= value <= score.high + 1e-12


@every_score
@PROPERTY
@given(seeds)
def test_a_perfect_prediction_gets_the_best_value(name, seed):
    score = SCORES[name]
    truth, _ = score.draw(seed)
    value = score.measure(truth, score.perfect(truth))
    assert np.isnan(value) or value == pytest.approx(score.best, abs=1e-12)
    two_kinds = truth if truth.min() < truth.max() else np.append(truth, truth[0] == 0).astype(truth.dtype)
    assert score.measure(two_kinds, score.perfect(two_kinds)) == pytest.approx(score.best, abs=1e-12)


@every_score
@PROPERTY
@given(seeds)
def test_the_order_of_the_cases_changes_nothing(name, seed):
    truth, prediction = SCORES[name].draw(seed)
    order = np.random.default_rng(seed).permutation(truth.size)
    assert_same(
        SCORES[name].measure(truth[order], prediction[order]), SCORES[name].measure(truth, prediction)
    )


@every_score
@PROPERTY
@given(seeds, st.integers(2, 4))
def test_every_case_several_times_is_the_same_set(name, seed, times):
    if name == "ece_mass":
        return  # quantiles between two cases move
    truth, prediction = SCORES[name].draw(seed)
    more = np.repeat(truth, times, axis=0), np.repeat(prediction, times, axis=0)
    assert_same(SCORES[name].measure(*more), SCORES[name].measure(truth, prediction))


@scores_that(lambda score: score.swapped is not None)
@PROPERTY
@given(seeds)
def test_exchanging_truth_and_prediction(name, seed):
    score = SCORES[name]
    truth, prediction = score.draw(seed)
    assert_same(score.measure(prediction, truth), score.swapped * score.measure(truth, prediction))


@scores_that(lambda score: score.renames)
@PROPERTY
@given(seeds, st.permutations(range(N_CLASSES)))
def test_names_of_classes_do_not_matter(name, seed, order):
    score, rename = SCORES[name], np.array(order)
    truth, prediction = score.draw(seed)
    other = rename[prediction] if prediction.ndim == 1 else prediction[:, np.argsort(rename)]
    assert_same(score.measure(rename[truth], other), score.measure(truth, prediction))


@scores_that(lambda score: score.draw is ranks)
@PROPERTY
@given(seeds)
def test_only_the_order_of_the_scores_counts(name, seed):
    truth, scores = SCORES[name].draw(seed)
    assert_same(SCORES[name].measure(truth, 5 * scores**3 - 7), SCORES[name].measure(truth, scores))


@scores_that(lambda score: score.power is not None)
@PROPERTY
@given(seeds, st.sampled_from([0.01, 0.5, 1000.0]))
def test_another_unit(name, seed, factor):
    score = SCORES[name]
    truth, prediction = score.draw(seed)
    value = score.measure(truth, prediction)
    assert_same(score.measure(truth * factor, prediction * factor), value * factor**score.power)
