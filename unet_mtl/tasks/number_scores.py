"""Scores and facts of predicted numbers: of one case, and over a set. Names end in the keys of `by_suffix`."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import metrics
from metrics import regression
from metrics.interval_ends import NOT_NEGATIVE, SHARE
from unet_mtl.tasks.case_scores import CaseScore, CaseScores
from unet_mtl.tasks.number import Number, by_suffix
from unet_mtl.tasks.predictions import Value
from unet_mtl.tasks.score_samples import spread


def score_case(
    numbers: Sequence[Number], truth: Mapping[str, float], answers: Mapping[str, Value]
) -> CaseScores:
    """Return the absolute and relative error of each known number.

    With several numbers there is also their mean absolute error in train standard deviations.

    Args:
        numbers: All numbers of the task.
        truth: The known numbers, by column.
        answers: The predicted numbers, by column.
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
    """Return the facts of one number, without its suffix, for the cases where the number is known."""
    names = ["truth", "predicted"] + ["low", "high"] * any(str(name).startswith("low") for name in facts)
    known = is_known(facts, suffix)
    if not known.any():
        return {name: np.empty(0) for name in names}
    return {name: facts[name + suffix].to_numpy(np.float64)[known] for name in names}


def is_known(facts: pd.DataFrame, suffix: str) -> NDArray[np.bool_]:
    """Return whether the number is known, (cases,)."""
    column = f"truth{suffix}"
    return facts[column].notna().to_numpy() if column in facts else np.zeros(len(facts), np.bool_)


def labelled_cases(numbers: Sequence[Number], facts: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return, for each score of `score_set`, the cases where the number is known."""
    return {
        name + suffix: is_known(facts, suffix)
        for suffix, number in by_suffix(numbers).items()
        for name in _score_number(number, pick_facts(facts, suffix))
    }


def score_set(numbers: Sequence[Number], facts: pd.DataFrame) -> dict[str, float]:
    """Return error, bias, correlation, errors of the train median, and coverage of intervals for each number.

    Args:
        numbers: All numbers of the task.
        facts: Facts from `score_case`, one row per case. Scores of a number that no case has are NaN.
    """
    return {
        name + suffix: value
        for suffix, number in by_suffix(numbers).items()
        for name, value in _score_number(number, pick_facts(facts, suffix)).items()
    }


def score_samples(numbers: Sequence[Number], facts: pd.DataFrame) -> dict[str, metrics.Sample]:
    """Return what the means among the scores of `score_set` are computed from, one entry a case."""
    samples: dict[str, metrics.Sample] = {}
    for suffix, number in by_suffix(numbers).items():
        known, of_number = is_known(facts, suffix), pick_facts(facts, suffix)
        true, predicted = of_number["truth"], of_number["predicted"]
        samples[f"bias{suffix}"] = metrics.Mean(spread(predicted - true, known))
        samples[f"mae_of_train_median{suffix}"] = metrics.Mean(
            spread(abs(number.median - true), known), NOT_NEGATIVE
        )
        if "low" in of_number:
            low, high = of_number["low"], of_number["high"]
            inside = spread(((low <= true) & (true <= high)).astype(np.float64), known)
            samples[f"interval_coverage{suffix}"] = metrics.Mean(inside, SHARE)
            samples[f"interval_width{suffix}"] = metrics.Mean(spread(high - low, known), NOT_NEGATIVE)
    return samples


def _score_number(number: Number, facts: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    true, predicted = facts["truth"], facts["predicted"]
    median = np.full(len(true), number.median)
    limits = regression.limits_of_agreement(true, predicted)
    scores = {
        "median_relative_error": regression.median_relative_error(true, predicted),
        "median_relative_error_of_train_median": regression.median_relative_error(true, median),
        "rmse": regression.rmse(true, predicted),
        "mae_of_train_median": regression.mae(true, median),
        "bias": limits.bias,
        "limit_of_agreement_low": limits.low,
        "limit_of_agreement_high": limits.high,
        "r2": regression.r2(true, predicted),
        "pearson": regression.pearson(true, predicted),
        "spearman": regression.spearman(true, predicted),
        "concordance": regression.concordance(true, predicted),
    }
    if "low" in facts:
        scores["interval_coverage"] = regression.interval_coverage(true, facts["low"], facts["high"])
        scores["interval_width"] = regression.mean_interval_width(facts["low"], facts["high"])
    return scores
