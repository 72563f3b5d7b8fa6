"""The scores that are compared between groups of cases and between runs, and which direction is better."""

from typing import Any

from unet_mtl.tasks import Task

_FURTHER = (
    "auroc",
    "sensitivity",
    "specificity",
    "bias",
    "hd95_mm",
    "hd95_px",
    "surface_dice_mm",
    "surface_dice_px",
)
_BY_CLASS = ("dice_", "auroc_", "sensitivity_", "specificity_")

_HIGHER = (
    "dice", "iou", "precision", "recall", "surface_dice", "boundary_iou", "accuracy", "balanced_accuracy", "f1", "mcc",
    "auroc", "average_precision", "kappa", "quadratic_weighted_kappa", "adjacent_accuracy", "sensitivity",
    "specificity", "exact_match", "r2", "pearson", "spearman", "concordance",
)  # fmt: skip
_LOWER = (
    "hd", "hd95", "assd", "masd", "absolute_error", "relative_error", "standardised_error", "median_relative_error",
    "rmse", "mae", "macro_mae", "log_loss", "brier", "calibration_error",
)  # fmt: skip


def is_main(task: Task[Any, Any], score: str) -> bool:
    """Return whether a score is compared.

    These are the scores by which checkpoints, cases and networks are ranked, and a few further ones. Each score is a
    test, so that comparing all of them would leave no difference significant after the correction.

    Args:
        task: The task.
        score: The name of the score.
    """
    if score in (task.primary[0], task.ranking[0], task.comparison_score[0]):
        return True
    of_class = score.startswith(_BY_CLASS) and not score.endswith("_foreground")
    # The background fills most of an image, so that the specificity of a mask says little.
    is_further = score in _FURTHER and not (task.spatial and score == "specificity")
    return task.is_headline(score) and (is_further or of_class)


def is_higher_better(score: str) -> bool | None:
    """Return whether higher values of a score are better; None if neither direction is, or if it is not known.

    >>> is_higher_better("dice_lesion"), is_higher_better("hd95_mm"), is_higher_better("bias")
    (True, False, None)
    """
    for names, higher in ((_HIGHER, True), (_LOWER, False)):
        if any(score == name or score.startswith(f"{name}_") for name in names):
            return higher
    return None
