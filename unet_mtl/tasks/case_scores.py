"""What an evaluation keeps of one case for one task."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CaseScore:
    """One score of one case.

    Attributes:
        value: The score, or NaN where it is undefined.
        missed: Whether the truth is non-empty and the prediction empty.
        hallucinated: Whether the truth is empty and the prediction non-empty.
    """

    value: float
    missed: bool = False
    hallucinated: bool = False


@dataclass(frozen=True)
class CaseScores:
    """Results of one case that evaluation keeps.

    Attributes:
        scores: Scores of the case, which evaluation averages over cases.
        facts: Values of the case that scores of a set are computed from, such as its true and predicted class.
    """

    scores: Mapping[str, CaseScore] = field(default_factory=dict)
    facts: Mapping[str, str | float] = field(default_factory=dict)
