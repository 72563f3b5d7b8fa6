"""The add-on of the consistency rules: how often, and how, answers and labels of a case contradict each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from unet_mtl.consistency import (
    NO_SPACING,
    Rule,
    Verdict,
    name_contradictions,
    name_unchecked,
    statements_of_answers,
    statements_of_labels,
)
from unet_mtl.inference.add_on import Summarise
from unet_mtl.inference.case_result import Answers, CaseResult, Marks
from unet_mtl.tasks import Task

ANY = "any"
"""Value in the column `contradiction` for contradictions of any kind."""

FRAME = "#d62728"
"""Colour of the frame around a picture with contradicting answers."""

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


@dataclass(frozen=True)
class CaseVerdicts:
    """Verdicts of all rules for one case.

    Attributes:
        rules: The rules.
        answers: Verdict of each rule on the answers.
        labels: Verdict of each rule on the labels; empty for a case without a record.
    """

    rules: tuple[Rule, ...]
    answers: tuple[Verdict, ...]
    labels: tuple[Verdict, ...] = ()

    def cells(self) -> dict[str, str | float]:
        """Return the columns `contradictions`, `not_checked` and, with a record, `contradictions_of_labels`."""
        cells: dict[str, str | float] = {
            "contradictions": name_contradictions(self.answers),
            "not_checked": name_unchecked(self.rules, self.answers),
        }
        if self.labels:
            cells["contradictions_of_labels"] = name_contradictions(self.labels)
        return cells

    def marks(self) -> Marks:
        """Return a line for each contradiction of the answers, with a red frame, and one for unchecked diameters."""
        lines = [f"CONTRADICTION: {verdict.words}" for verdict in self.answers if verdict.words]
        frame = FRAME if lines else ""
        if any(verdict.unknown == NO_SPACING for verdict in self.answers):
            lines.append(f"diameter not checked: {NO_SPACING}")
        return Marks(tuple(lines), frame)


class Contradictions:
    """Checks the consistency rules of a run.

    Args:
        rules: The rules.
        tasks: Tasks of the run, by which labels are understood.
    """

    name = "contradictions"

    def __init__(self, rules: Sequence[Rule], tasks: Sequence[Task[Any, Any]]) -> None:
        self.rules = tuple(rules)
        self.tasks = tuple(tasks)

    def check(self, answers: Answers, spacing_mm: tuple[float, float] | None) -> tuple[Verdict, ...]:
        """Return the verdict of each rule on the answers for one case.

        Args:
            answers: Predictions by task name.
            spacing_mm: Distance between neighbouring (rows, columns) in mm; None if unknown.
        """
        statements = statements_of_answers(answers, spacing_mm)
        return tuple(rule.check(statements) for rule in self.rules)

    def examine(self, result: CaseResult) -> CaseVerdicts:
        """Check the answers and, for a case with a record, the labels."""
        case = result.case
        answers = self.check(result.answers, case.spacing_mm)
        if case.record is None or case.description is None:
            return CaseVerdicts(self.rules, answers)
        statements = statements_of_labels(self.tasks, result.truths, case.record, case.description)
        return CaseVerdicts(self.rules, answers, tuple(rule.check(statements) for rule in self.rules))

    def count(self, extras: Sequence[CaseVerdicts], summarise: Summarise) -> pd.DataFrame:
        """Count the contradictions by rule and kind.

        Args:
            extras: Verdicts of each case; every case has a record.
            summarise: Summary of one number per case.

        Returns:
            For each rule, for answers and for labels, one row for contradictions of any kind and one for each kind,
            such as "mask without finding". `share` is n_contradictions divided by n_checked, NaN if nothing was
            checked; `low` and `high` are its 95 % interval over patients. `why_not_checked` counts the
            reasons, as in "3 mask unlabelled".
        """
        rows = [
            {
                "rule": rule.name,
                "of": of,
                "contradiction": way,
                **_count([verdicts[index] for verdicts in cases], way, summarise),
            }
            for index, rule in enumerate(self.rules)
            for of, cases in (
                ("answers", [extra.answers for extra in extras]),
                ("labels", [extra.labels for extra in extras]),
            )
            for way in (ANY, *rule.ways)
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))


def _count(verdicts: Sequence[Verdict], way: str, summarise: Summarise) -> dict[str, Any]:
    values = [
        np.nan if verdict.unknown else float(verdict.way == way or (way == ANY and bool(verdict.way)))
        for verdict in verdicts
    ]
    summary = summarise(values)
    reasons = Counter(verdict.unknown for verdict in verdicts if verdict.unknown)
    return {
        "n_contradictions": int(np.nansum(values)),
        "n_checked": summary.n,
        "n_not_checked": summary.n_undefined,
        "share": summary.mean,
        "low": summary.low,
        "high": summary.high,
        "why_not_checked": ", ".join(f"{n} {reason}" for reason, n in reasons.items()),
    }
