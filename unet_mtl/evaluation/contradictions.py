"""How often answers of one network contradict each other, and how often the labels themselves do."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import metrics
from unet_mtl.consistency import Rule

CONSISTENCY = "(consistency)"
"""In the column of tasks; no task can have that name."""


Checked = Sequence[str | None]
"""What `check` of each rule found in one case."""


def count_contradictions(
    rules: Sequence[Rule],
    answered: Sequence[Checked],
    labelled: Sequence[Checked],
    patients: Sequence[str],
    seed: int,
) -> list[dict[str, Any]]:
    """Two rows of `Evaluation.scores` a rule: the share of answers that contradict, and that of the labels.

    Args:
        rules: What must not be contradicted.
        answered: Of each case, what the rules found in the answers.
        labelled: Of each, what they found in the labels.
        patients: Of each case.
        seed: Of the bootstrap.

    Returns:
        `value` is the share of the n cases in which the rule can be looked at, its interval is over their patients,
        `n_undefined` counts the other cases: a mask is empty or unlabelled, or the pixel spacing is not known.
    """
    rows = []
    for index, rule in enumerate(rules):
        for what, cases in (("contradictions", answered), ("contradictions of labels", labelled)):
            found = [case[index] for case in cases]
            values = [np.nan if words is None else float(bool(words)) for words in found]
            summary = metrics.summarise(values, list(patients), seed=seed).to_dict()
            score = f"{what}: {rule.name}"
            row = {key: summary[key] for key in ("low", "high", "n", "n_undefined")}
            rows.append(
                {
                    "task": CONSISTENCY,
                    "score": score,
                    "label": score,
                    "value": summary["mean"],
                    **row,
                    "headline": True,
                }
            )
    return rows
