"""Intervals without resampling: against SciPy, DeLong's and Obuchowski's formulas in loops, and by simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from metrics import (
    Mean,
    Ranking,
    auroc_interval,
    bootstrap_interval,
    mean_interval,
    share_interval,
    summarise,
)
from metrics.intervals import interval_of

UNIT = (0, 1)


@pytest.mark.parametrize(("hits", "n"), [(99, 99), (0, 12), (9, 10), (1, 40), (25, 50)])
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_a_share_of_independent_cases_is_that_of_clopper_and_pearson(hits, n, level):
    expected = stats.binomtest(hits, n).proportion_ci(level, method="exact")
    values = [1] * hits + [0] * (n - hits)
    assert share_interval(values, level=level) == pytest.approx(tuple(expected))
    summary = summarise(values, limits=UNIT, level=level)
    assert (summary.low, summary.high) == pytest.approx(tuple(expected))
    assert summary.method == "Clopper-Pearson by patient"


def test_the_share_of_99_of_99_has_a_width():
    assert share_interval([True] * 99) == (pytest.approx(0.9634, abs=1e-4), 1)


def test_cases_of_a_patient_that_are_alike_count_once():
    """20 patients with 3 equal cases each: the design effect is 3, up to the factor of its estimate."""
    of_patients = [1] * 14 + [0] * 6
    patients = np.repeat(np.arange(20), 3)
    found = share_interval(np.repeat(of_patients, 3), patients)
    # p (1 - p) / (n - 1) of 60 cases, and the jackknife variance of 20 patients, p (1 - p) / 19
    informative = 60 / (59 / 19) * (stats.t.ppf(0.975, 59) / stats.t.ppf(0.975, 19)) ** 2
    successes, failures = 0.7 * informative, 0.3 * informative
    expected = stats.beta.ppf(0.025, successes, failures + 1), stats.beta.ppf(0.975, successes + 1, failures)
    assert found == pytest.approx(expected)
    # of cases that are all right, nothing is known about the correlation
    assert share_interval([1] * 60, patients) == pytest.approx(share_interval([1] * 20))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_mean_of_independent_cases_is_a_t_interval(seed):
    values = np.random.default_rng(seed).normal(3, 1, size=14)
    expected = stats.t.interval(0.9, 13, values.mean(), stats.sem(values))
    assert mean_interval(values, level=0.9) == pytest.approx(expected)


def test_scales_of_limits():
    """By the delta method: the error of the log-odds is error / (p (1 - p)), that of the logarithm error / mean."""
    values = np.array([0.9, 0.95, 0.7, 0.99, 0.85])
    mean, half = values.mean(), stats.sem(values) * stats.t.ppf(0.975, 4)
    odds = logit(mean) + np.array([-1, 1]) * half / (mean * (1 - mean))
    assert mean_interval(values, limits=UNIT) == pytest.approx(tuple(expit(odds)))
    assert mean_interval(2 * values - 1, limits=(-1, 1)) == pytest.approx(tuple(2 * expit(odds) - 1))
    logs = np.log(mean) + np.array([-1, 1]) * half / mean
    assert mean_interval(values, limits=(0, np.inf)) == pytest.approx(tuple(np.exp(logs)))


def test_the_variance_is_the_jackknife_over_patients():
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(9), rng.integers(1, 6, 9))
    values = rng.normal(size=9)[patients] + rng.normal(size=patients.size)
    without = np.array([values[patients != patient].mean() for patient in range(9)])
    error = np.sqrt(8 / 9 * np.sum((without - without.mean()) ** 2))
    sizes = np.bincount(patients)
    freedom = 9 / (1 + sizes.var() / sizes.mean() ** 2) - 1
    half = error * stats.t.ppf(0.975, freedom)
    found = mean_interval(values, [f"p{patient}" for patient in patients])
    assert found == pytest.approx((values.mean() - half, values.mean() + half))
    order = rng.permutation(values.size)
    assert mean_interval(values[order], 20 - patients[order]) == found


def obuchowski(truth, scores, patients):
    """Obuchowski 1997, equations 3 to 7, in loops over pairs and patients: the area, its variance and its parts."""
    area = roc_auc_score(truth, scores)
    positive, negative = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)

    def above(i, j):
        return 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0

    v10 = {i: np.mean([above(i, j) for j in negative]) for i in positive}
    v01 = {j: np.mean([above(i, j) for i in positive]) for j in negative}
    names = sorted(set(patients))
    x = [sum(v10[i] - area for i in positive if patients[i] == name) for name in names]
    y = [sum(v01[j] - area for j in negative if patients[j] == name) for name in names]
    m, n, clusters = positive.size, negative.size, len(names)
    m_clusters, n_clusters = len(set(patients[positive])), len(set(patients[negative]))
    s10 = m_clusters / ((m_clusters - 1) * m) * np.sum(np.square(x))
    s01 = n_clusters / ((n_clusters - 1) * n) * np.sum(np.square(y))
    s11 = clusters / (clusters - 1) * np.dot(x, y)
    parts = np.array([s10 / m, s01 / n])
    freedom = parts.sum() ** 2 / (parts[0] ** 2 / (m_clusters - 1) + parts[1] ** 2 / (n_clusters - 1))
    return area, parts.sum() + 2 * s11 / (m * n), freedom


@pytest.mark.parametrize("clustered", [True, False])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_auroc_against_obuchowski(seed, clustered):
    """Without clusters this is DeLong's variance. Rounded scores are tied, and patients have cases of both kinds."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, 40)
    scores = np.round(rng.normal(size=40) + truth, 1)
    patients = rng.integers(0, 15, 40) if clustered else np.arange(40)
    area, variance, freedom = obuchowski(truth, scores, patients)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance) / (area * (1 - area))
    expected = expit(logit(area) + np.array([-half, half]))
    assert auroc_interval(truth, scores, patients) == pytest.approx(tuple(expected))


def test_auroc_by_hand():
    """Positives 3, 5, 6 and negatives 1, 2, 4: components 2/3, 1, 1 and 1, 1, 2/3 around 8/9; both variances 1/27."""
    variance = 2 * (1 / 27) / 3
    half = stats.t.ppf(0.975, 4) * np.sqrt(variance) / (8 / 81)
    expected = expit(np.log(8) + np.array([-half, half]))
    found = auroc_interval([0, 0, 0, 1, 1, 1], [1, 2, 4, 3, 5, 6])
    assert found == pytest.approx(tuple(expected))


def test_a_perfect_auroc_has_a_width():
    """Five positive and eight negative patients make five independent pairs, all right: 0.025 ^ (1 / 5)."""
    truth = np.repeat([1, 0], [5, 8])
    assert auroc_interval(truth, truth) == pytest.approx((0.025**0.2, 1))
    assert auroc_interval(truth, -truth) == pytest.approx((0, 1 - 0.025**0.2))
    # a patient with cases of both kinds can be in one pair only
    both = np.tile([0, 1], 6)
    assert auroc_interval(both, both, np.repeat(np.arange(6), 2)) == pytest.approx((0.025 ** (1 / 3), 1))


def test_the_kind_of_a_score_decides():
    codes = np.arange(12)
    rows = np.tile([0.0, 1.0, 1.0], 4)
    unequal = np.linspace(0.1, 0.9, 12)
    assert interval_of(Mean(rows, UNIT), codes, 0.95).method == "Clopper-Pearson by patient"
    assert interval_of(Mean(rows), codes, 0.95).method == "t by patient"
    assert interval_of(Mean(unequal, UNIT), codes, 0.95).method == "t by patient"
    assert interval_of(Ranking(rows, unequal), codes, 0.95).method == "DeLong by patient"
    # a Dice of 1 in every case is as uncertain as 12 right answers
    assert interval_of(Mean(np.ones(12), UNIT), codes, 0.95)[:2] == share_interval([1] * 12)
    assert summarise(unequal, method="expanded").method == "bootstrap (expanded)"


def test_expanded_percentiles():
    """Hesterberg 2015: the tail of 10 patients is the normal tail of sqrt(10 / 9) * 2.262, 0.0085."""
    values = np.random.default_rng(1).normal(size=10)
    tail = stats.norm.cdf(np.sqrt(10 / 9) * stats.t.ppf(0.025, 9))
    expected = summarise(values, method="percentile", level=1 - 2 * tail, resamples=4000)
    found = summarise(values, method="expanded", resamples=4000)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert tail == pytest.approx(0.0085, abs=1e-4)


@pytest.mark.parametrize(
    "interval",
    [
        lambda: share_interval([1, 0], ["a", "a"]),
        lambda: share_interval([]),
        lambda: mean_interval([0.5, np.nan]),
        lambda: mean_interval([0.5, np.inf]),
        lambda: auroc_interval([0, 1, 1], [1, 2, 3]),
        lambda: auroc_interval([1, 1, 1], [1, 2, 3]),
        lambda: auroc_interval([0, 0, 1, 1], [1, 2, 3, 4], ["a", "a", "b", "c"]),
    ],
)
def test_too_few_patients_have_no_interval(interval):
    assert np.isnan(interval()).all()


def test_undefined_cases_take_no_part():
    missing = [np.nan, 1, 0, 1, np.nan]
    assert share_interval(missing) == share_interval([1, 0, 1])
    assert mean_interval(missing) == mean_interval([1, 0, 1])
    scores = [9.0, 2.0, 1.0, 3.0, 0.0, 2.5]
    assert auroc_interval([np.nan, 0, 0, 1, np.nan, 1], scores) == auroc_interval(
        [0, 0, 1, 1], [2.0, 1.0, 3.0, 2.5]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: share_interval([0.5, 1]), "a share is a mean of 0 and 1"),
        (lambda: share_interval([0, 1], level=95), "level must be between 0 and 1"),
        (lambda: mean_interval([[0.5]]), "one number a case"),
        (lambda: mean_interval([0.5, 1.5], limits=UNIT), r"values: 1\.5 is beyond the limits 0\.\.1"),
        (lambda: mean_interval([0.5], limits=(1, 0)), "limits must be"),
        (lambda: summarise([0.5, -1], limits=UNIT), "-1 is beyond the limits"),
        (lambda: auroc_interval([0, 2], [1, 2]), "y_true must be 0, 1 or NaN"),
        (lambda: auroc_interval([0, 1], [1]), "they must agree"),
        (lambda: auroc_interval([0, 1], [1, 2], ["a"]), "one patient a case"),
        (lambda: bootstrap_interval(lambda cases: {"x": 1.0}, [1, 2], method="t"), "'t' needs one number"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shares_hold_with_few_patients():
    """300 studies of 12 patients with 1 to 3 correlated images, accuracy 0.95: the percentile bootstrap covers 60 %."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        patients = np.repeat(np.arange(12), rng.integers(1, 4, 12))
        hidden = np.sqrt(0.4) * rng.normal(size=12)[patients] + np.sqrt(0.6) * rng.normal(size=patients.size)
        low, high = share_interval(hidden < stats.norm.ppf(0.95), patients)
        covered.append(low <= 0.95 <= high)
    assert np.mean(covered) > 0.93
