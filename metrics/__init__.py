"""Scores for masks, labels and numbers, with defined results in every edge case. Needs only NumPy and SciPy.

Masks and labels are counted once into `Counts`, every overlap score is a short function of them, and `summarise`
turns one score per case into a mean with an interval over patients. `metrics.streaming` provides the same scores
as Keras metrics. It is the only part that imports Keras, and only when it is first used.

The argument order is always (y_true, y_pred). A mask value is a class index; class 0 is the background.

Example:
    >>> import numpy as np
    >>> truth = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
    >>> prediction = np.array([[[0, 1], [1, 0]], [[0, 0], [0, 0]]])
    >>> per_case = mean_over_classes(dice(count_cases(truth, prediction, n_classes=2)))
    >>> per_case.tolist()
    [0.8, nan]
    >>> summary = summarise(per_case)
    >>> summary.mean, summary.n, summary.n_undefined
    (0.8, 1, 1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from metrics import (
    aggregate,
    bootstrap,
    boundary_calibration,
    calibration,
    classification,
    comparison,
    components,
    counts,
    delong,
    instances,
    interval_ends,
    intervals,
    labels,
    overlap,
    ranking,
    regression,
    seed_test,
    size,
    structures,
    surface,
    temperature,
)
from metrics.aggregate import Summary, summarise, summarise_table
from metrics.bootstrap import bootstrap_interval
from metrics.boundary_calibration import band_around, band_calibration_error
from metrics.calibration import (
    BrierDecomposition,
    ReliabilityCurve,
    brier_decomposition,
    brier_score,
    classwise_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    reliability_curve,
)
from metrics.classification import (
    accuracy,
    adjacent_accuracy,
    balanced_accuracy,
    cohen_kappa,
    exact_match,
    grade_mae,
    kappa_from_confusion,
    log_loss,
    macro_f1,
    macro_grade_mae,
    quadratic_weighted_kappa,
    top_k_accuracy,
)
from metrics.comparison import Comparison, compare_paired, compare_tables, holm
from metrics.components import label_components
from metrics.counts import (
    Counts,
    confusion_matrix,
    confusion_per_case,
    count_cases,
    count_multilabel,
    counts_from_confusion,
    foreground,
)
from metrics.delong import auroc_interval
from metrics.instances import (
    InstanceOverlap,
    PanopticQuality,
    aggregated_jaccard,
    count_error,
    detection_counts,
    dsb2018_score,
    match_instances,
    panoptic_quality,
    pool_overlaps,
    relative_count_error,
)
from metrics.intervals import Mean, Ranking, Sample, interval_of, mean_interval, share_interval
from metrics.labels import labels_from_one_hot, labels_from_probabilities
from metrics.overlap import (
    average,
    dice,
    f1,
    iou,
    kappa,
    mcc,
    mean_iou,
    mean_over_classes,
    multiclass_mcc,
    precision,
    recall,
    specificity,
    volume_similarity,
)
from metrics.ranking import (
    OperatingPoint,
    RocCurve,
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
from metrics.regression import (
    LimitsOfAgreement,
    bias,
    concordance,
    interval_coverage,
    limits_of_agreement,
    mae,
    mean_interval_width,
    mean_relative_error,
    median_absolute_error,
    median_relative_error,
    pearson,
    r2,
    relative_errors,
    rmse,
    spearman,
)
from metrics.seed_test import repeated_p_value
from metrics.size import ellipse_axes, ellipse_perimeter, feret_diameter
from metrics.structures import STRUCTURE_SCORES, Structure, score_mask, score_overlapping, score_structures
from metrics.surface import (
    SurfaceDistances,
    assd,
    boundary_iou,
    hausdorff,
    masd,
    surface_dice,
    surface_distances,
)
from metrics.temperature import apply_temperature, fit_temperature

if TYPE_CHECKING:
    from metrics import streaming

__all__ = [
    "STRUCTURE_SCORES",
    "BrierDecomposition",
    "Comparison",
    "Counts",
    "InstanceOverlap",
    "LimitsOfAgreement",
    "Mean",
    "OperatingPoint",
    "PanopticQuality",
    "Ranking",
    "ReliabilityCurve",
    "RocCurve",
    "Sample",
    "Structure",
    "Summary",
    "SurfaceDistances",
    "accuracy",
    "adjacent_accuracy",
    "aggregate",
    "aggregated_jaccard",
    "apply_temperature",
    "assd",
    "auroc",
    "auroc_interval",
    "auroc_one_vs_rest",
    "auroc_per_class",
    "average",
    "average_precision",
    "average_precision_one_vs_rest",
    "average_precision_per_class",
    "balanced_accuracy",
    "band_around",
    "band_calibration_error",
    "bias",
    "bootstrap",
    "bootstrap_interval",
    "boundary_calibration",
    "boundary_iou",
    "brier_decomposition",
    "brier_score",
    "calibration",
    "classification",
    "classwise_calibration_error",
    "cohen_kappa",
    "compare_paired",
    "compare_tables",
    "comparison",
    "components",
    "concordance",
    "confusion_matrix",
    "confusion_per_case",
    "count_cases",
    "count_error",
    "count_multilabel",
    "counts",
    "counts_from_confusion",
    "delong",
    "detection_counts",
    "dice",
    "dsb2018_score",
    "ellipse_axes",
    "ellipse_perimeter",
    "exact_match",
    "expected_calibration_error",
    "f1",
    "feret_diameter",
    "fit_temperature",
    "foreground",
    "grade_mae",
    "hausdorff",
    "holm",
    "instances",
    "interval_coverage",
    "interval_ends",
    "interval_of",
    "intervals",
    "iou",
    "kappa",
    "kappa_from_confusion",
    "label_components",
    "labels",
    "labels_from_one_hot",
    "labels_from_probabilities",
    "limits_of_agreement",
    "log_loss",
    "macro_f1",
    "macro_grade_mae",
    "mae",
    "masd",
    "match_instances",
    "maximum_calibration_error",
    "mcc",
    "mean_interval",
    "mean_interval_width",
    "mean_iou",
    "mean_over_classes",
    "mean_relative_error",
    "median_absolute_error",
    "median_relative_error",
    "multiclass_mcc",
    "overlap",
    "panoptic_quality",
    "pearson",
    "pool_overlaps",
    "precision",
    "quadratic_weighted_kappa",
    "r2",
    "ranking",
    "recall",
    "regression",
    "relative_count_error",
    "relative_errors",
    "reliability_curve",
    "repeated_p_value",
    "rmse",
    "roc_curve",
    "score_mask",
    "score_overlapping",
    "score_structures",
    "seed_test",
    "sensitivity_at_specificity",
    "share_interval",
    "size",
    "spearman",
    "specificity",
    "specificity_at_sensitivity",
    "streaming",
    "structures",
    "summarise",
    "summarise_table",
    "surface",
    "surface_dice",
    "surface_distances",
    "temperature",
    "top_k_accuracy",
    "volume_similarity",
    "youden_threshold",
]


def __getattr__(name: str) -> Any:
    if name == "streaming":
        return import_module("metrics.streaming")
    raise AttributeError(f"module 'metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
