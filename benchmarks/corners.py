"""What do this and other libraries return in edge cases?

    python benchmarks/corners.py

Runs every installed library on the same small inputs and prints a markdown table. Arguments are the defaults of the
library, except that masks are scored for the lesion without the background. "missed": only the truth has a lesion;
"hallucinated": only the prediction has one; "-": there is no such score; "warns": a warning was raised. Images have
8 x 8 pixels of 1 mm, and tolerances are 1 mm.

Peers: torch==2.13.0 torchmetrics monai scikit-learn keras tensorflow-cpu surface-distance. MetricsReloaded is not on
PyPI; its column was derived from its source and not run.
"""

import os
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The folder of the script comes first on the import path, and its metrics.py would hide the package `metrics`.
sys.path[:] = [folder for folder in sys.path if Path(folder).resolve() != Path(__file__).resolve().parent]

Array = NDArray[np.generic]
Cells = dict[str, Callable[[], object]]

EMPTY = np.zeros((8, 8), np.int64)
LESION = np.pad(np.ones((3, 3), np.int64), (2, 3))
PAIRS = {"both empty": (EMPTY, EMPTY), "missed": (LESION, EMPTY), "hallucinated": (EMPTY, LESION)}
SIGMOID = np.where(LESION, 0.9, 0.1)
TENTH, THOUSANDTH = np.repeat([1, 0], [10, 90]), np.repeat([1, 0], [1, 999])
ONES, SCORES = np.ones(4, np.int64), np.array([0.1, 0.4, 0.6, 0.9])
LABELS = np.array([0, 0, 2, 2])
CONSTANT, SPREAD = np.full(4, 2.0), np.array([1.0, 2.0, 3.0, 2.0])
LIKELY = np.array([0.9, 0.8, 0.9, 0.6])

HEALTHY = "mean Dice, 2 healthy images, both correct"
FALSE_ALARM = "mean Dice, lesion detected + false alarm on a healthy image"
LOST = "mean HD95, lesion segmented exactly + lesion missed"
PRECISION = "precision, nothing predicted"
RECALL = "recall, empty truth"
MCC_TENTH = "MCC, always negative, 10 of 100"
MCC_THOUSANDTH = "MCC, always negative, 1 of 1000"
AUROC, AP = "AUROC, positives only", "average precision, negatives only"
MACRO_F1 = "macro F1, all correct, 1 of 3 classes absent"
SIGMOID_IOU = "mean IoU of sigmoid 0.9 / 0.1, all correct"
R2_GOOD, R2_BAD = "R2, constant truth, all correct", "R2, constant truth, some wrong"
KAPPA = "Cohen's kappa, one class, all correct"
LOG_LOSS = "log loss, positives only (0.236 by hand)"
ECE_ZERO, ECE_ONE = "ECE, positives with p = 0", "ECE, positives with p = 1"


def ours() -> Cells:
    """Return the names of the rows in the order of the table."""
    import metrics as m
    from metrics.calibration import expected_calibration_error
    from metrics.classification import cohen_kappa, log_loss
    from metrics.ranking import auroc, average_precision
    from metrics.surface import hausdorff, surface_dice, surface_distances

    def counted(score: Callable[..., Array], truth: Array, prediction: Array) -> Array:
        return score(m.count_cases([truth], [prediction], 2))[0, 1]

    def distances(truth: Array, prediction: Array) -> object:
        return surface_distances(truth == 1, prediction == 1, spacing_mm=(1.0, 1.0))

    def summary(scores: list[object]) -> str:
        found = m.summarise([float(score) for score in scores])
        return f"{shown(found.mean)} (n = {found.n}, undefined = {found.n_undefined})"

    def hd95(truth: Array, prediction: Array) -> object:
        return hausdorff(distances(truth, prediction), percentile=95)

    def mcc_of_nothing_found(labels: Array) -> object:
        return m.mcc(m.counts_from_confusion(m.confusion_matrix(labels, 0 * labels, 2)))[1]

    dice = partial(counted, m.dice)
    return on_pairs(
        {
            "Dice": dice,
            "IoU": partial(counted, m.iou),
            "HD": lambda t, p: hausdorff(distances(t, p)),
            "HD95": hd95,
            "surface Dice": lambda t, p: surface_dice(distances(t, p), tolerance=1.0),
        }
    ) | {
        HEALTHY: lambda: summary([dice(EMPTY, EMPTY)] * 2),
        FALSE_ALARM: lambda: summary([dice(LESION, LESION), dice(EMPTY, LESION)]),
        LOST: lambda: summary([hd95(LESION, LESION), hd95(LESION, EMPTY)]),
        PRECISION: lambda: counted(m.precision, LESION, EMPTY),
        RECALL: lambda: counted(m.recall, EMPTY, LESION),
        MCC_TENTH: partial(mcc_of_nothing_found, TENTH),
        MCC_THOUSANDTH: partial(mcc_of_nothing_found, THOUSANDTH),
        AUROC: lambda: auroc(ONES, SCORES),
        AP: lambda: average_precision(0 * ONES, SCORES),
        MACRO_F1: lambda: m.macro_f1(LABELS, LABELS, n_classes=3),
        SIGMOID_IOU: lambda: streamed(
            m.streaming.MeanIoU(2, include_background=True), LESION[None], SIGMOID[None, ..., None]
        ),
        R2_GOOD: lambda: m.r2(CONSTANT, CONSTANT),
        R2_BAD: lambda: m.r2(CONSTANT, SPREAD),
        KAPPA: lambda: cohen_kappa(ONES, ONES),
        LOG_LOSS: lambda: log_loss(ONES, LIKELY),
        ECE_ZERO: lambda: expected_calibration_error(ONES, 0.0 * SCORES),
        ECE_ONE: lambda: expected_calibration_error(ONES, 0.0 * SCORES + 1.0),
    }


def metrics_reloaded() -> Cells:
    """Describe MetricsReloaded as of 2025, from its source."""
    from MetricsReloaded.metrics.calibration_measures import CalibrationMeasures
    from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures
    from MetricsReloaded.metrics.prob_pairwise_measures import ProbabilityPairwiseMeasures

    def measure(name: str, truth: Array, prediction: Array) -> object:
        return getattr(BinaryPairwiseMeasures(prediction, truth), name)()

    def ece(probability: float) -> object:
        probabilities = np.tile([1.0 - probability, probability], (ONES.size, 1))
        return CalibrationMeasures(probabilities, ONES).expectation_calibration_error()

    names = {
        "Dice": "dsc",
        "IoU": "intersection_over_union",
        "HD": "measured_hausdorff_distance",
        "HD95": "measured_hausdorff_distance_perc",
        "surface Dice": "normalised_surface_distance",
    }
    return on_pairs({score: partial(measure, name) for score, name in names.items()}) | {
        PRECISION: partial(measure, "positive_predictive_values", LESION, EMPTY),
        RECALL: partial(measure, "recall", EMPTY, LESION),
        MCC_TENTH: partial(measure, "matthews_correlation_coefficient", TENTH, 0 * TENTH),
        MCC_THOUSANDTH: partial(measure, "matthews_correlation_coefficient", THOUSANDTH, 0 * THOUSANDTH),
        AUROC: lambda: ProbabilityPairwiseMeasures(SCORES, ONES).auroc(),
        AP: lambda: ProbabilityPairwiseMeasures(SCORES, 0 * ONES).average_precision(),
        KAPPA: partial(measure, "cohens_kappa", ONES, ONES),
        ECE_ZERO: partial(ece, 0.0),
        ECE_ONE: partial(ece, 1.0),
    }


def monai() -> Cells:
    """Results of the metric objects of MONAI after `aggregate`; "per image" is before the reduction."""
    import monai.metrics as mm
    import torch

    def one_hot(masks: list[Array]) -> object:
        return torch.tensor(np.stack([1 - np.stack(masks), np.stack(masks)], axis=1)).float()

    def aggregated(metric: object, truth: object, prediction: object) -> object:
        metric(y_pred=prediction, y=truth)
        result = metric.aggregate()
        return result[0] if isinstance(result, list) else result

    def both(make: Callable[[], object], truth: Array, prediction: Array) -> object:
        per_image = make()(y_pred=one_hot([prediction]), y=one_hot([truth])).squeeze()
        mean = aggregated(make(), one_hot([truth]), one_hot([prediction])).squeeze()
        same = per_image == mean or (per_image.isnan() and mean.isnan())
        return mean if same else {"per image": per_image, "aggregate": mean}

    def confusion(name: str) -> object:
        return mm.ConfusionMatrixMetric(include_background=False, metric_name=name)

    def mcc_of_nothing_found(labels: Array) -> object:
        truth = torch.tensor(labels).float()[:, None]
        metric = mm.ConfusionMatrixMetric(metric_name="matthews correlation coefficient")
        return aggregated(metric, truth, 0 * truth)

    def ece(probability: float) -> object:
        return aggregated(
            mm.CalibrationErrorMetric(), torch.ones(1, 1, 4), torch.full((1, 1, 4), probability)
        )

    # one score per foreground class; by default MONAI excludes the background from distances, but not from Dice
    dice = partial(mm.DiceMetric, include_background=False)
    hd95 = partial(mm.HausdorffDistanceMetric, percentile=95)
    encoded = torch.eye(3)[LABELS].T[None]
    return on_pairs(
        {
            "Dice": partial(both, dice),
            "IoU": partial(both, partial(mm.MeanIoU, include_background=False)),
            "HD": partial(both, mm.HausdorffDistanceMetric),
            "HD95": partial(both, hd95),
            "surface Dice": partial(both, partial(mm.SurfaceDiceMetric, [1.0])),
        }
    ) | {
        HEALTHY: lambda: aggregated(dice(), one_hot([EMPTY] * 2), one_hot([EMPTY] * 2)),
        FALSE_ALARM: lambda: aggregated(dice(), one_hot([LESION, EMPTY]), one_hot([LESION] * 2)),
        LOST: lambda: aggregated(hd95(), one_hot([LESION] * 2), one_hot([LESION, EMPTY])),
        PRECISION: lambda: aggregated(confusion("precision"), one_hot([LESION]), one_hot([EMPTY])),
        RECALL: lambda: aggregated(confusion("recall"), one_hot([EMPTY]), one_hot([LESION])),
        MCC_TENTH: partial(mcc_of_nothing_found, TENTH),
        MCC_THOUSANDTH: partial(mcc_of_nothing_found, THOUSANDTH),
        AUROC: lambda: aggregated(mm.ROCAUCMetric(), torch.tensor(ONES), torch.tensor(SCORES)),
        AP: lambda: aggregated(mm.AveragePrecisionMetric(), torch.tensor(0 * ONES), torch.tensor(SCORES)),
        MACRO_F1: lambda: aggregated(mm.FBetaScore(), encoded, encoded),
        SIGMOID_IOU: lambda: aggregated(
            mm.MeanIoU(), one_hot([LESION]), torch.tensor(np.stack([1 - SIGMOID, SIGMOID])[None]).float()
        ),
        ECE_ZERO: partial(ece, 0.0),
        ECE_ONE: partial(ece, 1.0),
    }


def torchmetrics() -> Cells:
    """Results of torchmetrics, from `segmentation` for masks and `classification` for labels."""
    import torch
    import torchmetrics as tm
    import torchmetrics.classification as tc
    import torchmetrics.segmentation as ts

    def scored(metric: object, truth: Array, prediction: Array) -> object:
        return metric(torch.tensor(prediction), torch.tensor(truth))

    def stacked(make: Callable[[], object], truth: Array, prediction: Array) -> object:
        return scored(make(), truth[None], prediction[None])

    dice = partial(ts.DiceScore, 2, include_background=False, input_format="index")
    iou = partial(ts.MeanIoU, 2, include_background=False, input_format="index")
    return on_pairs(
        {
            "Dice": lambda t, p: {
                "DiceScore": stacked(dice, t, p),
                "BinaryF1Score": scored(tc.BinaryF1Score(), t, p),
            },
            "IoU": lambda t, p: {
                "MeanIoU": stacked(iou, t, p),
                "BinaryJaccardIndex": scored(tc.BinaryJaccardIndex(), t, p),
            },
            "HD": partial(stacked, partial(ts.HausdorffDistance, 2, input_format="index")),
        }
    ) | {
        HEALTHY: lambda: scored(dice(), np.stack([EMPTY] * 2), np.stack([EMPTY] * 2)),
        FALSE_ALARM: lambda: scored(dice(), np.stack([LESION, EMPTY]), np.stack([LESION] * 2)),
        PRECISION: lambda: scored(tc.BinaryPrecision(), LESION, EMPTY),
        RECALL: lambda: scored(tc.BinaryRecall(), EMPTY, LESION),
        MCC_TENTH: lambda: scored(tc.BinaryMatthewsCorrCoef(), TENTH, 0 * TENTH),
        MCC_THOUSANDTH: lambda: scored(tc.BinaryMatthewsCorrCoef(), THOUSANDTH, 0 * THOUSANDTH),
        AUROC: lambda: scored(tc.BinaryAUROC(), ONES, SCORES),
        AP: lambda: scored(tc.BinaryAveragePrecision(), 0 * ONES, SCORES),
        MACRO_F1: lambda: scored(tc.MulticlassF1Score(3), LABELS, LABELS),
        SIGMOID_IOU: lambda: scored(tc.BinaryJaccardIndex(), LESION, SIGMOID),
        R2_GOOD: lambda: scored(tm.R2Score(), CONSTANT, CONSTANT),
        R2_BAD: lambda: scored(tm.R2Score(), CONSTANT, SPREAD),
        KAPPA: lambda: scored(tc.BinaryCohenKappa(), ONES, ONES),
        ECE_ZERO: lambda: scored(tc.BinaryCalibrationError(), ONES, 0.0 * SCORES),
        ECE_ONE: lambda: scored(tc.BinaryCalibrationError(), ONES, 0.0 * SCORES + 1.0),
    }


def scikit_learn() -> Cells:
    """Results of scikit-learn, with pixels as labels since it has no scores of masks."""
    import sklearn.metrics as sk

    def flat(score: Callable[..., object], truth: Array, prediction: Array) -> object:
        return score(truth.ravel(), prediction.ravel())

    return on_pairs({"Dice": partial(flat, sk.f1_score), "IoU": partial(flat, sk.jaccard_score)}) | {
        PRECISION: partial(flat, sk.precision_score, LESION, EMPTY),
        RECALL: partial(flat, sk.recall_score, EMPTY, LESION),
        MCC_TENTH: lambda: sk.matthews_corrcoef(TENTH, 0 * TENTH),
        MCC_THOUSANDTH: lambda: sk.matthews_corrcoef(THOUSANDTH, 0 * THOUSANDTH),
        AUROC: lambda: sk.roc_auc_score(ONES, SCORES),
        AP: lambda: sk.average_precision_score(0 * ONES, SCORES),
        MACRO_F1: lambda: sk.f1_score(LABELS, LABELS, labels=[0, 1, 2], average="macro"),
        SIGMOID_IOU: partial(flat, sk.jaccard_score, LESION, SIGMOID),
        R2_GOOD: lambda: sk.r2_score(CONSTANT, CONSTANT),
        R2_BAD: lambda: sk.r2_score(CONSTANT, SPREAD),
        KAPPA: lambda: sk.cohen_kappa_score(ONES, ONES),
        LOG_LOSS: lambda: sk.log_loss(ONES, LIKELY),
    }


def keras() -> Cells:
    """Results of Keras, in which F1Score, BinaryIoU, Precision and Recall pool all pixels."""
    import keras.metrics as km
    from keras.losses import Dice

    def scored(make: Callable[[], object], truth: Array, prediction: Array) -> object:
        return streamed(make(), truth.reshape(-1, 1), prediction.reshape(-1, 1).astype("float32"))

    f1 = partial(km.F1Score, threshold=0.5)
    encoded = np.eye(3)[LABELS].astype("float32")
    return on_pairs(
        {
            "Dice": lambda t, p: {
                "F1Score": scored(f1, t, p),
                "1 - losses.Dice": 1 - Dice()(t.astype("float32"), p.astype("float32")),
            },
            "IoU": partial(scored, partial(km.BinaryIoU, [1])),
        }
    ) | {
        HEALTHY: lambda: scored(f1, np.stack([EMPTY] * 2), np.stack([EMPTY] * 2)),
        FALSE_ALARM: lambda: scored(f1, np.stack([LESION, EMPTY]), np.stack([LESION] * 2)),
        PRECISION: lambda: scored(km.Precision, LESION, EMPTY),
        RECALL: lambda: scored(km.Recall, EMPTY, LESION),
        AUROC: lambda: streamed(km.AUC(), ONES, SCORES),
        AP: lambda: streamed(km.AUC(curve="PR"), 0 * ONES, SCORES),
        MACRO_F1: lambda: streamed(km.F1Score(average="macro"), encoded, encoded),
        SIGMOID_IOU: lambda: {
            "MeanIoU": streamed(km.MeanIoU(2), LESION, SIGMOID),
            "BinaryIoU": streamed(km.BinaryIoU(), LESION, SIGMOID),
        },
        R2_GOOD: lambda: scored(km.R2Score, CONSTANT, CONSTANT),
        R2_BAD: lambda: scored(km.R2Score, CONSTANT, SPREAD),
        LOG_LOSS: lambda: scored(km.BinaryCrossentropy, ONES, LIKELY),
    }


def surface_distance() -> Cells:
    """Results of DeepMind's package with the installed version of NumPy."""
    import surface_distance as sd

    def between(truth: Array, prediction: Array) -> object:
        return sd.compute_surface_distances(truth == 1, prediction == 1, (1.0, 1.0))

    return on_pairs(
        {
            "Dice": lambda t, p: sd.compute_dice_coefficient(t == 1, p == 1),
            "HD": lambda t, p: sd.compute_robust_hausdorff(between(t, p), 100),
            "HD95": lambda t, p: sd.compute_robust_hausdorff(between(t, p), 95),
            "surface Dice": lambda t, p: sd.compute_surface_dice_at_tolerance(between(t, p), 1.0),
        }
    )


def on_pairs(scores: Mapping[str, Callable[[Array, Array], object]]) -> Cells:
    """Run each score of a truth and a prediction on each of `PAIRS`."""
    return {
        f"{name}, {pair}": partial(score, *masks)
        for name, score in scores.items()
        for pair, masks in PAIRS.items()
    }


def streamed(metric: object, truth: Array, prediction: Array) -> object:
    """Update a Keras metric with one batch and return its result."""
    metric.update_state(truth, prediction)
    return np.asarray(metric.result())


def shown(value: object) -> str:
    """Format a result with three digits, several results by name."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        texts = {name: shown(part) for name, part in value.items()}
        every = ", ".join(f"{name} {text}" for name, text in texts.items())
        return texts.popitem()[1] if len(set(texts.values())) == 1 else every
    number = float(np.asarray(value).squeeze())
    return "NaN" if np.isnan(number) else f"{number + 0.0:.3g}"  # + 0.0 avoids a negative zero


def answer(cell: Callable[[], object]) -> str:
    """Compute a cell; an exception is also a result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            text = shown(cell())
        except Exception as error:
            return f"raises {type(error).__name__}"
    about_the_data = any(issubclass(warning.category, UserWarning | RuntimeWarning) for warning in caught)
    return f"{text} (warns)" if about_the_data else text


def column(name: str, package: str, cells: Callable[[], Cells], rows: list[str]) -> list[str]:
    """Return a column: name and version of the library, then its results."""
    try:
        found, title = cells(), f"{name} {version(package)}"
    except (ImportError, PackageNotFoundError):
        return [name, *["not installed"] * len(rows)]
    return [title, *[answer(found[row]) if row in found else "-" for row in rows]]


def main() -> None:
    """Run the benchmark."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = list(ours())
    columns = [
        ["corner", *rows],
        column("unet_mtl", "unet-mtl", ours, rows),
        column("MetricsReloaded", "MetricsReloaded", metrics_reloaded, rows),
        column("MONAI", "monai", monai, rows),
        column("torchmetrics", "torchmetrics", torchmetrics, rows),
        column("scikit-learn", "scikit-learn", scikit_learn, rows),
        column("Keras", "keras", keras, rows),
        column("surface-distance", "surface-distance", surface_distance, rows),
    ]
    for index, line in enumerate(zip(*columns, strict=True)):
        print("| " + " | ".join(line) + " |")
        if index == 0:
            print("|" + " --- |" * len(line))


if __name__ == "__main__":
    main()
