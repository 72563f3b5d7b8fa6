"""Exact beyond float32 and int32: more pixels than 2^24, more counts than 2^31, many cases."""

import numpy as np
import pytest

from metrics import counts_from_confusion, overlap
from metrics.streaming import AUROC, MCC, AveragePrecision, CohenKappa, Dice


def set_state(metric, values):
    metric.low.assign((values % 2**30).astype(np.int32))
    metric.high.assign((values // 2**30).astype(np.int32))


def test_more_than_2_to_the_24_pixels_are_counted_exactly(with_int32_state, whole):
    truth = np.zeros((1, 2048, 2048), np.uint8)
    truth[0, :2, :3] = 1
    prediction = np.zeros((1, 2048, 2048, 1), np.float32)
    prediction[0, :1, :5] = 1
    metric = with_int32_state(Dice(2, per="pooled"))
    for _ in range(5):
        metric.update_state(truth, prediction)
    tp, fp, fn = 5 * 3, 5 * 2, 5 * 3
    pixels = 5 * 2048**2
    assert pixels > 2**24
    rest = pixels - tp - fp - fn
    assert whole(metric).tolist() == [[rest, tp], [fn, fp], [fp, fn], [tp, rest]]
    assert float(metric.result()) == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-7)


def test_limbs_carry_in_int32(with_int32_state, whole):
    metric = with_int32_state(Dice(2, per="pooled"))
    for start in (2**30 - 1, 5 * 2**30 + 12345, 10**11):
        set_state(metric, np.full((4, 2), start))
        metric._add_limbs(np.full((4, 2), 2**30, np.int32))
        assert set(whole(metric).ravel()) == {start + 2**30}
        assert 0 <= np.max(np.asarray(whole(metric) % 2**30)) < 2**30
    tp, fp, fn, _ = whole(metric)[:, 1]
    assert float(metric.result()) == pytest.approx(2 * tp / (2 * tp + fp + fn), abs=1e-7)


def test_pooled_mcc_of_huge_counts():
    confusion = np.array([[10**11, 7 * 10**9, 3], [2 * 10**10, 10**8, 10**10], [5, 10**10, 10**11]])
    counts = counts_from_confusion(confusion)
    for options, expected in [
        ({}, overlap.multiclass_mcc(confusion)),
        ({"class_index": 2}, overlap.mcc(counts)[2]),
    ]:
        metric = MCC(3, per="pooled", **options)
        set_state(metric, np.stack([counts.tp, counts.fp, counts.fn, counts.tn]))
        assert float(metric.result()) == pytest.approx(float(expected), abs=2e-7)


def test_kappa_of_huge_counts():
    metric = CohenKappa(2)
    # truth 10^12 and 10^9, predicted 10^12 + 10^8 and 9 * 10^8, 10^8 of them wrong
    set_state(metric, np.array([[10**12, 10**9], [10**12 + 10**8, 9 * 10**8], [10**12 + 9 * 10**8, 10**8]]))
    expected = (10**12 * 9 * 10**8 + 10**9 * (10**12 + 10**8)) / (10**12 + 10**9)
    assert float(metric.result()) == pytest.approx(1 - 10**8 / expected, abs=1e-6)


@pytest.mark.parametrize("kind", [Dice, MCC])
@pytest.mark.parametrize("cases", [1, 127, 5000])
def test_per_case_sums_hold_large_batches(kind, cases, with_int32_state, whole):
    """5,000 scores of 2^24 each pass 2^31 forty times over; MCC's are negative here."""
    metric = with_int32_state(kind(2))
    truth = np.tile([[1, 0, 1, 1]], (cases, 1))
    prediction = truth if kind is Dice else 1 - truth
    for _ in range(3):
        metric.update_state(truth, prediction[..., None].astype(np.float32))
    assert float(metric.result()) == (1 if kind is Dice else -1)
    assert int(metric.cases.value) == 3 * cases
    assert int(whole(metric)) == 3 * cases * 2**24 * (1 if kind is Dice else -1)


def test_batching_is_bitwise_irrelevant_over_many_cases(stream):
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 3, size=(1000, 5, 5))
    probabilities = rng.dirichlet(np.ones(3), size=(1000, 5, 5)).astype(np.float32)
    for kind in (Dice, MCC, AUROC):
        results = {stream(kind(3), truth, probabilities, s) for s in ([1000], [111] * 9 + [1])}
        assert len(results) == 1


def test_one_bin_holds_more_than_2_to_the_24_pixels_of_one_batch(with_int32_state, whole):
    """Keras's own segment_sum adds in float32 on PyTorch, which would stop at 2^24."""
    size = 4096 * 4096 + 4096
    scores = np.zeros((1, size, 1), np.float32)
    scores[0, :3] = 0.75
    truth = np.zeros((1, size), np.int8)
    truth[0, :2] = 1
    metric = with_int32_state(AUROC(2, bins=4))
    metric.update_state(truth, scores)
    assert whole(metric).tolist() == [[[size - 3, 0, 0, 1]], [[0, 0, 0, 2]]]


def test_ranked_scores_of_huge_counts():
    """By hand: positives 1:3 in two bins, negatives 3:1; AUROC 0.75 * 0.75 + half of the ties 3/16 + 3/16."""
    counts = np.array([[[3, 1]], [[1, 3]]]) * 10**12
    area, precision = AUROC(2, bins=2), AveragePrecision(2, bins=2)
    set_state(area, counts)
    set_state(precision, counts)
    assert float(area.result()) == pytest.approx(9 / 16 + 3 / 16, abs=1e-6)
    assert float(precision.result()) == pytest.approx(3 / 4 * 3 / 4 + 1 / 4 * 1 / 2, abs=1e-6)
