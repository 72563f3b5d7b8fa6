"""Summaries: means, what is missing, and intervals that resample patients."""

import json
import time

import numpy as np
import pytest

from metrics import auroc, bootstrap_interval, summarise


def test_hand_computed_summary():
    summary = summarise([0.5, np.nan, 1.0, 0.0], missed=[0, 0, 0, 1], hallucinated=[True, True, False, False])
    assert summary.mean == 0.5
    assert summary.median == 0.5
    assert (summary.n, summary.n_undefined, summary.n_missed, summary.n_hallucinated) == (3, 1, 1, 2)
    assert 0 <= summary.low < 0.5 < summary.high <= 1
    assert json.loads(json.dumps(summary.to_dict())) == summary.to_dict()
    assert list(summary.to_dict())[:4] == ["mean", "low", "high", "median"]


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_nothing_defined(values):
    summary = summarise(values)
    assert (summary.n, summary.n_undefined) == (0, len(values))
    assert np.isnan([summary.mean, summary.low, summary.high, summary.median]).all()


def test_fewer_than_two_patients_have_no_interval():
    for values, patients in [([0.1, 0.9], ["a", "a"]), ([0.1, np.nan], ["a", "b"]), ([0.4], None)]:
        summary = summarise(values, patients)
        assert np.isnan([summary.low, summary.high]).all()
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


def test_seed_order_and_block_size(monkeypatch):
    rng = np.random.default_rng(2)
    values, patients = rng.random(60), rng.integers(0, 15, size=60)
    first = summarise(values, patients, seed=3)
    assert summarise(values, patients, seed=3) == first
    assert summarise(values, patients, seed=4) != first
    order = rng.permutation(60)
    shuffled = summarise(values[order], patients[order], seed=3)
    assert (shuffled.low, shuffled.high) == pytest.approx((first.low, first.high), rel=1e-12)
    alone, moved = summarise(values, seed=3), summarise(values[order], seed=3)
    assert (moved.low, moved.high) == pytest.approx((alone.low, alone.high), rel=1e-12)
    monkeypatch.setattr("metrics.aggregate._BLOCK", 15 * 64)
    assert summarise(values, patients, seed=3).low == pytest.approx(first.low, rel=1e-2)


def test_infinite_values_are_shown_not_hidden():
    summary = summarise([1.0, np.inf, 3.0])
    assert summary.mean == np.inf
    assert summary.median == 3.0
    assert np.isnan([summary.low, summary.high]).all()
    assert np.isnan(summarise([np.inf, -np.inf]).mean)


def test_speed_of_a_thousand_cases():
    values = np.random.default_rng(0).random(1000)
    start = time.process_time()
    summarise(values)
    assert time.process_time() - start < 0.3


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
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        summarise(**arguments)


def test_bootstrap_of_a_mean_agrees_with_summarise():
    rng = np.random.default_rng(5)
    values, patients = rng.random(200), rng.integers(0, 40, size=200)
    intervals = bootstrap_interval(lambda cases: {"mean": values[cases].mean()}, patients, resamples=2000)
    summary = summarise(values, patients)
    width = summary.high - summary.low
    assert intervals["mean"] == pytest.approx((summary.low, summary.high), abs=0.1 * width)


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
