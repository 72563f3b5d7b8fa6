"""Object scores: loops over all pairs and all pairings, pictures small enough to count, shared properties."""

from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from metrics.components import label_components
from metrics.instances import (
    aggregated_jaccard,
    count_error,
    detection_counts,
    dsb2018_score,
    match_instances,
    panoptic_quality,
    pool_overlaps,
    relative_count_error,
)
from metrics.overlap import f1, precision, recall

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
DSB2018 = Path(__file__).parents[2].parent / "shared" / "data" / "dsb2018"
THRESHOLDS = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def random_maps(seed, size=(6, 7), n_objects=4):
    """Two maps of rectangles that cover each other, the second one mostly the first, shifted."""
    rng = np.random.default_rng(seed)
    maps = np.zeros((2, *size), int)
    for number in range(1, rng.integers(1, n_objects + 1) + 1):
        corner, extent = rng.integers(0, size), rng.integers(1, 5, 2)
        for index, shift in enumerate((np.zeros(2, int), rng.integers(-1, 2, 2))):
            low, high = np.maximum(corner + shift, 0), corner + shift + extent
            maps[index, low[0] : high[0], low[1] : high[1]] = number * 3
    return maps[0], maps[1]


def shuffled(ids, seed):
    names = np.random.default_rng(seed).permutation(np.arange(1, ids.max() + 1))
    return np.concatenate([[0], names])[ids]


def naive_pairs(truth, prediction):
    """Area of each object, shared pixels and exact IoU of every pair, by loops."""
    trues, predictions = (
        [set(zip(*np.nonzero(m == i), strict=True)) for i in np.unique(m[m > 0])] for m in (truth, prediction)
    )
    shared = [[len(t & p) for p in predictions] for t in trues]
    ious = [[Fraction(len(t & p), len(t | p)) for p in predictions] for t in trues]
    return [len(t) for t in trues], [len(p) for p in predictions], shared, ious


def all_pairings(ious, above, true=0, used=frozenset()):
    """Every one-to-one set of pairs whose IoU is above a number."""
    if true == len(ious):
        yield []
        return
    yield from all_pairings(ious, above, true + 1, used)
    for j, value in enumerate(ious[true]):
        if j not in used and value > above:
            for rest in all_pairings(ious, above, true + 1, used | {j}):
                yield [(true, j), *rest]


def naive_matches(ious, threshold):
    """The pairing with most pairs, then the largest sum of IoU: (pairs, sum)."""
    pairings = all_pairings(ious, Fraction(threshold).limit_denominator(100))
    return max((len(pairs), sum((ious[i][j] for i, j in pairs), Fraction(0))) for pairs in pairings)


def naive_jaccard(truth, prediction):
    """Kumar's loop, averaged over all ways to break ties of IoU in favour of the larger intersection."""
    true_areas, predicted_areas, shared, ious = naive_pairs(truth, prediction)
    choices = []
    for i in range(len(true_areas)):
        keys = [(ious[i][j], shared[i][j]) for j in range(len(predicted_areas))]
        best = max(keys, default=(0, 0))
        choices.append([j for j, key in enumerate(keys) if key == best] if best[0] else [None])
    united, common = [], 0
    for choice in product(*choices):
        common = sum(shared[i][j] for i, j in enumerate(choice) if j is not None)
        total = sum(predicted_areas[j] for j in range(len(predicted_areas)) if j not in choice)
        for i, j in enumerate(choice):
            total += true_areas[i] + (0 if j is None else predicted_areas[j] - shared[i][j])
        united.append(total)
    return common / (sum(united) / len(united))


def naive_jaccard_plus(truth, prediction):
    true_areas, predicted_areas, shared, ious = naive_pairs(truth, prediction)
    best = max(
        (sum(ious[i][j] for i, j in pairs), sum(shared[i][j] for i, j in pairs))
        for pairs in all_pairings(ious, 0)
    )
    return best[1] / (sum(true_areas) + sum(predicted_areas) - best[1])


@PROPERTY
@given(st.integers(0, 10**6))
def test_table_against_loops(seed):
    truth, prediction = random_maps(seed)
    overlap = match_instances(truth, prediction)
    true_areas, predicted_areas, shared, ious = naive_pairs(truth, prediction)
    assert overlap.true_areas.tolist() == true_areas
    assert overlap.predicted_areas.tolist() == predicted_areas
    pairs = zip(overlap.true_index, overlap.predicted_index, overlap.intersections, overlap.ious, strict=True)
    found = {(i, j): (n, iou) for i, j, n, iou in pairs}
    expected = {
        (i, j): (n, float(ious[i][j])) for i, row in enumerate(shared) for j, n in enumerate(row) if n
    }
    assert found == expected


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.3, 0.49, *THRESHOLDS]))
def test_detections_and_quality_against_every_pairing(seed, threshold):
    truth, prediction = random_maps(seed)
    overlap = match_instances(truth, prediction)
    tp, total = naive_matches(naive_pairs(truth, prediction)[3], threshold)
    counts = detection_counts(overlap, threshold)
    fn, fp = overlap.n_true - tp, overlap.n_predicted - tp
    assert (counts.tp, counts.fp, counts.fn, counts.tn) == (tp, fp, fn, 0)
    if tp + fp + fn:
        assert panoptic_quality(overlap, threshold).pq == pytest.approx(float(total) / (tp + fp / 2 + fn / 2))


@PROPERTY
@given(st.integers(0, 10**6))
def test_dsb2018_score_against_loops(seed):
    truth, prediction = random_maps(seed)
    ious, shares = naive_pairs(truth, prediction)[3], []
    for threshold in THRESHOLDS:
        tp = naive_matches(ious, threshold)[0]
        shares.append(tp / max(len(np.unique(truth)) + len(np.unique(prediction)) - 2 - tp, 1))
    result = dsb2018_score(match_instances(truth, prediction), empty="zero")
    assert result == pytest.approx(np.mean(shares))


@PROPERTY
@given(st.integers(0, 10**6))
def test_aggregated_jaccard_against_loops(seed):
    truth, prediction = random_maps(seed)
    overlap = match_instances(truth, prediction)
    if overlap.n_true + overlap.n_predicted:
        assert aggregated_jaccard(overlap) == pytest.approx(naive_jaccard(truth, prediction))
        expected = naive_jaccard_plus(truth, prediction)
        assert aggregated_jaccard(overlap, one_to_one=True) == pytest.approx(expected)


def test_hand_picture():
    truth = np.array([[1, 1, 0, 2, 2], [1, 1, 0, 2, 2], [0, 0, 0, 0, 0], [3, 3, 0, 0, 0]])
    found = np.array([[9, 9, 0, 4, 4], [9, 9, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 7, 7]])
    overlap = match_instances(truth, found)
    # 1 with 9: 4 of 5; 2 with 4: 2 of 4, which is not above 0.5; 3 and 7: alone
    assert overlap.ious.tolist() == [0.8, 0.5]
    counts = detection_counts(overlap)
    assert (counts.tp, counts.fp, counts.fn) == (1, 2, 2)
    assert float(f1(counts)) == float(precision(counts)) == float(recall(counts)) == 1 / 3
    quality = panoptic_quality(overlap)
    assert (quality.sq, quality.rq) == (0.8, pytest.approx(1 / 3))
    assert quality.pq == pytest.approx(0.8 / (1 + 1 + 1))
    # one pair below 0.8 (six thresholds, 0.5 to 0.75), none from 0.8 on
    assert dsb2018_score(overlap) == pytest.approx(6 * (1 / 5) / 10)
    # shared 4 + 2; united 5 + 4, the missed 2 and the invented 2
    assert aggregated_jaccard(overlap) == aggregated_jaccard(overlap, one_to_one=True) == 6 / 13
    assert (count_error(overlap), relative_count_error(overlap)) == (0, 0.0)


@pytest.mark.parametrize(
    ("shared", "united", "threshold"), [(1, 2, 0.5), (11, 20, 0.55), (7, 10, 0.7), (19, 20, 0.95)]
)
def test_an_iou_of_exactly_the_threshold_is_not_found(shared, united, threshold):
    truth, found = np.ones((1, united), int), np.ones((1, united), int)
    found[0, shared:] = 0
    overlap = match_instances(truth, found)
    assert detection_counts(overlap, threshold).tp == 0
    assert detection_counts(overlap, threshold - 1e-9).tp == 1
    below = [value for value in THRESHOLDS if value < threshold]
    assert dsb2018_score(overlap) == pytest.approx(len(below) / 10)


def test_below_a_half_objects_are_paired_one_to_one():
    truth = np.array([[1, 1, 1, 1, 2, 2, 2, 2]])
    # 5 covers 3 of object 1 and 2 of object 2; 6 only object 1; greedy by IoU (1 with 5) would find one
    found = np.array([[6, 5, 5, 5, 5, 5, 0, 0]])
    overlap = match_instances(truth, found)
    assert sorted(overlap.ious) == [1 / 4, 2 / 7, 3 / 6]
    assert detection_counts(overlap, [0.2, 0.26, 0.29]).tp.tolist() == [2, 1, 1]
    assert panoptic_quality(overlap, 0.2).sq == pytest.approx((1 / 4 + 2 / 7) / 2)
    assert panoptic_quality(overlap, 0.26).sq == pytest.approx(1 / 2)


def test_below_a_half_two_loose_pairs_beat_one_close_pair():
    # 1 with 5: 8 of 13; 1 with 6: 2 of 10; 2 with 5: 3 of 13. The first alone is more than the others' sum
    overlap = match_instances(np.array([[1] * 10 + [2] * 5]), np.array([[6] * 2 + [5] * 11 + [0] * 2]))
    assert detection_counts(overlap, 0.1).tp == 2
    assert panoptic_quality(overlap, 0.1).sq == pytest.approx((2 / 10 + 3 / 13) / 2)
    # AJI+ wants the largest sum, so only the first pair
    assert aggregated_jaccard(overlap, one_to_one=True) == 8 / (15 + 13 - 8)


def test_aggregated_jaccard_takes_the_largest_iou_not_the_largest_intersection():
    # 2 of 5 and 3 of 15
    overlap = match_instances(np.array([[1] * 5 + [0] * 10]), np.array([[4] * 2 + [5] * 13]))
    assert aggregated_jaccard(overlap) == aggregated_jaccard(overlap, one_to_one=True) == 2 / (5 + 13)


def test_aggregated_jaccard_counts_a_shared_prediction_twice_unless_one_to_one():
    overlap = match_instances(np.array([[1, 1, 1, 2, 2, 2]]), np.array([[4, 4, 4, 4, 4, 4]]))
    assert aggregated_jaccard(overlap) == (3 + 3) / (6 + 6)
    assert aggregated_jaccard(overlap, one_to_one=True) == 3 / (6 + 3)


def test_aggregated_jaccard_of_an_object_split_in_halves():
    overlap = match_instances(np.array([[1, 1, 1, 1]]), np.array([[4, 4, 5, 5]]))
    assert aggregated_jaccard(overlap) == aggregated_jaccard(overlap, one_to_one=True) == 2 / 6


@pytest.mark.parametrize(("small", "large"), [(4, 5), (5, 4)])
def test_aggregated_jaccard_prefers_the_larger_intersection_of_equal_ious(small, large):
    # 1 of 3 and 2 of 6
    overlap = match_instances(np.array([[1, 1, 1, 0, 0, 0]]), np.array([[small] + [large] * 5]))
    assert overlap.ious.tolist() == [1 / 3, 1 / 3]
    assert aggregated_jaccard(overlap) == aggregated_jaccard(overlap, one_to_one=True) == 2 / (6 + 1)


def test_merged_and_split_objects():
    two, one = np.array([[1, 1, 0, 2, 2, 2]]), np.array([[3, 3, 3, 3, 3, 3]])
    merged, split = match_instances(two, one), match_instances(one, two)
    assert (count_error(merged), relative_count_error(merged)) == (-1, -0.5)
    assert (count_error(split), relative_count_error(split)) == (1, 1.0)
    assert detection_counts(merged).tp == detection_counts(split).tp == 0
    quality = panoptic_quality(merged)
    assert (quality.pq, quality.sq, quality.rq) == (0, 0, 0)


def all_scores(overlap, **empty):
    quality = panoptic_quality(overlap, **empty)
    jaccards = [aggregated_jaccard(overlap, one_to_one=pairs, **empty) for pairs in (False, True)]
    shares = [float(f1(detection_counts(overlap, value), **empty)) for value in (0.2, 0.5, 0.75)]
    return [quality.pq, quality.sq, quality.rq, dsb2018_score(overlap, **empty), *jaccards, *shares]


@PROPERTY
@given(st.integers(0, 10**6))
def test_scores_know_no_ids_and_no_direction(seed):
    truth, found = random_maps(seed)
    expected = all_scores(match_instances(truth, found))
    renamed = match_instances(shuffled(truth, seed), shuffled(found, seed + 1))
    sparse = match_instances(truth * 10**12, found.astype(np.uint64) * np.uint64(10**15))
    for other in (
        renamed,
        sparse,
        match_instances(truth.T, found.T),
        match_instances(truth[::-1], found[::-1]),
    ):
        np.testing.assert_allclose(all_scores(other), expected, rtol=1e-12)


@PROPERTY
@given(st.integers(0, 10**6))
def test_swapping_truth_and_prediction(seed):
    truth, found = random_maps(seed)
    overlap, swapped = match_instances(truth, found), match_instances(found, truth)
    for threshold in (0.2, 0.5):
        ours, theirs = panoptic_quality(overlap, threshold), panoptic_quality(swapped, threshold)
        np.testing.assert_allclose((ours.pq, ours.sq, ours.rq), (theirs.pq, theirs.sq, theirs.rq), rtol=1e-12)
    np.testing.assert_array_equal(dsb2018_score(overlap), dsb2018_score(swapped))
    expected = aggregated_jaccard(overlap, one_to_one=True)
    np.testing.assert_allclose(aggregated_jaccard(swapped, one_to_one=True), expected)
    assert count_error(overlap) == -count_error(swapped)


@PROPERTY
@given(st.integers(0, 10**6))
def test_identical_maps_give_one_and_all_scores_are_bounded(seed):
    truth, found = random_maps(seed)
    assert all_scores(match_instances(truth, truth), empty="one") == [1] * 9
    scores = all_scores(match_instances(truth, found), empty="zero")
    assert all(0 <= score <= 1 for score in scores)
    pq, sq, rq = scores[:3]
    assert pq == pytest.approx(sq * rq)


def test_both_maps_empty():
    nothing = match_instances(np.zeros((3, 4), int), np.zeros((3, 4), int))
    assert (nothing.n_true, nothing.n_predicted, nothing.ious.size) == (0, 0, 0)
    assert np.isnan(all_scores(nothing)).all()
    assert all_scores(nothing, empty="one") == [1] * 9
    assert all_scores(nothing, empty="zero") == [0] * 9
    assert count_error(nothing) == 0
    assert np.isnan(relative_count_error(nothing))
    for score in (dsb2018_score, aggregated_jaccard, panoptic_quality):
        with pytest.raises(ValueError, match="empty must be one of"):
            score(nothing, empty="skip")


@pytest.mark.parametrize("missed", [True, False])
def test_exactly_one_map_empty(missed):
    maps = np.array([[1, 1, 0]]), np.array([[0, 0, 0]])
    overlap = match_instances(*maps) if missed else match_instances(*maps[::-1])
    for word in ("nan", "one", "zero"):
        assert all_scores(overlap, empty=word) == [0] * 9
    assert count_error(overlap) == (-1 if missed else 1)
    assert relative_count_error(overlap) == pytest.approx(-1 if missed else np.nan, nan_ok=True)


def test_no_pixel_at_all():
    assert np.isnan(all_scores(match_instances(np.zeros((0, 5), int), np.zeros((0, 5), int)))).all()


@PROPERTY
@given(st.integers(0, 10**6), st.sampled_from([255, -1]))
def test_a_prediction_on_ignored_pixels_changes_nothing(seed, ignore):
    truth, found = random_maps(seed)
    dropped = np.random.default_rng(seed).random(truth.shape) < 0.3
    truth = np.where(dropped, ignore, truth)
    other = np.where(dropped, np.random.default_rng(seed).integers(0, 99, truth.shape), found)
    first, second = match_instances(truth, found, ignore=ignore), match_instances(truth, other, ignore=ignore)
    np.testing.assert_array_equal(all_scores(first), all_scores(second))
    clean = match_instances(np.where(dropped, 0, truth), np.where(dropped, 0, found))
    np.testing.assert_array_equal(all_scores(first), all_scores(clean))
    assert first.true_areas.tolist() == clean.true_areas.tolist()


def test_pooled_images_are_as_one_picture():
    maps = [random_maps(seed) for seed in range(8)]
    pooled = pool_overlaps(match_instances(*pair) for pair in maps)
    apart = [np.where(m > 0, m + 100 * i, 0) for i, pair in enumerate(maps) for m in pair]
    beside = match_instances(np.hstack(apart[::2]), np.hstack(apart[1::2]))
    np.testing.assert_allclose(all_scores(pooled), all_scores(beside), rtol=1e-12)
    assert (
        sum(int(detection_counts(match_instances(*pair)).tp) for pair in maps) == detection_counts(pooled).tp
    )
    assert np.isnan(all_scores(pool_overlaps([]))).all()


def test_large_sparse_maps_take_the_other_road_to_the_same_table():
    rng = np.random.default_rng(0)
    truth, found = rng.integers(0, 1500, (2, 60, 70))
    plain = match_instances(truth, found)  # 1500 * 1500 pairs are more than the table holds
    trues, predictions = np.unique(truth[truth > 0]), np.unique(found[found > 0])
    assert plain.true_areas.tolist() == [int((truth == i).sum()) for i in trues]
    pairs, sizes = np.unique(np.stack([truth.ravel(), found.ravel()]), axis=1, return_counts=True)
    both = (pairs > 0).all(axis=0)
    np.testing.assert_array_equal(trues[plain.true_index], pairs[0, both])
    np.testing.assert_array_equal(predictions[plain.predicted_index], pairs[1, both])
    np.testing.assert_array_equal(plain.intersections, sizes[both])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.uint64])
def test_any_integer_dtype(dtype):
    truth, found = random_maps(3)
    overlap = match_instances(truth.astype(dtype), found.astype(dtype))
    assert all_scores(overlap) == all_scores(match_instances(truth, found))
    assert overlap.intersections.dtype == overlap.true_areas.dtype == np.int64


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"shape \(2, 3\) but y_pred has \(3, 2\)"),
        (np.zeros((1, 2, 3), int), np.zeros((1, 2, 3), int), r"one map \(height, width\).*pool_overlaps"),
        (np.zeros((2, 3)), np.zeros((2, 3), int), "y_true must hold whole object ids, got dtype float64"),
        (np.zeros((2, 3), int), np.zeros((2, 3), bool), "dtype bool: number the objects.*label_components"),
        (np.full((2, 3), -1), np.zeros((2, 3), int), "negative id -1: pass ignore="),
        (np.zeros((2, 3), int), np.full((2, 3), -2), "y_pred holds the negative id -2: 0 is background"),
    ],
)
def test_bad_maps_are_refused(truth, found, message):
    with pytest.raises(ValueError, match=message):
        match_instances(truth, found)


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_bad_thresholds_are_refused(threshold):
    overlap = match_instances([[1]], [[1]])
    for score in (detection_counts, panoptic_quality):
        with pytest.raises(ValueError, match="threshold must be in 0"):
            score(overlap, threshold)


@pytest.mark.skipif(not DSB2018.is_dir(), reason="needs ../shared/data/dsb2018")
def test_components_of_the_true_masks_of_dsb2018_are_the_true_nuclei():
    names = sorted(path.name for path in (DSB2018 / "instances").iterdir())[::60]
    overlaps = []
    for name in names:
        mask, nuclei = (np.array(Image.open(DSB2018 / folder / name)) for folder in ("masks", "instances"))
        overlaps.append(match_instances(nuclei, label_components(mask, boundary=2)))
    assert len(overlaps) == 10
    assert np.mean([panoptic_quality(overlap).pq for overlap in overlaps]) > 0.98
    assert abs(relative_count_error(pool_overlaps(overlaps))) < 0.01
