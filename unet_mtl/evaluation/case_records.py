"""What an evaluation knows about single cases: scores with flags, sizes, and a fingerprint of each label."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from unet_mtl.inference.case_result import CaseResult
from unet_mtl.tasks import CaseScore, CaseScores, Task

IMAGE_COLUMNS = ("height_px", "width_px", "row_spacing_mm", "column_spacing_mm")

SCORE_COLUMNS = (
    "case",
    "patient",
    "split",
    "task",
    "score",
    "value",
    "missed",
    "hallucinated",
    "contradiction",
    *IMAGE_COLUMNS,
)


class ImageFacts(NamedTuple):
    """The size of an image at its original size, and its spacing; NaN where there is no image or no spacing."""

    height_px: float = np.nan
    width_px: float = np.nan
    row_spacing_mm: float = np.nan
    column_spacing_mm: float = np.nan

    @classmethod
    def of(cls, result: CaseResult) -> "ImageFacts":
        """Return the facts of a result."""
        size = (np.nan, np.nan) if result.image is None else result.image.shape[:2]
        return cls(*map(float, (*size, *(result.case.spacing_mm or (np.nan, np.nan)))))


@dataclass(frozen=True)
class CaseRecords:
    """Records of the measured cases, from which tables and comparisons are made.

    Attributes:
        scores: Scores and facts by task and case, for the cases with a label of the task.
        images: Size and spacing by case.
        truths: Fingerprint of the label by task and case, from `fingerprint`.
    """

    scores: dict[str, dict[str, CaseScores]] = field(default_factory=dict)
    images: dict[str, ImageFacts] = field(default_factory=dict)
    truths: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of_tasks(cls, tasks: Sequence[Task[Any, Any]]) -> "CaseRecords":
        """Return records without cases."""
        return cls({task.name: {} for task in tasks}, {}, {task.name: {} for task in tasks})

    def add(self, result: CaseResult, tasks: Sequence[Task[Any, Any]]) -> None:
        """Score one case on each task for which it has a label, and record it.

        Args:
            result: The result of the case, which must have been predicted.
            tasks: Tasks of the run.
        """
        case = result.case.name
        self.images[case] = ImageFacts.of(result)
        for task in tasks:
            if (truth := result.truths[task.name]) is not None:
                scored = task.score_case(truth, result.answers[task.name], result.case.spacing_mm)
                self.scores[task.name][case] = scored
                self.truths[task.name][case] = fingerprint(truth)


def fingerprint(truth: Any) -> str:
    """Return 16 hexadecimal digits that differ between different labels and do not depend on the files.

    Args:
        truth: The label as `Task.read` returns it: a mask at the original size, a class index, labels or numbers.
    """
    if isinstance(truth, np.ndarray):
        content = repr((truth.dtype.str, truth.shape)).encode() + np.ascontiguousarray(truth).tobytes()
    else:
        content = repr(sorted(truth.items()) if isinstance(truth, Mapping) else truth).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def scores_of_case(task: Task[Any, Any], cases: Mapping[str, CaseScores]) -> dict[str, dict[str, CaseScore]]:
    """Return the scores of each case, with the score by which tasks without scores of cases are compared.

    Args:
        task: The task.
        cases: Scores and facts by case.

    Returns:
        Scores by name, by case. A class has `accuracy`, for example, which is 0 or 1 for a single case.
    """
    score = task.comparison_score[0]
    scores = {case: dict(scored.scores) for case, scored in cases.items()}
    lacking = {case: cases[case] for case in cases if score not in cases[case].scores}
    # Only facts are left then, which are enough for tasks without scores of single cases.
    if len(lacking) == len(cases):
        facts = pd.DataFrame([dict(scored.facts) for scored in lacking.values()], index=list(lacking))
        values = task.comparison_values(facts).tolist() if len(facts) else []
        for case, value in zip(lacking, values, strict=True):
            scores[case][score] = CaseScore(value)
    return scores


def tabulate_scores(
    tasks: Sequence[Task[Any, Any]],
    records: CaseRecords,
    cases: pd.DataFrame,
    splits: Mapping[str, str],
) -> pd.DataFrame:
    """Return one row for each case, task and score.

    Args:
        tasks: Tasks of the run.
        records: Records of the measured cases.
        cases: `Evaluation.cases`, with the patients and, for a run with rules of consistency, the contradictions.
        splits: Split by case; cases without an entry have none.

    Returns:
        The columns of `SCORE_COLUMNS`. `value` is empty where a score is undefined, `contradiction` for runs without
        rules. If `cases` has a column `refer`, it is the last one.
    """
    about = cases.set_index("case")
    further = [name for name in ("refer",) if name in about]
    rows = []
    for task in tasks:
        for case, scores in scores_of_case(task, records.scores.get(task.name, {})).items():
            of_case = about.loc[case]
            contradiction = bool(of_case["contradictions"]) if "contradictions" in about else None
            head = {
                "case": case,
                "patient": of_case["patient"],
                "split": splits.get(case, ""),
                "task": task.name,
            }
            tail = records.images.get(case, ImageFacts())._asdict() | {
                name: of_case[name] for name in further
            }
            rows += [
                head
                | {
                    "score": score,
                    "value": item.value,
                    "missed": item.missed,
                    "hallucinated": item.hallucinated,
                    "contradiction": contradiction,
                }
                | tail
                for score, item in scores.items()
            ]
    table = pd.DataFrame(rows, columns=[*SCORE_COLUMNS, *further])
    whole = ["height_px", "width_px"]
    return table.astype(dict.fromkeys(whole, "Int64"))
