"""Scores and facts of predicted masks: of one case, and pooled over a set."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from metrics.interval_ends import NOT_NEGATIVE, SHARE, Limits
from unet_mtl.tasks.case_scores import CaseScore, CaseScores

POOLED = ("dice", "iou", "precision", "recall", "mcc")
FIELDS = ("tp", "fp", "fn", "tn")
MEANS = {
    *metrics.STRUCTURE_SCORES,
    *(f"{score}_{unit}" for score in ("hd", "hd95", "assd", "masd", "surface_dice") for unit in ("mm", "px")),
    "boundary_iou",
}
"""Scores of a case that are means over the classes if there are several."""
DISTANCES = ("hd_", "hd95_", "assd_", "masd_")
SURFACE_HEADLINES = ("hd95_mm", "hd95_px", "assd_mm", "assd_px", "surface_dice_mm", "surface_dice_px")


def collect_scores(structures: Mapping[str, metrics.Structure], first_class: str) -> CaseScores:
    """Return scores and facts of one case.

    Args:
        structures: Results of `metrics.score_mask` or `metrics.score_overlapping`.
        first_class: The key that facts have in place of an empty key, as there is with a single class.
    """
    scores = {
        f"{score}_{key}" if key else score: CaseScore(value, structure.missed, structure.hallucinated)
        for key, structure in structures.items()
        for score, value in structure.scores.items()
    }
    facts = {
        f"{key or first_class}_{name}": int(getattr(structure.counts, name))
        for key, structure in structures.items()
        if structure.counts is not None
        for name in FIELDS
    }
    return CaseScores(scores, facts)


def limits_of(score: str) -> Limits:
    """Return the smallest and the largest possible value of a score of `collect_scores`."""
    if score.startswith(DISTANCES):
        return NOT_NEGATIVE
    return (-1.0, 1.0) if score.startswith("mcc") else SHARE


def counts_by_class(facts: pd.DataFrame) -> dict[str, metrics.Counts]:
    """Return the pixel counts of each case, (cases,), by class and, with several classes, of their union."""
    return {
        key: metrics.Counts(*(facts[f"{key}_{name}"].to_numpy() for name in FIELDS)) for key in _keys(facts)
    }


def pooled_scores(facts: pd.DataFrame, *, several: bool) -> dict[str, float]:
    """Return overlap scores of the pixels of all cases together, where large structures count more.

    Args:
        facts: Facts of the cases, one row each.
        several: Whether there are several classes besides the background, so that names end in the class.

    Returns:
        Scores by name, NaN for a class that occurs in neither truth nor prediction.
    """
    scores: dict[str, float] = {}
    for key in _keys(facts):
        sums = (np.asarray(facts[f"{key}_{name}"].sum(), np.int64) for name in FIELDS)
        counts = metrics.Counts(*sums)
        occurs = counts.tp + counts.fp + counts.fn > 0
        scores |= {
            name: float(metrics.STRUCTURE_SCORES[score](counts)) if occurs else math.nan
            for score, name in _pooled_names(key, several).items()
        }
    return scores


def pooled_cases(facts: pd.DataFrame, *, several: bool) -> dict[str, NDArray[np.bool_]]:
    """Return, for each score of `pooled_scores`, the cases with the class in truth or prediction."""
    return {
        name: np.asarray(facts[[f"{key}_{field}" for field in ("tp", "fp", "fn")]].sum(axis=1) > 0)
        for key in _keys(facts)
        for name in _pooled_names(key, several).values()
    }


def _keys(facts: pd.DataFrame) -> list[str]:
    """Return the keys of the classes and, with several classes, of their union."""
    return [column.removesuffix("_tp") for column in facts.columns if column.endswith("_tp")]


def _pooled_names(key: str, several: bool) -> dict[str, str]:
    suffix = f"_{key}" if several else ""
    return {score: f"pooled_{score}{suffix}" for score in POOLED}
