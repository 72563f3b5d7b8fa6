"""How often answers of one network contradict each other, and how often the labels themselves do."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

import metrics
from unet_mtl.consistency import Rule, Verdict
from unet_mtl.evaluation.summary import LEVEL, METHOD, RESAMPLES

ANY = "any"
"""In the column `contradiction`: all ways together."""

COLUMNS = (
    "rule",
    "of",
    "contradiction",
    "n_contradictions",
    "n_checked",
    "n_not_checked",
    "share",
    "low",
    "high",
    "why_not_checked",
)

Verdicts = Sequence[Verdict]
"""Of each rule, in one case."""


def count_contradictions(
    rules: Sequence[Rule],
    answered: Sequence[Verdicts],
    labelled: Sequence[Verdicts],
    patients: Sequence[str],
    seed: int,
) -> pd.DataFrame:
    """Counts them by rule and by the way in which the two parts of a rule disagree.

    Args:
        rules: What must not be contradicted.
        answered: Of each case, what the rules found in the answers.
        labelled: Of each, what they found in the labels.
        patients: Of each case.
        seed: Of the bootstrap.

    Returns:
        For each rule, of answers and of labels, a row of any contradiction and one of each way, such as "mask without
        finding". `share` is n_contradictions of n_checked, NaN where nothing was, and `low` and `high` its 95 %
        bootstrap interval over patients. `why_not_checked` counts the reasons, as in "3 mask unlabelled".
    """
    rows = [
        {
            "rule": rule.name,
            "of": of,
            "contradiction": way,
            **_count([case[index] for case in cases], way, patients, seed),
        }
        for index, rule in enumerate(rules)
        for of, cases in (("answers", answered), ("labels", labelled))
        for way in (ANY, *rule.ways)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _count(found: Verdicts, way: str, patients: Sequence[str], seed: int) -> dict[str, Any]:
    values = [
        np.nan if verdict.unknown else float(verdict.way == way or (way == ANY and bool(verdict.way)))
        for verdict in found
    ]
    summary = metrics.summarise(
        values, list(patients), resamples=RESAMPLES["cases"], seed=seed, level=LEVEL, method=METHOD
    )
    reasons = Counter(verdict.unknown for verdict in found if verdict.unknown)
    return {
        "n_contradictions": int(np.nansum(values)),
        "n_checked": summary.n,
        "n_not_checked": summary.n_undefined,
        "share": summary.mean,
        "low": summary.low,
        "high": summary.high,
        "why_not_checked": ", ".join(f"{n} {reason}" for reason, n in reasons.items()),
    }
