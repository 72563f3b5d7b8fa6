"""What is measured of answers that are numbers: of one case, and over a set; names as `by_suffix` has them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metrics import regression
from unet_mtl.tasks.base import CaseScore, CaseScores
from unet_mtl.tasks.number_coding import Number, by_suffix
from unet_mtl.tasks.predictions import Value


def score_case(
    numbers: Sequence[Number], truth: Mapping[str, float], answers: Mapping[str, Value]
) -> CaseScores:
    """Absolute and relative error of each known number; of several also their mean in train standard deviations.

    Args:
        numbers: All of the task.
        truth: The known ones, by column.
        answers: By column.
    """
    known = {suffix: number for suffix, number in by_suffix(numbers).items() if number.column in truth}
    scores: dict[str, float] = {}
    facts: dict[str, str | float] = {}
    if len(numbers) > 1:
        true = [n.standardise(truth[n.column]) for n in known.values()]
        predicted = [n.standardise(answers[n.column].value) for n in known.values()]
        scores["standardised_error"] = regression.mae(true, predicted)
    for suffix, number in known.items():
        true_value, answer = truth[number.column], answers[number.column]
        pair = [true_value], [answer.value]
        scores[f"absolute_error{suffix}"] = regression.mae(*pair)
        scores[f"relative_error{suffix}"] = float(regression.relative_errors(*pair)[0])
        facts |= {f"truth{suffix}": true_value, f"predicted{suffix}": answer.value}
        if answer.low is not None and answer.high is not None:
            facts |= {f"low{suffix}": answer.low, f"high{suffix}": answer.high}
    return CaseScores({name: CaseScore(value) for name, value in scores.items()}, facts)


def pick_facts(facts: pd.DataFrame, suffix: str) -> dict[str, NDArray[np.float64]]:
    """The facts of one number without its suffix, of the cases that have it."""
    names = ["truth", "predicted"] + ["low", "high"] * any(str(name).startswith("low") for name in facts)
    known = has_number(facts, suffix)
    if not known.any():
        return {name: np.empty(0) for name in names}
    return {name: facts[name + suffix].to_numpy(np.float64)[known] for name in names}


def has_number(facts: pd.DataFrame, suffix: str) -> NDArray[np.bool_]:
    """Of all cases, those whose number is known."""
    column = f"truth{suffix}"
    return facts[column].notna().to_numpy() if column in facts else np.zeros(len(facts), np.bool_)


def labelled(numbers: Sequence[Number], facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Of each score of the set, the cases whose number is known."""
    return {
        name + suffix: has_number(facts, suffix)
        for suffix, number in by_suffix(numbers).items()
        for name in _score_number(number, pick_facts(facts, suffix))
    }


def score_set(numbers: Sequence[Number], facts: pd.DataFrame) -> dict[str, float]:
    """Of each number error, bias, correlation, what the train median alone would give, and how intervals cover.

    Args:
        numbers: All of the task.
        facts: From `score_case`; of a number that nobody has all scores are NaN.
    """
    return {
        name + suffix: value
        for suffix, number in by_suffix(numbers).items()
        for name, value in _score_number(number, pick_facts(facts, suffix)).items()
    }


def _score_number(number: Number, found: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    true, predicted = found["truth"], found["predicted"]
    always = np.full(len(true), number.median)
    limits = regression.limits_of_agreement(true, predicted)
    scores = {
        "median_relative_error": regression.median_relative_error(true, predicted),
        "median_relative_error_of_train_median": regression.median_relative_error(true, always),
        "rmse": regression.rmse(true, predicted),
        "mae_of_train_median": regression.mae(true, always),
        "bias": limits.bias,
        "limit_of_agreement_low": limits.low,
        "limit_of_agreement_high": limits.high,
        "r2": regression.r2(true, predicted),
        "pearson": regression.pearson(true, predicted),
        "spearman": regression.spearman(true, predicted),
        "concordance": regression.concordance(true, predicted),
    }
    if "low" in found:
        scores["interval_coverage"] = regression.interval_coverage(true, found["low"], found["high"])
        scores["interval_width"] = regression.mean_interval_width(found["low"], found["high"])
    return scores
