"""One table of all mask scores, and what must hold of each of them whatever the masks."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import metrics
from metrics import Counts, confusion_matrix, count_cases, counts_from_confusion
from metrics import overlap as o

PROPERTY = settings(derandomize=True, max_examples=25, deadline=None)
N_CLASSES = 4


@dataclass(frozen=True)
class Score:
    """A score of two masks with `N_CLASSES` classes, and what is promised of it.

    `measure(truth, prediction, ignore=, spacing_mm=)` gives one value a class (or one over all classes where
    `per_class` is False); `best` is what equal masks get, in `low`..`high`; `power` is how it grows with the spacing.
    """

    measure: Callable[..., np.ndarray]
    best: float = 1.0
    low: float = 0.0
    high: float = 1.0
    symmetric: bool = True
    per_class: bool = True
    background: bool = True  # whether class 0 is a class like the others
    place: bool = False  # whether it depends on where pixels lie
    power: int = 0
    exact: Callable[..., Fraction] | None = None  # of tp, fp, fn, tn


def of_counts(score):
    def measure(truth, prediction, ignore=None, spacing_mm=None):
        return score(counts_from_confusion(confusion_matrix(truth, prediction, N_CLASSES, ignore=ignore)))

    return measure


def of_confusion(score):
    def measure(truth, prediction, ignore=None, spacing_mm=None):
        return score(confusion_matrix(truth, prediction, N_CLASSES, ignore=ignore))

    return measure


def of_surfaces(score):
    def measure(truth, prediction, ignore=None, spacing_mm=None):
        dropped = np.zeros(truth.shape, bool) if ignore is None else truth == ignore
        return np.array(
            [
                score(
                    np.where(dropped, 255, truth == index).astype(np.uint8),
                    np.where(dropped, 7, prediction == index),
                    255,
                    spacing_mm or (1.0, 1.0),
                )
                for index in range(N_CLASSES)
            ]
        )

    return measure


def of_distances(score):
    return of_surfaces(
        lambda truth, prediction, ignore, spacing: score(
            metrics.surface_distances(truth, prediction, spacing_mm=spacing, ignore=ignore)
        )
    )


def within_a_pixel(truth, prediction, ignore, spacing):
    found = metrics.surface_distances(truth, prediction, spacing_mm=spacing, ignore=ignore)
    return metrics.surface_dice(found, min(spacing))


def rim_of_a_pixel(truth, prediction, ignore, spacing):
    return metrics.boundary_iou(truth, prediction, min(spacing), spacing_mm=spacing, ignore=ignore)


def exact_kappa(tp, fp, fn, tn):
    n = tp + fp + fn + tn
    chance = Fraction((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn), n * n)
    return (Fraction(tp + tn, n) - chance) / (1 - chance)


def exact_mcc(tp, fp, fn, tn):
    square = Fraction((tp * tn - fp * fn) ** 2, (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return sqrt(square) * (1 if tp * tn >= fp * fn else -1)


DISTANCE = {"best": 0.0, "high": np.inf, "place": True, "power": 1}
SCORES = {
    "dice": Score(of_counts(o.dice), exact=lambda tp, fp, fn, tn: Fraction(2 * tp, 2 * tp + fp + fn)),
    "iou": Score(of_counts(o.iou), exact=lambda tp, fp, fn, tn: Fraction(tp, tp + fp + fn)),
    "precision": Score(
        of_counts(o.precision), symmetric=False, exact=lambda tp, fp, fn, tn: Fraction(tp, tp + fp)
    ),
    "recall": Score(of_counts(o.recall), symmetric=False, exact=lambda tp, fp, fn, tn: Fraction(tp, tp + fn)),
    "f2": Score(
        of_counts(partial(o.f1, beta=2.0)),
        symmetric=False,
        exact=lambda tp, fp, fn, tn: Fraction(5 * tp, 5 * tp + 4 * fn + fp),
    ),
    "specificity": Score(
        of_counts(o.specificity), symmetric=False, exact=lambda tp, fp, fn, tn: Fraction(tn, tn + fp)
    ),
    "accuracy": Score(
        of_counts(o.accuracy), exact=lambda tp, fp, fn, tn: Fraction(tp + tn, tp + fp + fn + tn)
    ),
    "volume_similarity": Score(
        of_counts(o.volume_similarity),
        exact=lambda tp, fp, fn, tn: 1 - Fraction(abs(fn - fp), 2 * tp + fp + fn),
    ),
    "mcc": Score(of_counts(o.mcc), low=-1, exact=exact_mcc),
    "kappa": Score(of_counts(o.kappa), low=-1, exact=exact_kappa),
    "multiclass_mcc": Score(of_confusion(o.multiclass_mcc), low=-1, per_class=False),
    "kappa_from_confusion": Score(of_confusion(metrics.kappa_from_confusion), low=-1, per_class=False),
    "balanced_accuracy": Score(of_confusion(o.balanced_accuracy), symmetric=False, per_class=False),
    **{
        f"{how}_dice": Score(
            of_counts(partial(o.average, o.dice, how=how)),
            symmetric=how != "weighted",
            per_class=False,
            background=False,
        )
        for how in ("macro", "micro", "weighted")
    },
    "hausdorff": Score(of_distances(metrics.hausdorff), **DISTANCE),
    "hd95": Score(of_distances(lambda found: metrics.hausdorff(found, 95)), **DISTANCE),
    "assd": Score(of_distances(metrics.assd), **DISTANCE),
    "masd": Score(of_distances(metrics.masd), **DISTANCE),
    "surface_dice": Score(of_surfaces(within_a_pixel), place=True),
    "boundary_iou": Score(of_surfaces(rim_of_a_pixel), place=True),
}
every_score = pytest.mark.parametrize("name", SCORES)
seeds = st.integers(0, 10**6)


def random_masks(seed):
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 9, 2))
    classes = rng.choice(N_CLASSES, size=rng.integers(1, N_CLASSES + 1))  # some classes are often absent
    truth = rng.choice(classes, size=size)
    return truth, np.where(rng.random(size) < 0.5, truth, rng.integers(0, N_CLASSES, size=size))


def assert_same(first, second):
    np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)


@every_score
@PROPERTY
@given(seeds)
def test_it_stays_within_its_bounds(name, seed):
    score = SCORES[name]
    values = np.asarray(score.measure(*random_masks(seed)))
    assert values.shape == ((N_CLASSES,) if score.per_class else ())
    defined = values[~np.isnan(values)]
    assert np.all((defined >= score.low - 1e-12) & (defined <= score.high))


@every_score
@PROPERTY
@given(seeds)
def test_equal_masks_get_the_best_value(name, seed):
    truth, _ = random_masks(seed)
    values = np.atleast_1d(SCORES[name].measure(truth, truth))
    present = np.isin(np.arange(N_CLASSES), truth) if SCORES[name].per_class else np.array([True])
    if "mcc" in name and np.unique(truth).size < 2:
        assert np.all(values == 0)  # a margin is zero
    else:
        defined = values[present & ~np.isnan(values)]
        assert_same(defined, SCORES[name].best)


@every_score
@PROPERTY
@given(seeds)
def test_swapping_truth_and_prediction(name, seed):
    truth, prediction = random_masks(seed)
    values, swapped = SCORES[name].measure(truth, prediction), SCORES[name].measure(prediction, truth)
    if SCORES[name].symmetric:
        assert_same(values, swapped)
    elif name == "precision":
        assert_same(values, SCORES["recall"].measure(prediction, truth))


@every_score
@PROPERTY
@given(seeds, st.permutations(range(N_CLASSES)))
def test_renaming_the_classes_renames_the_scores(name, seed, order):
    score = SCORES[name]
    rename = np.array(order if score.background else [0, *(item for item in order if item)])
    truth, prediction = random_masks(seed)
    values = score.measure(truth, prediction)
    renamed = score.measure(rename[truth], rename[prediction])
    assert_same(values, renamed[rename] if score.per_class else renamed)


@every_score
@PROPERTY
@given(seeds)
def test_turning_and_mirroring_the_picture_changes_nothing(name, seed):
    truth, prediction = random_masks(seed)
    values = SCORES[name].measure(truth, prediction, spacing_mm=(2.0, 0.5))
    turned = SCORES[name].measure(truth.T, prediction.T, spacing_mm=(0.5, 2.0))
    mirrored = SCORES[name].measure(truth[::-1, ::-1], prediction[::-1, ::-1], spacing_mm=(2.0, 0.5))
    assert_same(values, turned)
    assert_same(values, mirrored)


@pytest.mark.parametrize("name", [name for name, score in SCORES.items() if not score.place])
@PROPERTY
@given(seeds)
def test_shuffling_the_pixels_changes_nothing(name, seed):
    truth, prediction = random_masks(seed)
    order = np.random.default_rng(seed).permutation(truth.size)
    values = SCORES[name].measure(truth.ravel()[order], prediction.ravel()[order])
    assert_same(values, SCORES[name].measure(truth, prediction))


@every_score
@PROPERTY
@given(seeds, st.sampled_from([0.25, 3.0, 1000.0]))
def test_distances_grow_with_the_spacing_and_nothing_else_does(name, seed, factor):
    masks = random_masks(seed)
    values = SCORES[name].measure(*masks, spacing_mm=(2.0, 0.5))
    larger = SCORES[name].measure(*masks, spacing_mm=(2.0 * factor, 0.5 * factor))
    assert_same(values * factor ** SCORES[name].power, larger)


@every_score
@PROPERTY
@given(seeds)
def test_a_prediction_in_the_ignored_area_changes_nothing(name, seed):
    rng = np.random.default_rng(seed)
    truth, prediction = random_masks(seed)
    dropped = rng.random(truth.shape) < 0.3
    truth = np.where(dropped, 255, truth)
    other = np.where(dropped, rng.integers(0, 256, truth.shape), prediction)
    values = SCORES[name].measure(truth, prediction, ignore=255)
    assert_same(values, SCORES[name].measure(truth, other, ignore=255))


@pytest.mark.parametrize("name", [name for name, score in SCORES.items() if score.exact])
@settings(derandomize=True, max_examples=60, deadline=None)
@given(*[st.integers(1, 10**10)] * 4)
def test_ten_thousand_million_pixels_neither_overflow_nor_lose(name, tp, fp, fn, tn):
    function = partial(o.f1, beta=2.0) if name == "f2" else getattr(o, name)
    value = float(function(Counts(tp=tp, fp=fp, fn=fn, tn=tn)))
    exact = SCORES[name].exact(tp, fp, fn, tn)
    assert value == pytest.approx(float(exact), rel=1e-13, abs=1e-14)


@PROPERTY
@given(seeds, st.permutations(range(4)))
def test_the_order_of_the_cases_is_the_order_of_the_rows(seed, order):
    cases = [random_masks(seed + index) for index in range(4)]
    truth, prediction = zip(*cases, strict=True)
    counts = count_cases(truth, prediction, N_CLASSES)
    moved = count_cases([truth[i] for i in order], [prediction[i] for i in order], N_CLASSES)
    for score in (o.dice, o.mcc, o.specificity):
        assert_same(score(counts)[list(order)], score(moved))
        assert_same(score(counts.sum(axis=0)), score(moved.sum(axis=0)))


@pytest.mark.parametrize("name", ["dice", "iou", "precision", "recall", "volume_similarity"])
@PROPERTY
@given(seeds)
def test_more_background_changes_no_overlap_of_the_others(name, seed):
    truth, prediction = random_masks(seed)
    wide = SCORES[name].measure(np.pad(truth, 5), np.pad(prediction, 5))
    assert_same(SCORES[name].measure(truth, prediction)[1:], wide[1:])


@PROPERTY
@given(seeds)
def test_scores_are_tied_to_each_other(seed):
    truth, prediction = random_masks(seed)
    dice, iou, mean, largest = (
        SCORES[name].measure(truth, prediction) for name in ("dice", "iou", "assd", "hausdorff")
    )
    assert_same(iou, dice / (2 - dice))
    defined = ~np.isnan(mean)
    assert np.all(mean[defined] <= largest[defined] + 1e-12)
