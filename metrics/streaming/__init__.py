"""The scores of this package as streaming Keras metrics for `model.compile`, on any Keras backend.

Pass them to `weighted_metrics=` (Keras ignores sample weights in `metrics=`), with a new instance for each head.
The truth is given as class indices and the prediction as probabilities. All metrics except those of numbers (such as
`MeanAbsoluteError`) accumulate whole numbers, so the result of an epoch is exact and does not depend on how the epoch
is split into batches.

Example:
    >>> head = [Dice(2), AUROC(2)]
    >>> for score in head:
    ...     score.update_state([[0, 1, 1, 0]], [[[0.1], [0.9], [0.4], [0.2]]])
    >>> {score.name: round(float(score.result()), 4) for score in head}
    {'dice': 0.6667, 'auroc': 1.0}
"""

from metrics.streaming.agreement import MCC, Accuracy, BalancedAccuracy, CohenKappa
from metrics.streaming.correlated import R2, Pearson
from metrics.streaming.counted import CountScore
from metrics.streaming.grades import GradeMAE, QuadraticWeightedKappa
from metrics.streaming.overlap import (
    F1,
    Dice,
    FBeta,
    IoU,
    MeanIoU,
    Precision,
    Recall,
    Specificity,
    VolumeSimilarity,
)
from metrics.streaming.ranked import AUROC, AveragePrecision
from metrics.streaming.values import Bias, MeanAbsoluteError, RootMeanSquaredError

__all__ = [
    "AUROC",
    "F1",
    "MCC",
    "R2",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "Bias",
    "CohenKappa",
    "CountScore",
    "Dice",
    "FBeta",
    "GradeMAE",
    "IoU",
    "MeanAbsoluteError",
    "MeanIoU",
    "Pearson",
    "Precision",
    "QuadraticWeightedKappa",
    "Recall",
    "RootMeanSquaredError",
    "Specificity",
    "VolumeSimilarity",
]
