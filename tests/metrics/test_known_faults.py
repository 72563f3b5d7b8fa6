"""Faults that other libraries have, one test each; what they answer is in the comments, measured in 2026.

The figures come from `benchmarks/corners.py` (MONAI 1.6.1, torchmetrics 1.9.0, scikit-learn 1.9.1, Keras 3.15.1) or
were read in the source (MetricsReloaded, nnU-Net, GaNDLF, keras-unet-collection). Where a test runs Keras or
scikit-learn to show the fault, and they mend it, the line that shows it can go.
"""

from math import hypot

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import (
    confusion_matrix,
    confusion_per_case,
    count_cases,
    counts_from_confusion,
    dice,
    f1,
    iou,
    macro_f1,
    mcc,
    mean_over_classes,
    r2,
    score_structures,
    streaming,
    summarise,
)
from metrics.labels import labels_from_probabilities
from metrics.ranking import auroc, average_precision
from metrics.surface import assd, hausdorff, masd, surface_dice, surface_distances

PROPERTY = settings(derandomize=True, max_examples=60, deadline=None)
SPACING = (0.5, 2.0)
EMPTY = np.zeros((20, 30), np.uint8)
LESION = np.pad(np.ones((4, 5), np.uint8), ((3, 13), (6, 19)))


def summarised(score, truths, predictions):
    found = [surface_distances(*pair, spacing_mm=SPACING) for pair in zip(truths, predictions, strict=True)]
    return summarise(
        [score(one) for one in found],
        missed=[one.missed for one in found],
        hallucinated=[one.hallucinated for one in found],
        resamples=10,
    )


def hd95(distances):
    return hausdorff(distances, percentile=95)


def foreground_dice(truths, predictions):
    return dice(count_cases(truths, predictions, 2))[:, 1]


def structures(truths, predictions):
    return [
        score_structures(one, ["background", "lesion"])[""]
        for one in confusion_per_case(truths, predictions, 2)
    ]


def streamed(metric, truth, prediction):
    metric.update_state(truth, prediction)
    return float(metric.result())


def sigmoid(masks):
    """Give what a sigmoid head would that finds `masks`: (B, H, W, 1), 0.9 and 0.1."""
    return np.where(np.asarray(masks) == 1, 0.9, 0.1).astype("float32")[..., None]


# missed structures: MONAI's HD95 is NaN and its aggregate drops it, so that finding less scores better


@PROPERTY
@given(seed=st.integers(0, 10**6), n_cases=st.integers(1, 6), data=st.data())
def test_dropping_a_found_structure_never_improves_a_distance(seed, n_cases, data):
    rng = np.random.default_rng(seed)
    truths, predictions = (rng.random((2, n_cases, 9, 7)) < 0.3).astype(np.uint8)
    truths[:, 4, 4] = predictions[:, 2, 3] = 1
    scores = (hausdorff, hd95, assd, masd)
    before = [summarised(score, truths, predictions) for score in scores]
    for n_dropped, case in enumerate(data.draw(st.permutations(range(n_cases))), start=1):
        predictions[case] = 0
        after = [summarised(score, truths, predictions) for score in scores]
        for was, now in zip(before, after, strict=True):
            # the worst distance possible is below the diagonal, so a loss always shows
            assert now.mean > was.mean
            assert (now.n, now.n_undefined, now.n_missed) == (n_cases, 0, n_dropped)
        before = after


def test_hd95_of_a_missed_lesion_is_the_image_diagonal_in_mm():
    # GaNDLF: 0, a perfect score; MONAI and MetricsReloaded: NaN; surface-distance: inf
    missed = surface_distances(LESION, EMPTY, spacing_mm=SPACING)
    assert hd95(missed) == hausdorff(missed) == hypot(20 * 0.5, 30 * 2.0)
    assert hd95(surface_distances(EMPTY, LESION, spacing_mm=SPACING)) == hypot(20 * 0.5, 30 * 2.0)


def test_a_missed_lesion_is_in_the_mean_hd95_and_counted():
    # MONAI: mean 0, from the one lesion that was found
    summary = summarised(hd95, [LESION, LESION], [LESION, EMPTY])
    assert summary.mean == hypot(10, 60) / 2
    assert (summary.n, summary.n_undefined, summary.n_missed, summary.n_hallucinated) == (2, 0, 1, 0)


def test_surface_dice_of_a_missed_or_hallucinated_lesion_is_zero():
    assert surface_dice(surface_distances(LESION, EMPTY), tolerance=1e9) == 0
    assert surface_dice(surface_distances(EMPTY, LESION), tolerance=1e9) == 0


# healthy images


def test_a_false_positive_on_a_healthy_image_halves_the_mean_dice_and_is_counted():
    # MONAI: 1, the false positive is NaN and dropped
    truths, predictions = np.stack([LESION, EMPTY]), np.stack([LESION, LESION])
    found = structures(truths, predictions)
    summary = summarise(
        [one.scores["dice"] for one in found],
        missed=[one.missed for one in found],
        hallucinated=[one.hallucinated for one in found],
    )
    assert (summary.mean, summary.n, summary.n_undefined) == (0.5, 2, 0)
    assert (summary.n_missed, summary.n_hallucinated) == (0, 1)
    assert streamed(streaming.Dice(2), truths, sigmoid(predictions)) == 0.5


def test_a_batch_of_correct_empties_is_undefined_and_says_so():
    # MONAI: mean Dice 0; keras-unet-collection: inf; Keras F1Score: 0; MONAI HD95: 0
    healthy = np.stack([EMPTY] * 5)
    for summary in (summarise(foreground_dice(healthy, healthy)), summarised(hd95, healthy, healthy)):
        assert np.isnan([summary.mean, summary.median, summary.low, summary.high]).all()
        assert (summary.n, summary.n_undefined, summary.n_missed, summary.n_hallucinated) == (0, 5, 0, 0)
    assert np.isnan(streamed(streaming.Dice(2), healthy, sigmoid(healthy)))


def test_a_class_that_never_appears_leaves_the_foreground_mean_defined():
    # nnU-Net: one NaN class makes the foreground mean NaN
    masks = np.stack([LESION, 2 * LESION])
    counts = count_cases(masks, masks, 4)
    assert np.isnan(dice(counts)[:, 3]).all()
    assert mean_over_classes(dice(counts)).tolist() == [1, 1]
    assert mean_over_classes(dice(counts.sum(axis=0))) == 1
    assert (
        score_structures(counts_matrix := confusion_matrix(masks, masks, 4), "abcd")[""].scores["dice"] == 1
    )
    assert counts_matrix[3].sum() == 0
    for per in ("case", "pooled"):
        assert streamed(streaming.Dice(4, per=per), masks, np.eye(4, dtype="float32")[masks]) == 1


# scores that reward saying nothing


@pytest.mark.parametrize(
    ("positives", "cases"),
    [
        pytest.param(10, 100, id="10 of 100, torchmetrics 0.267"),
        pytest.param(10, 1000, id="10 of 1000, torchmetrics 0.311"),
        pytest.param(1, 1000, id="1 of 1000, torchmetrics 0.998"),
    ],
)
def test_mcc_of_an_always_negative_classifier_is_zero(positives, cases):
    truth = np.repeat([1, 0], [positives, cases - positives])
    counts = counts_from_confusion(confusion_matrix(truth, np.zeros_like(truth), 2))
    assert mcc(counts).tolist() == [0, 0]
    for class_index in (None, 0, 1):
        metric = streaming.MCC(2, per="pooled", class_index=class_index)
        assert streamed(metric, truth, np.full(cases, 0.1, "float32")) == 0


@pytest.mark.parametrize(("option", "expected"), [("nan", np.nan), ("one", 1.0), ("zero", 0.0)])
def test_dice_f1_and_iou_of_two_empty_masks_agree(option, expected):
    # MetricsReloaded: Dice 1 and IoU NaN; torchmetrics: DiceScore NaN and BinaryF1Score 0
    counts = count_cases([EMPTY], [EMPTY], 2)[0, 1]
    np.testing.assert_equal([float(score(counts, empty=option)) for score in (dice, f1, iou)], [expected] * 3)


def test_two_empty_masks_are_undefined_unless_asked():
    counts = count_cases([EMPTY], [EMPTY], 2)[0, 1]
    assert np.isnan([dice(counts), f1(counts), iou(counts)]).all()
    for metric in (streaming.Dice(2), streaming.F1(2), streaming.MeanIoU(2)):
        assert np.isnan(streamed(metric, EMPTY[None], sigmoid(EMPTY[None])))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_macro_f1_of_a_perfect_answer_is_one_where_a_class_is_absent():
    labels = np.array([0, 0, 2, 2])
    encoded = np.eye(3, dtype="float32")[labels]
    assert sk.f1_score(labels, labels, labels=[0, 1, 2], average="macro") == pytest.approx(2 / 3)
    assert streamed(keras.metrics.F1Score(average="macro"), encoded, encoded) == pytest.approx(2 / 3)
    assert macro_f1(labels, labels, n_classes=3) == 1
    assert streamed(streaming.F1(3, per="pooled", include_background=True), labels, encoded) == 1


# probabilities


def test_mean_iou_of_sigmoid_outputs_of_0_9_counts_them_as_found():
    truth = np.stack([LESION])
    metric = streaming.MeanIoU(2, include_background=True)
    assert streamed(metric, truth, sigmoid(truth)) == 1
    # Keras casts 0.9 to 0: nothing is found, and the background's 580 of 600 pixels give all of the score
    assert streamed(keras.metrics.MeanIoU(2), truth[..., None], sigmoid(truth)) == pytest.approx(
        580 / 600 / 2
    )


def test_a_probability_equal_to_the_threshold_is_found():
    # segmentation_models (Keras) uses >, segmentation_models_pytorch >=
    at, below = np.float32(0.25), np.nextafter(np.float32(0.25), np.float32(0))
    probabilities = np.array([[[[at], [below]]]])
    assert labels_from_probabilities(probabilities, threshold=0.25).tolist() == [[[1, 0]]]
    metric = streaming.Dice(2, threshold=0.25, per="pooled")
    assert streamed(metric, np.array([[[1, 0]]]), probabilities) == 1


# long epochs, uneven batches


def test_counts_past_2_to_the_24_pixels_are_exact():
    images, batch, pixels = 300, 5, 256 * 256
    truth, prediction = np.ones((batch, 256, 256), np.uint8), np.full((batch, 256, 256, 1), 0.9, "float32")
    prediction[:, 0, 0] = 0.1  # an odd count a batch: past 2^24 float32 holds the even numbers only
    truth, prediction = keras.ops.convert_to_tensor(truth), keras.ops.convert_to_tensor(prediction)
    ours, theirs = streaming.Dice(2, per="pooled"), keras.metrics.TruePositives()
    for _ in range(images // batch):
        ours.update_state(truth, prediction)
        theirs.update_state(truth, prediction[..., 0])
    low, high = (keras.ops.convert_to_numpy(limb).astype(np.int64) for limb in (ours.low, ours.high))
    tp, fp, fn, _ = low + high * 2**30
    assert (tp[1], fp[1], fn[1]) == (images * (pixels - 1), 0, images)
    assert int(theirs.result()) != images * (pixels - 1)
    masks = np.broadcast_to(np.uint8(1), (images, 256, 256))
    assert count_cases(masks, masks, 2).sum(axis=0).tp.tolist() == [0, images * pixels]


def batch_dice(y_true, y_pred):
    """Give Dice as people hand it to Keras: a plain function of a batch."""
    truth, found = (
        keras.ops.reshape(keras.ops.cast(part >= 0.5, "float32"), (-1, 4)) for part in (y_true, y_pred)
    )
    return keras.ops.mean(2 * keras.ops.sum(truth * found, -1) / keras.ops.sum(truth + found, -1))


def test_a_streaming_score_is_the_mean_of_cases_where_a_function_is_one_of_batches():
    truth = np.ones((8, 2, 2, 1), "float32")
    truth[:, :, 1] = 0
    prediction = np.where(np.arange(8).reshape(8, 1, 1, 1) < 5, truth, 1 - truth)
    image = keras.Input((2, 2, 1))
    model = keras.Model(image, keras.layers.Identity()(image))
    ours = streaming.Dice(2)
    model.compile(loss="mse", metrics=[batch_dice], weighted_metrics=[ours])
    logs = model.evaluate(prediction, truth, batch_size=5, verbose=0, return_dict=True)
    assert logs["dice"] == 5 / 8
    assert logs["batch_dice"] == 1 / 2


# ignored pixels


@pytest.mark.parametrize("seed", range(3))
def test_a_prediction_in_an_ignored_area_changes_nothing(seed):
    # segmentation_models_pytorch #546 and torchmetrics #312 counted it
    rng = np.random.default_rng(seed)
    truth, prediction, noise = (rng.random((3, 2, 12, 12)) < 0.4).astype(np.uint8)
    truth[:, 3:9, 2:7] = 255
    changed = np.where(truth == 255, noise, prediction)
    assert (changed != prediction).any()
    answers = []
    for found in (prediction, changed):
        near = [
            surface_distances(*pair, ignore=255, spacing_mm=SPACING)
            for pair in zip(truth, found, strict=True)
        ]
        metrics = [
            streaming.Dice(2, ignore=255),
            streaming.MCC(2, per="pooled", ignore=255),
            streaming.AUROC(2, ignore=255),
        ]
        answers.append(
            (
                confusion_per_case(truth, found, 2, ignore=255).tolist(),
                [streamed(metric, truth, sigmoid(found)) for metric in metrics],
                [score(one) for one in near for score in (hausdorff, hd95, assd, masd)],
                [surface_dice(one, tolerance=1.0) for one in near],
            )
        )
    assert answers[0] == answers[1]


def test_a_lesion_found_only_in_an_ignored_area_is_no_hallucination():
    truth = np.where(LESION == 1, 255, 0)
    near = surface_distances(truth, LESION, ignore=255)
    assert not near.hallucinated
    assert np.isnan(hausdorff(near))
    assert np.isnan(dice(count_cases([truth], [LESION], 2, ignore=255))[0, 1])


# nothing to tell apart


def test_auroc_and_average_precision_of_a_single_class_are_undefined():
    # AUROC: torchmetrics and Keras 0; average precision of negatives: 0 there and in scikit-learn
    scores = np.array([0.1, 0.4, 0.6, 0.9], "float32")
    for truth in (np.zeros(4, int), np.ones(4, int)):
        assert streamed(keras.metrics.AUC(), truth, scores) == 0
        assert np.isnan([auroc(truth, scores), average_precision(truth, scores)]).all()
        for metric in (streaming.AUROC(2), streaming.AveragePrecision(2)):
            assert np.isnan(streamed(metric, truth, scores))


@pytest.mark.parametrize("prediction", [[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]])
def test_r2_of_a_constant_truth_is_undefined(prediction):
    # scikit-learn and torchmetrics: 1 and 0; Keras: NaN and 0
    assert np.isnan(r2([2.0, 2.0, 2.0], prediction))
    assert np.isnan(streamed(streaming.R2(), [2.0, 2.0, 2.0], prediction))
