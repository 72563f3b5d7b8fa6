"""Summaries: means, what is missing, and intervals that resample patients; for "t" see test_intervals.py."""

import json
from functools import partial
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from metrics import aggregate, auroc
from metrics.aggregate import score_columns
from metrics.bootstrap import bootstrap_interval

summarise = partial(aggregate.summarise, method="percentile")
summarise_table = partial(aggregate.summarise_table, method="percentile")

METHODS = ["percentile", "bca"]
both_methods = pytest.mark.parametrize("method", METHODS)


def skewed(n, seed=0):
    """Dice-like: near 1, with a long tail to 0."""
    return 1 - np.random.default_rng(seed).beta(1.0, 6.0, size=n)


def ends(summary):
    return summary.low, summary.high


def test_hand_computed_summary():
    summary = summarise([0.5, np.nan, 1.0, 0.0], missed=[0, 0, 0, 1], hallucinated=[True, True, False, False])
    assert summary.mean == 0.5
    assert summary.median == 0.5
    assert (summary.n, summary.n_undefined, summary.n_missed, summary.n_hallucinated) == (3, 1, 1, 2)
    assert 0 <= summary.low < 0.5 < summary.high <= 1
    assert json.loads(json.dumps(summary.to_dict())) == summary.to_dict()
    assert list(summary.to_dict())[:4] == ["mean", "low", "high", "median"]


def test_hand_computed_quartiles():
    # sorted 0, 1, 2, 10: places 0.75 and 2.25 of 0..3, so 0 + 0.75 * 1 and 2 + 0.25 * 8
    summary = summarise([10, 0, np.nan, 2, 1])
    assert (summary.q1, summary.median, summary.q3) == (0.75, 1.5, 4.0)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_defined(values):
    summary = summarise(values)
    assert (summary.n, summary.n_undefined) == (0, len(values))
    numbers = [summary.mean, summary.low, summary.high, summary.median, summary.q1, summary.q3]
    assert np.isnan(numbers).all()


def test_fewer_than_two_patients_have_no_interval():
    for values, patients in [([0.1, 0.9], ["a", "a"]), ([0.1, np.nan], ["a", "b"]), ([0.4], None)]:
        for method in METHODS:
            summary = summarise(values, patients, method=method)
            assert np.isnan(ends(summary)).all()
            assert not np.isnan(summary.mean)


def test_interval_covers_as_the_normal_theory_says():
    values = np.random.default_rng(0).normal(0.7, 0.1, size=400)
    summary = summarise(values, resamples=4000)
    half = 1.96 * values.std() / 20
    assert summary.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert summary.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    narrow = summarise(values, level=0.5)
    assert narrow.high - narrow.low == pytest.approx(2 * half * 0.6745 / 1.96, rel=0.1)


def test_patients_are_resampled_not_cases():
    # 20 patients of 25 identical cases each carry 20 numbers, not 500
    per_patient = np.random.default_rng(1).normal(size=20)
    patients = np.repeat([f"p{index:02}" for index in range(20)], 25)
    grouped = summarise(np.repeat(per_patient, 25), patients)
    alone = summarise(per_patient)
    assert grouped.mean == pytest.approx(alone.mean)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    naive = summarise(np.repeat(per_patient, 25))
    assert naive.high - naive.low < 0.4 * (grouped.high - grouped.low)


def test_a_patient_with_many_cases_weighs_more():
    # resamples of two patients: {a, a}, {a, b}, {b, b}; the mean is over cases
    summary = summarise([1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"], level=0.4)
    assert summary.mean == 0.75
    assert (summary.low, summary.high) == (0.75, 0.75)


@both_methods
@pytest.mark.parametrize(("size", "tail"), [(25, 0.0), (40, 2.0), (12, 0.5)])
def test_one_case_a_patient_against_scipy(method, size, tail):
    values = skewed(size, seed=size) - tail * (np.arange(size) == 0)  # an outlier makes the skewness large
    # another seed, so that only the method can agree
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        method=method,
        random_state=np.random.default_rng(99),
        batch=4000,
    ).confidence_interval
    ours = summarise(values, resamples=40_000, method=method)
    assert ends(ours) == pytest.approx(tuple(theirs), abs=0.025 * (theirs.high - theirs.low))


def naive_bca(values, patients, resamples, level):
    """Efron 1987 in plain loops over lists of whole patients."""
    groups = [
        [v for v, p in zip(values, patients, strict=True) if p == name] for name in sorted(set(patients))
    ]

    def mean(chosen):
        cases = [value for group in chosen for value in group]
        return sum(cases) / len(cases)

    draws = np.random.default_rng(77).integers(len(groups), size=(resamples, len(groups))).tolist()
    found = [mean([groups[index] for index in draw]) for draw in draws]
    normal, estimate = NormalDist(), mean(groups)
    z0 = normal.inv_cdf(sum((f < estimate) + 0.5 * (f == estimate) for f in found) / resamples)
    without = [mean(groups[:index] + groups[index + 1 :]) for index in range(len(groups))]
    centre = sum(without) / len(without)
    a = sum((centre - w) ** 3 for w in without) / (6 * sum((centre - w) ** 2 for w in without) ** 1.5)
    tails = []
    for share in ((1 - level) / 2, (1 + level) / 2):
        z = z0 + normal.inv_cdf(share)
        tails.append(normal.cdf(z0 + z / (1 - a * z)))
    return np.quantile(found, tails), np.quantile(found, [(1 - level) / 2, (1 + level) / 2])


def test_unequal_patients_against_naive_loops():
    rng = np.random.default_rng(3)
    patients = np.repeat([f"p{index}" for index in range(14)], rng.integers(1, 9, size=14))
    effect = dict(zip(np.unique(patients), skewed(14, seed=2), strict=True))
    values = np.array([effect[name] for name in patients]) ** 2 + 0.05 * rng.random(patients.size)
    bca, percentile = naive_bca(values.tolist(), patients.tolist(), 20_000, 0.9)
    width = percentile[1] - percentile[0]
    assert np.abs(bca - percentile).max() > 0.08 * width  # the two methods can be told apart here
    for method, expected in [("bca", bca), ("percentile", percentile)]:
        ours = summarise(values, patients, resamples=20_000, level=0.9, method=method)
        assert ends(ours) == pytest.approx(tuple(expected), abs=0.025 * width)


def test_ties_count_half():
    # 0, 0, 1, 1 is symmetric: 3/8 of the resamples tie with 0.5 and z0 is 0 only if they count half;
    # a resample is all ones with chance 1/16, so the upper end of a 90 % interval is 1
    assert ends(summarise([0, 0, 1, 1], level=0.9, method="bca", resamples=20_000)) == (0, 1)


def test_ties_survive_rounding():
    # tenths round differently in each sum, whole numbers never do
    whole = np.array([0, 3, 3, 7, 7, 7, 1, 9, 2, 2, 6])
    scaled = ends(summarise(whole * 0.1 + 0.3, method="bca"))
    assert scaled == pytest.approx(0.1 * np.array(ends(summarise(whole, method="bca"))) + 0.3, rel=1e-12)


@both_methods
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, -3.7])
def test_constant_scores_have_no_width(method, value):
    for patients in (None, [1, 1, 1, 2, 2, 3, 4]):
        summary = summarise([value] * 7, patients, method=method)
        assert ends(summary) == (value, value)
        assert summary.q1 == summary.q3 == value


def test_bca_is_undefined_past_its_pole():
    # one outlier among 2000: a is nearly 1/6, and the upper tail of this level is at z = 6.1
    values = np.zeros(2000)
    values[0] = 1.0
    assert np.isnan(ends(summarise(values, method="bca", level=1 - 1e-9, resamples=200))).all()
    assert not np.isnan(ends(summarise(values, method="bca", resamples=200))).any()


def random_table(seed=0, n_cases=80, n_scores=4):
    rng = np.random.default_rng(seed)
    table = {f"score{index}": rng.random(n_cases) for index in range(n_scores)}
    for index, column in enumerate(table.values()):
        column[rng.random(n_cases) < 0.2 * (index // 2)] = np.nan  # the first two are defined everywhere
    return table, rng.integers(0, 20, size=n_cases)


@both_methods
def test_a_table_is_summarised_as_each_score_alone(method):
    table, patients = random_table()
    table["never"], table["one patient"] = np.full(80, np.nan), np.where(patients == 3, 0.5, np.nan)
    flags = {"score1": patients == 1, "score2": patients == 2}
    for ids in (patients, None):
        summaries = summarise_table(table, ids, missed=flags, hallucinated=flags, method=method, seed=5)
        assert list(summaries) == list(table)
        for name, column in table.items():
            flag = flags.get(name)
            alone = summarise(column, ids, missed=flag, hallucinated=flag, method=method, seed=5)
            np.testing.assert_equal(summaries[name].to_dict(), alone.to_dict())


@both_methods
def test_undefined_cases_and_their_patients_take_no_part(method):
    table, patients = random_table()
    values = table["score3"]
    defined = ~np.isnan(values) & (patients > 4)
    values[patients <= 4] = np.nan  # five patients without any value
    expected = summarise(values[defined], patients[defined], method=method)
    found = summarise(values, patients, method=method)
    assert (found.mean, *ends(found)) == (expected.mean, *ends(expected))
    assert (found.n, found.n_undefined) == (defined.sum(), 80 - defined.sum())


@pytest.mark.parametrize("table", [{}, pd.DataFrame()])
def test_a_table_without_scores(table):
    assert summarise_table(table) == {}


def test_a_data_frame_is_a_table():
    table, patients = random_table()
    frame = pd.DataFrame(table, index=[f"case{index}" for index in range(80)])
    frame["score2"] = frame["score2"].astype("Float64")  # missing is pd.NA there
    flags = pd.DataFrame({"score0": patients == 1})
    expected = summarise_table(table, patients, missed={"score0": patients == 1})
    assert summarise_table(frame, pd.Series(patients).astype("string"), missed=flags) == expected


@both_methods
def test_seed_order_and_names(method):
    table, patients = random_table(seed=2)
    table["tenths"] = np.round(table["score0"], 1)  # sums of these round differently in each order
    first = summarise_table(table, patients, seed=3, method=method)
    assert summarise_table(table, patients, seed=3, method=method) == first
    assert summarise_table(table, patients, seed=4, method=method) != first
    order = np.random.default_rng(0).permutation(80)
    moved = {name: column[order] for name, column in reversed(table.items())}
    assert summarise_table(moved, patients[order], seed=3, method=method) == first
    assert summarise_table(table, [f"p{99 - name}" for name in patients], seed=3, method=method) == first
    alone = summarise_table(table, seed=3, method=method)
    assert summarise_table(moved, seed=3, method=method) == alone


@pytest.mark.parametrize("lowest", [0.0, 0.2])
def test_names_do_not_matter_where_patients_are_tied(lowest):
    # sums of tenths that are equal, or equal but for rounding once counted from the lowest value
    for seed in range(40):
        rng = np.random.default_rng(seed)
        patients = np.repeat(np.arange(30), rng.integers(2, 4, size=30))
        values = np.round(lowest + rng.integers(0, 7, size=patients.size) * (patients > 9) * 0.1, 1)
        first = summarise(values, patients, resamples=501)
        assert summarise(values, rng.permutation(30)[patients], resamples=501) == first


def test_blocks_change_nothing(monkeypatch):
    table, patients = random_table()
    first = summarise_table(table, patients, resamples=300)
    for block in (1, 20 * 64):
        monkeypatch.setattr("metrics.bootstrap._BLOCK", block)
        for name, summary in summarise_table(table, patients, resamples=300).items():
            assert ends(summary) == pytest.approx(ends(first[name]), rel=1e-12)


@given(
    values=st.lists(st.integers(0, 20), min_size=2, max_size=12),
    scale=st.sampled_from([0.25, 1.0, 64.0]),
    shift=st.integers(-50, 50),
    method=st.sampled_from(METHODS),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_scale_shift_and_range(values, scale, shift, method):
    # patients of one size: of several, a shift changes who has the larger sum, and with it the draws
    values = values[: len(values) // 2 * 2]
    patients = [index // 2 for index in range(len(values))]
    before = summarise(values, patients, resamples=100, method=method)
    after = summarise(np.array(values) * scale + shift, patients, resamples=100, method=method)
    np.testing.assert_allclose(ends(after), np.array(ends(before)) * scale + shift, rtol=1e-12, atol=1e-9)
    if len(values) > 2:
        assert min(values) <= before.low <= before.high <= max(values)


def studies(n_studies=600, n_patients=40, n_cases=5):
    """Simulated studies as the columns of one table: Dice-like scores, cases of one patient alike."""
    rng = np.random.default_rng(8)
    patient = 1 - rng.beta(1.2, 8.0, size=(n_studies, n_patients, 1))
    case = 1 - rng.beta(1.2, 8.0, size=(n_studies, n_patients, n_cases))
    scores = (0.7 * patient + 0.3 * case).reshape(n_studies, -1)
    return dict(enumerate(scores)), np.repeat(np.arange(n_patients), n_cases), 1 - 1.2 / 9.2


@both_methods
def test_coverage_of_patients_and_of_cases(method):
    # 600 studies: the standard error of a share near 0.95 is 0.009. Variance of a case 0.49 + 0.09, of which
    # 0.49 is common to its patient's 5: cases as units make the interval sqrt((0.49 + 0.09 / 5) / (0.58 / 5))
    # = 2.1 times too narrow, and 1.96 / 2.1 standard deviations cover 65 %
    table, patients, truth = studies()

    def coverage(units):
        summaries = summarise_table(table, units, method=method, resamples=1000)
        return np.mean([summary.low <= truth <= summary.high for summary in summaries.values()])

    assert 0.92 <= coverage(patients) <= 0.97
    assert 0.60 <= coverage(None) <= 0.70


def test_infinite_values_are_shown_not_hidden():
    summary = summarise([1.0, np.inf, 3.0])
    assert summary.mean == np.inf
    assert summary.median == 3.0
    for method in METHODS:
        assert np.isnan(ends(summarise([1.0, np.inf, 3.0], method=method))).all()
    assert np.isnan(summarise([np.inf, -np.inf]).mean)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [[0.5]]}, "one number a case"),
        ({"values": [0.5, 0.6], "patients": ["a"]}, "one patient a case"),
        ({"values": [0.5, 0.6], "patients": np.array(["a", None], dtype=object)}, "none missing"),
        ({"values": [0.5, 0.6], "patients": [1.0, np.nan]}, "none missing"),
        ({"values": [0.5, 0.6], "missed": [True]}, "missed must be one bool a case"),
        ({"values": [0.5, 0.6], "level": 95}, "level must be between 0 and 1"),
        ({"values": [0.5, 0.6], "resamples": 0}, "resamples 1 or more"),
        ({"values": [0.5, 0.6], "method": "basic"}, "method must be one of .*percentile.*bca.* got 'basic'"),
        ({"values": ["good", "bad"]}, "values must hold numbers"),
        ({"values": [0.5, 0.6], "patients": [1, None]}, "none missing"),
        ({"values": [0.5, 0.6], "patients": np.array([np.nan, 1], dtype=object)}, "none missing"),
        ({"values": [0.5, 0.6], "patients": pd.Series(["a", None], dtype="string")}, "none missing"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        summarise(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"table": {"a": [1.0], "b": [1.0, 2.0]}}, r"numbers of cases: {'a': 1, 'b': 2}"),
        (
            {"table": {"a": [1.0]}, "missed": {"b": [True]}},
            r"missed names scores that the table lacks: \['b'\]",
        ),
        (
            {"table": {"a": [1.0]}, "hallucinated": {"a": [True, False]}},
            "hallucinated must be one bool a case",
        ),
        ({"table": pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])}, r"a must be one number a case.*\(1, 2\)"),
        ({"table": pd.DataFrame({"case": ["c1"], "a": [1.0]})}, "case must hold numbers"),
    ],
)
def test_table_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        summarise_table(**arguments)


def test_score_columns():
    columns = score_columns({"a": [True, False], "b": [1, None]})
    assert [column.dtype for column in columns.values()] == [np.float64, np.float64]
    np.testing.assert_array_equal(columns["b"], [1, np.nan])


@both_methods
def test_bootstrap_of_a_mean_agrees_with_summarise(method):
    patients = np.random.default_rng(5).integers(0, 40, size=200)
    values = skewed(40)[patients]
    intervals = bootstrap_interval(
        lambda cases: {"mean": values[cases].mean()}, patients, resamples=8000, method=method
    )
    summary = summarise(values, patients, resamples=8000, method=method)
    width = summary.high - summary.low
    assert intervals["mean"] == pytest.approx(ends(summary), abs=0.04 * width)


def test_resamples_hold_whole_patients():
    patients = np.array([3, 1, 3, 2, 2, 3])
    seen = []
    bootstrap_interval(lambda cases: seen.append(cases) or {"n": float(cases.size)}, patients, resamples=50)
    np.testing.assert_array_equal(seen[0], np.arange(6))
    sizes = set()
    for cases in seen[1:]:
        times = np.bincount(cases, minlength=6)
        assert times[0] == times[2] == times[5]
        assert times[3] == times[4]
        assert times[0] + times[1] + times[3] == 3
        sizes.add(cases.size)
    assert len(sizes) > 2


def test_undefined_resamples_are_left_out():
    truth = np.array([1] + [0] * 29)
    scores = np.linspace(0, 1, 30)
    rare = bootstrap_interval(lambda cases: {"auroc": auroc(truth[cases], scores[cases])}, range(30))
    assert rare["auroc"] == pytest.approx((0, 0), abs=0.05)
    often = bootstrap_interval(lambda cases: {"x": np.nan if 0 in cases else 1.0}, range(30))
    assert np.isnan(often["x"]).all()


def test_bca_of_a_biased_statistic_against_scipy():
    # resamples of 10 repeat values, so their standard deviation is too small: z0 is about 0.4
    x = np.random.default_rng(1).normal(size=10)
    intervals = bootstrap_interval(
        lambda cases: {"sd": x[cases].std()}, range(10), resamples=8000, method="bca"
    )
    theirs = stats.bootstrap(
        (x,), np.std, n_resamples=8000, random_state=np.random.default_rng(11)
    ).confidence_interval
    assert intervals["sd"] == pytest.approx(tuple(theirs), abs=0.03 * (theirs.high - theirs.low))


def test_bca_leaves_out_whole_patients():
    patients, seen = np.array([3, 1, 3, 2, 2, 3]), []
    bootstrap_interval(
        lambda cases: seen.append(cases.tolist()) or {"n": 1.0}, patients, resamples=5, method="bca"
    )
    assert seen[6:] == [[0, 2, 3, 4, 5], [0, 1, 2, 5], [1, 3, 4]]  # without patients 1, 2 and 3


@pytest.mark.parametrize(
    "statistic",
    [
        lambda cases: np.nan if 0 not in cases and np.unique(cases).size == cases.size else 1.0,
        lambda cases: 2.0 if np.unique(cases).size == 30 else 1.0,
        lambda cases: np.inf if 0 not in cases and np.unique(cases).size == cases.size else 1.0,
        lambda cases: np.inf if np.unique(cases).size == 30 else 1.0,
        lambda cases: np.inf if np.sum(cases == 0) > 1 else 1.0,
    ],
    ids=[
        "undefined without one patient",
        "all resamples below",
        "infinite without one patient",
        "infinite itself",
        "infinite resamples",
    ],
)
def test_bca_that_cannot_be_told_is_undefined(statistic):
    result = bootstrap_interval(lambda cases: {"x": statistic(cases)}, range(30), method="bca")
    assert np.isnan(result["x"]).all()


@both_methods
def test_a_perfect_score_has_no_width(method):
    truth = np.tile([0, 1], 10)
    result = bootstrap_interval(
        lambda cases: {"auroc": auroc(truth[cases], truth[cases])}, range(20), method=method
    )
    assert result["auroc"] == (1, 1)


def test_too_few_patients_still_name_the_scores():
    for patients in ([], ["a"], ["a", "a"]):
        result = bootstrap_interval(lambda cases: {"x": 1.0, "y": 2.0}, patients)
        assert list(result) == ["x", "y"]
        assert np.isnan(list(result.values())).all()


def test_bootstrap_seed():
    def statistic(cases):
        return {"mean": float(np.mean(cases))}

    assert bootstrap_interval(statistic, range(20), seed=1) == bootstrap_interval(
        statistic, range(20), seed=1
    )
    assert bootstrap_interval(statistic, range(20), seed=1) != bootstrap_interval(
        statistic, range(20), seed=2
    )


def test_a_statistic_without_names_is_refused():
    with pytest.raises(TypeError, match=r"must give names and scores, .*, got 0\.5"):
        bootstrap_interval(lambda cases: 0.5, range(4))
