"""Ranking scores against scikit-learn, pair counting and hand-made curves."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.ranking import (
    OperatingPoint,
    auroc,
    auroc_one_vs_rest,
    auroc_per_class,
    average_precision,
    average_precision_one_vs_rest,
    average_precision_per_class,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
    youden_threshold,
)

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
cases = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=1, max_size=30)
asked = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0])


def random_scores(seed, size=200, decimals=6):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, size=size)
    return truth, np.round(rng.normal(size=size) + truth, decimals)


def columns(pairs):
    truth, scores = zip(*pairs, strict=True)
    return np.array(truth), np.array(scores, float)


def all_points(truth, scores):
    """Threshold, sensitivity and specificity by counting anew at every threshold."""
    return [
        (threshold, float(np.mean(scores[truth] >= threshold)), float(np.mean(scores[~truth] < threshold)))
        for threshold in [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    ]


@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_areas_against_sklearn(decimals):
    truth, scores = random_scores(decimals, decimals=decimals)
    assert auroc(truth, scores) == pytest.approx(sk.roc_auc_score(truth, scores), rel=1e-13)
    assert average_precision(truth, scores) == pytest.approx(
        sk.average_precision_score(truth, scores), rel=1e-13
    )


@pytest.mark.parametrize("area", [auroc, average_precision])
def test_types_of_truth_and_scores(area):
    truth, scores = random_scores(0, decimals=2)
    expected = area(truth, scores)
    whole = np.round(scores * 100)
    assert area(truth.astype(bool), scores) == area(truth.astype(float), scores) == expected
    assert area(truth.tolist(), whole.astype(np.int16)) == area(truth, whole.astype(np.float32)) == expected
    # minus on unsigned numbers wraps around: a score of 0 would come out on top
    assert area(truth, (whole - whole.min()).astype(np.uint16)) == expected


@PROPERTY
@given(cases)
def test_auroc_is_the_share_of_ordered_pairs(pairs):
    truth, scores = columns(pairs)
    wins = [float(p > n) + 0.5 * (p == n) for p in scores[truth] for n in scores[~truth]]
    expected = np.mean(wins) if wins else np.nan
    assert auroc(truth, scores) == pytest.approx(expected, nan_ok=True)
    assert auroc(truth, np.exp(scores / 2)) == pytest.approx(expected, nan_ok=True)
    assert auroc(~truth, scores) == pytest.approx(1 - expected, nan_ok=True)


def test_average_precision_by_hand():
    # scores 9 | 7 7 | 5: at 9 recall 1/2, precision 1/1; at 7 recall 2/2, precision 2/3
    assert average_precision([1, 1, 0, 0], [9, 7, 7, 5]) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    # a trapezoid from (1/2, 1) to (1, 2/3) would give 1/2 + 5/12
    assert average_precision([1, 1, 0, 0], [9, 7, 7, 5]) < 1 / 2 + 5 / 12
    assert average_precision([1, 0, 0, 0], [0.3] * 4) == 0.25


@PROPERTY
@given(cases, st.randoms(use_true_random=False))
def test_average_precision_is_blind_to_order_and_rising_scales(pairs, random):
    truth, scores = columns(pairs)
    expected = average_precision(truth, scores)
    mixed = random.sample(range(len(pairs)), len(pairs))
    assert average_precision(truth[mixed], scores[mixed]) == pytest.approx(expected, nan_ok=True)
    assert average_precision(truth, np.exp(scores)) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(expected) or truth.mean() / 2 < expected <= 1


def test_infinite_scores_are_ranks_like_others():
    truth, scores = [1, 0, 1, 0], [np.inf, np.inf, 2.0, -np.inf]
    assert auroc(truth, scores) == auroc(truth, [3, 3, 2, 1])
    assert average_precision(truth, scores) == average_precision(truth, [3, 3, 2, 1])


@pytest.mark.parametrize(
    ("per_class", "one_vs_rest", "reference"),
    [
        (auroc_per_class, auroc_one_vs_rest, sk.roc_auc_score),
        (average_precision_per_class, average_precision_one_vs_rest, sk.average_precision_score),
    ],
)
def test_several_classes_against_sklearn(per_class, one_vs_rest, reference):
    rng = np.random.default_rng(0)
    truth, probabilities = rng.integers(0, 4, size=120), rng.dirichlet(np.ones(4), size=120)
    table = np.eye(4, dtype=int)[truth]
    expected = reference(table, probabilities, average=None)
    np.testing.assert_allclose(per_class(truth, probabilities), expected, rtol=1e-13)
    np.testing.assert_array_equal(per_class(table, probabilities), per_class(truth, probabilities))
    assert one_vs_rest(truth, probabilities) == pytest.approx(np.mean(expected), rel=1e-13)
    wider = np.column_stack([probabilities, np.zeros(120)])
    assert np.isnan(per_class(truth, wider)).tolist() == [False] * 4 + [True]
    assert one_vs_rest(truth, wider) == pytest.approx(np.mean(expected), rel=1e-13)


def test_one_vs_rest_is_sklearns():
    rng = np.random.default_rng(1)
    truth, probabilities = rng.integers(0, 4, size=120), rng.dirichlet(np.ones(4), size=120)
    expected = sk.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert auroc_one_vs_rest(truth, probabilities) == pytest.approx(expected, rel=1e-13)


def test_cases_of_several_classes_or_none():
    rng = np.random.default_rng(2)
    truth, scores = rng.integers(0, 2, size=(50, 3)), rng.normal(size=(50, 3))
    truth[:2] = [[0, 0, 0], [1, 1, 1]]
    expected = sk.roc_auc_score(truth, scores, average=None)
    np.testing.assert_allclose(auroc_per_class(truth, scores), expected, rtol=1e-13)
    np.testing.assert_array_equal(auroc_per_class(truth.astype(bool), scores), auroc_per_class(truth, scores))
    expected = sk.average_precision_score(truth, scores, average="macro")
    assert average_precision_one_vs_rest(truth, scores) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("truth", [[], [0, 0], [1, 1]])
def test_one_class_only_or_none_is_nan(truth):
    scores = [0.5] * len(truth)
    assert np.isnan(auroc(truth, scores))
    assert np.isnan(average_precision(truth, scores))
    for point in (
        sensitivity_at_specificity(truth, scores, 0.9),
        specificity_at_sensitivity(truth, scores, 0.9),
        youden_threshold(truth, scores),
    ):
        assert np.isnan([point.threshold, point.sensitivity, point.specificity]).all()


def test_no_usable_class_is_nan():
    for mean in (auroc_one_vs_rest, average_precision_one_vs_rest):
        assert np.isnan(mean([1, 1], [[0.2, 0.8], [0.6, 0.4]]))
        assert np.isnan(mean([], np.zeros((0, 3))))
        assert np.isnan(mean(np.zeros((0, 3), int), np.zeros((0, 3))))


@pytest.mark.parametrize("decimals", [1, 6])
def test_roc_curve_against_sklearn(decimals):
    truth, scores = random_scores(decimals, decimals=decimals)
    false_positive, true_positive, thresholds = sk.roc_curve(truth, scores, drop_intermediate=False)
    curve = roc_curve(truth, scores)
    np.testing.assert_array_equal(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.sensitivity, true_positive, rtol=1e-14)
    np.testing.assert_allclose(curve.specificity, 1 - false_positive, rtol=0, atol=1e-14)
    assert np.trapezoid(curve.sensitivity, 1 - curve.specificity) == pytest.approx(auroc(truth, scores))


@PROPERTY
@given(cases.filter(lambda pairs: len({truth for truth, _ in pairs}) == 2))
def test_roc_curve_counts_score_at_or_above_the_threshold(pairs):
    truth, scores = columns(pairs)
    curve = roc_curve(truth, scores)
    found = list(
        zip(curve.thresholds.tolist(), curve.sensitivity.tolist(), curve.specificity.tolist(), strict=True)
    )
    assert found == all_points(truth, scores)


def test_roc_curve_of_float32_scores_has_their_very_values():
    scores = np.array([0.1, 0.2, 0.3], np.float32)
    thresholds = roc_curve([0, 1, 1], scores).thresholds
    assert [int((scores >= threshold).sum()) for threshold in thresholds] == [0, 1, 2, 3]


def test_roc_curve_without_a_class():
    only_positive, only_negative = roc_curve([1, 1], [0.2, 0.6]), roc_curve([0, 0], [0.2, 0.6])
    assert only_positive.sensitivity.tolist() == [0, 0.5, 1]
    assert np.isnan(only_positive.specificity).all()
    assert only_negative.specificity.tolist() == [1, 0.5, 0]
    assert np.isnan(only_negative.sensitivity).all()
    empty = roc_curve([], [])
    assert empty.thresholds.tolist() == [np.inf]
    assert np.isnan([*empty.sensitivity, *empty.specificity]).tolist() == [True, True]


def test_roc_curve_of_a_constant_score():
    curve = roc_curve([0, 1, 1], [0.4, 0.4, 0.4])
    assert curve.thresholds.tolist() == [np.inf, 0.4]
    assert (curve.sensitivity.tolist(), curve.specificity.tolist()) == ([0, 1], [1, 0])
    with pytest.raises(FrozenInstanceError):
        curve.thresholds = None


def test_minus_infinity_is_the_lowest_threshold():
    curve = roc_curve([1, 0], [0.0, -np.inf])
    assert curve.thresholds.tolist() == [np.inf, 0.0, -np.inf]
    assert curve.specificity.tolist() == [1, 1, 0]


@PROPERTY
@given(cases.filter(lambda pairs: len({truth for truth, _ in pairs}) == 2), asked)
def test_points_are_the_best_of_all_thresholds(pairs, share):
    truth, scores = columns(pairs)
    points = all_points(truth, scores)
    # largest first number, among equals the largest second
    expected = max((sens, spec, at) for at, sens, spec in points if spec >= share)
    found = sensitivity_at_specificity(truth, scores, share)
    assert (found.sensitivity, found.specificity, found.threshold) == expected
    expected = max((spec, sens, at) for at, sens, spec in points if sens >= share)
    found = specificity_at_sensitivity(truth, scores, share)
    assert (found.specificity, found.sensitivity, found.threshold) == expected
    best = max(sens + spec for _, sens, spec in points)
    expected = next(point for point in points if point[1] + point[2] >= best - 1e-9)
    assert youden_threshold(truth, scores) == OperatingPoint(*expected)


@pytest.mark.parametrize("size", [10, 20, 30, 70])
def test_a_share_of_exactly_the_asked_one_is_enough(size):
    # both classes score 0..size - 1: at threshold k the specificity is k / size, the sensitivity the rest
    truth, scores = [0] * size + [1] * size, [*range(size)] * 2
    for k in range(1, size + 1):
        for share in (k / size, 1 - (size - k) / size, min(k * (1 / size), 1.0)):
            assert sensitivity_at_specificity(truth, scores, share).specificity == k / size
            assert specificity_at_sensitivity(truth, scores, share).sensitivity == k / size


def test_nine_of_ten():
    truth, scores = [0] * 10 + [1] * 2, [1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 9.5, 30]
    assert sensitivity_at_specificity(truth, scores, 0.9) == OperatingPoint(9.5, 1.0, 0.9)
    assert sensitivity_at_specificity(truth, scores, 0.91) == OperatingPoint(30.0, 0.5, 1.0)
    assert specificity_at_sensitivity(truth, scores, 0.5) == OperatingPoint(30.0, 0.5, 1.0)
    assert specificity_at_sensitivity(truth, scores, 0.51) == OperatingPoint(9.5, 1.0, 0.9)


def test_what_no_score_reaches_is_given_up():
    assert sensitivity_at_specificity([0, 1], [0.9, 0.1], 1.0) == OperatingPoint(np.inf, 0.0, 1.0)
    assert specificity_at_sensitivity([0, 1], [0.9, 0.1], 1.0) == OperatingPoint(0.1, 1.0, 0.0)


def test_of_equal_points_the_one_that_costs_nothing():
    truth, scores = [1, 0, 1, 0], [4, 3, 2, 1]
    assert sensitivity_at_specificity(truth, scores, 0.0) == OperatingPoint(2.0, 1.0, 0.5)
    assert specificity_at_sensitivity(truth, scores, 0.0) == OperatingPoint(4.0, 0.5, 1.0)


def test_youden_takes_the_highest_of_equal_thresholds():
    # J = 1/3 at 6 (1/3, 1), at 4 (2/3, 2/3) and at 2 (1, 1/3): rounding differs, the rule does not
    assert youden_threshold([1, 0, 1, 0, 1, 0], [6, 5, 4, 3, 2, 1]) == OperatingPoint(6.0, 1 / 3, 1.0)
    assert youden_threshold([0, 1, 0, 1], [0.5] * 4) == OperatingPoint(np.inf, 0.0, 1.0)
    assert youden_threshold([0, 0, 1, 1], [3, 4, 1, 2]) == OperatingPoint(np.inf, 0.0, 1.0)


@pytest.mark.parametrize("positives", range(2, 12))
@pytest.mark.parametrize("negatives", range(2, 12))
def test_youden_is_not_swayed_by_rounding(positives, negatives):
    # many points have the same J in fractions, and not quite the same in floating point
    truth = np.array([True] * positives + [False] * negatives)
    scores = np.array([*np.arange(positives) * negatives, *np.arange(negatives) * positives], float)
    thresholds = [np.inf, *sorted(set(scores.tolist()), reverse=True)]
    gains = [
        Fraction(int((scores[truth] >= at).sum()), positives)
        - Fraction(int((scores[~truth] >= at).sum()), negatives)
        for at in thresholds
    ]
    assert youden_threshold(truth, scores).threshold == thresholds[gains.index(max(gains))]


def test_youden_against_sklearn():
    truth, scores = random_scores(5)
    false_positive, true_positive, thresholds = sk.roc_curve(truth, scores, drop_intermediate=False)
    best = np.argmax(true_positive - false_positive)
    found = youden_threshold(truth, scores)
    assert found.threshold == thresholds[best]
    assert found.sensitivity == pytest.approx(true_positive[best])
    assert found.specificity == pytest.approx(1 - false_positive[best])


@pytest.mark.parametrize("share", [90, -0.1, float("nan")])
@pytest.mark.parametrize("point", [sensitivity_at_specificity, specificity_at_sensitivity])
def test_percent_is_no_share(point, share):
    with pytest.raises(ValueError, match=r"share in 0..1, such as 0.9 for 90 %"):
        point([0, 1], [0.1, 0.2], share)


BINARY = [auroc, average_precision, roc_curve, youden_threshold]
BINARY += [
    lambda t, s: sensitivity_at_specificity(t, s, 0.5),
    lambda t, s: specificity_at_sensitivity(t, s, 0.5),
]


@pytest.mark.parametrize("score", BINARY)
@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([0, 1], [0.5], r"one shape \(cases,\), got \(2,\) and \(1,\)"),
        ([0, 1], [[0.5], [0.2]], "one shape"),
        ([[0, 1]], [[0.5, 0.2]], "one shape"),
        ([0, 2], [0.5, 0.1], r"0 and 1 only, got \[0, 2\]: compare class indices"),
        ([0, np.nan], [0.5, 0.1], "0 and 1 only"),
        ([0, 1], [0.5, np.nan], "hold NaN: drop the cases"),
    ],
)
def test_refusals_of_binary_input(score, truth, scores, message):
    with pytest.raises(ValueError, match=message):
        score(truth, scores)


@pytest.mark.parametrize("score", BINARY[2:])
def test_no_threshold_leaves_inf_out(score):
    with pytest.raises(ValueError, match=r"scores hold inf, .* clip them"):
        score([0, 1], [0.5, np.inf])


@pytest.mark.parametrize(
    "score", [auroc_per_class, auroc_one_vs_rest, average_precision_per_class, average_precision_one_vs_rest]
)
@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([0, 1], [0.5, 0.2], "probabilities"),
        ([0, 2], [[0.5, 0.5], [0.2, 0.8]], "2 columns"),
        ([0, -1], [[0.5, 0.5], [0.2, 0.8]], "labels -1..0"),
        ([0.0, 0.5], [[0.5, 0.5], [0.2, 0.8]], "class indices, got dtype float64"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.8]], "NaN"),
        ([[0, 1], [1, 1]], [[0.5, 0.5], [np.nan, 0.8]], "NaN"),
        ([[0, 2], [1, 1]], [[0.5, 0.5], [0.2, 0.8]], "0 and 1 only"),
        ([[0, 1]], [[0.5, 0.5], [0.2, 0.8]], r"one shape \(cases, classes\), got \(1, 2\) and \(2, 2\)"),
    ],
)
def test_refusals_of_several_classes(score, truth, scores, message):
    with pytest.raises(ValueError, match=message):
        score(truth, scores)
