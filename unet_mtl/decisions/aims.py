"""What a threshold is chosen for: best F1 or Youden index, a least sensitivity or specificity, or the least cost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.errors import ConfigError
from unet_mtl.tasks import Task

Numbers: TypeAlias = NDArray[np.float64]
Kind = Literal["f1", "youden", "sensitivity", "specificity", "cost"]

EXPECTED = (
    "f1, youden, sensitivity>=0.95, specificity>=0.9, or cost:FP,FN such as cost:1,5 (cost:0,1,5/1,0,2/9,4,0 for three "
    "classes: a row for each true class)"
)
_ROUNDING = 1e-12
_LEAST = re.compile(r"(sensitivity|specificity)\s*>=\s*(\d*\.?\d+)")
_FOR = re.compile(r"(?P<task>[A-Za-z]\w*)(?:\.(?P<part>[^=<>:]+?))?\s*=\s*(?P<aim>[^=].*)")


@dataclass(frozen=True)
class Candidates:
    """Scores of the candidates that a threshold is chosen from, each (candidates,).

    Attributes:
        f1: F1, which for masks is Dice.
        sensitivity: The sensitivity.
        specificity: The specificity.
        false_positives: The number of false positives; of masks, the mean over images.
        false_negatives: The number of false negatives, likewise.
    """

    f1: Numbers
    sensitivity: Numbers
    specificity: Numbers
    false_positives: Numbers
    false_negatives: Numbers

    @classmethod
    def of_set(cls, counts: metrics.Counts) -> Self:
        """Return the scores of one set of cases from counts (candidates,)."""
        return cls(
            metrics.f1(counts),
            metrics.recall(counts),
            metrics.specificity(counts),
            np.asarray(counts.fp, np.float64),
            np.asarray(counts.fn, np.float64),
        )

    @classmethod
    def of_images(cls, counts: metrics.Counts) -> Self:
        """Return means over images, without those where a score is undefined, from counts (images, candidates)."""
        return cls(
            mean_of_defined(metrics.dice(counts)),
            mean_of_defined(metrics.recall(counts)),
            mean_of_defined(metrics.specificity(counts)),
            np.asarray(counts.fp, np.float64).mean(0),
            np.asarray(counts.fn, np.float64).mean(0),
        )

    def at(self, index: int) -> dict[str, float]:
        """Return sensitivity and specificity of one candidate."""
        return {
            "sensitivity": float(self.sensitivity[index]),
            "specificity": float(self.specificity[index]),
        }


def mean_of_defined(values: NDArray[np.floating[Any]]) -> Numbers:
    """Return means over the first axis without NaN; NaN where nothing is defined."""
    defined = ~np.isnan(values)
    n = defined.sum(0)
    sums = np.where(defined, values, 0).sum(0)
    return np.asarray(np.divide(sums, n, out=np.full(sums.shape, np.nan), where=n > 0))


@dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for.

    Attributes:
        kind: What is made as good as possible, or kept above `least`.
        least: The least sensitivity or specificity, while the other one is made as high as possible.
        costs: For "cost" with two classes the costs of a false positive and a false negative, ((fp, fn),); with
            several, a row for each true class with the cost of each answer.
    """

    kind: Kind
    least: float = 0.0
    costs: tuple[tuple[float, ...], ...] = ()

    def __str__(self) -> str:
        if self.kind == "cost":
            return "cost:" + "/".join(",".join(f"{cost:g}" for cost in row) for row in self.costs)
        return f"{self.kind}>={self.least:g}" if self.least else self.kind

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the aim from its text.

        Raises:
            ConfigError: The text is not an aim.
        """
        text = text.strip()
        if text in ("f1", "youden"):
            return cls("f1" if text == "f1" else "youden")
        found = _LEAST.fullmatch(text)
        if found and 0 < float(found[2]) <= 1:
            return cls("sensitivity" if found[1] == "sensitivity" else "specificity", float(found[2]))
        if text.startswith("cost:"):
            return cls("cost", costs=_read_costs(text))
        raise ConfigError(f"{text!r} is not an `aim`; expected {EXPECTED}")

    @property
    def score(self) -> str:
        """The name of the score that the aim is about."""
        return {"sensitivity": "specificity", "specificity": "sensitivity"}.get(self.kind, self.kind)

    def values(self, candidates: Candidates) -> Numbers:
        """Return the score of each candidate by which the aim chooses, where more is better except for a cost."""
        if self.kind == "youden":
            return np.asarray(candidates.sensitivity + candidates.specificity - 1)
        if self.kind == "cost":
            fp, fn = self.costs[0]
            return np.asarray(fp * candidates.false_positives + fn * candidates.false_negatives)
        return np.asarray(getattr(candidates, self.score))

    def choose(self, candidates: Candidates, thresholds: Numbers, untuned: float) -> int | None:
        """Return the index of the best candidate.

        Args:
            candidates: Scores by candidate.
            thresholds: The threshold of each candidate.
            untuned: The threshold without tuning. Of equally good candidates the one nearest to it is chosen, so that
                nothing changes without a gain.

        Returns:
            The index; None if no candidate reaches the least sensitivity or specificity, except one that answers all
            cases alike, or if the score is undefined.
        """
        values = -self.values(candidates) if self.kind == "cost" else self.values(candidates)
        allowed = ~np.isnan(values)
        if self.least:
            allowed &= getattr(candidates, self.kind) >= self.least - _ROUNDING
            allowed &= values > 0
        if not allowed.any():
            return None
        best = np.where(allowed, values, -np.inf)
        tied = np.flatnonzero(best >= best.max() - _ROUNDING)
        if self.least:  # of equal scores the one with the higher of the other
            other = getattr(candidates, self.kind)[tied]
            tied = tied[other >= other.max() - _ROUNDING]
        return int(tied[np.abs(thresholds[tied] - untuned).argmin()])


def _read_costs(text: str) -> tuple[tuple[float, ...], ...]:
    try:
        rows = tuple(tuple(map(float, row.split(","))) for row in text.removeprefix("cost:").split("/"))
    except ValueError:
        rows = ()
    flat = [cost for row in rows for cost in row]
    is_pair = len(rows) == 1 and len(flat) == 2
    is_matrix = len(rows) > 2 and {len(row) for row in rows} == {len(rows)}
    if not (is_pair or is_matrix) or not all(0 <= cost < float("inf") for cost in flat) or not any(flat):
        raise ConfigError(f"{text!r} is not an `aim`; expected {EXPECTED}, with finite costs from 0 on")
    return rows


class Aims:
    """The aims of a run: one for all tasks, and others for single tasks or parts of them.

    Args:
        texts: Aims such as "f1", "TASK=youden" or "TASK.PART=sensitivity>=0.95", where a part is a label or class.
        tasks: The tasks of the run.
        parts: Names of the parts of each task; a task without an entry is not tuned.

    Raises:
        ConfigError: An aim cannot be read, or names no task or part. All problems are in the message.
    """

    def __init__(
        self, texts: Sequence[str], tasks: Sequence[Task[Any, Any]], parts: Mapping[str, Sequence[str]]
    ) -> None:
        self.default = Aim("f1")
        self._own: dict[tuple[str, str], Aim] = {}
        problems: list[str] = []
        for text in texts:
            try:
                self._add(text, [task.name for task in tasks], parts)
            except ConfigError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError("\n".join(problems))

    def _add(self, text: str, names: Sequence[str], parts: Mapping[str, Sequence[str]]) -> None:
        found = _FOR.fullmatch(text.strip())
        if found is None:
            self.default = Aim.parse(text)
            return
        task, part = found["task"], (found["part"] or "").strip()
        if task not in names:
            raise ConfigError(f"`aim` {text!r}: there is no task {task!r}; there is {', '.join(names)}")
        if task not in parts:
            raise ConfigError(f"`aim` {text!r}: task {task!r} has no threshold; leave its aim out")
        if part and part not in parts[task]:
            known = ", ".join(map(repr, parts[task]))
            raise ConfigError(
                f"`aim` {text!r}: task {task!r} has no part {part!r}; "
                + (f"it has {known}" if known else "it has one threshold, so write its name alone")
            )
        self._own[task, part] = Aim.parse(found["aim"])

    def of(self, task: str, part: str = "") -> Aim:
        """Return the aim of a part, or else of its task, or else of all."""
        return self._own.get((task, part)) or self._own.get((task, "")) or self.default

    def own_parts(self, task: str) -> list[str]:
        """Return the parts of a task that have an aim of their own."""
        return [part for name, part in self._own if name == task and part]
