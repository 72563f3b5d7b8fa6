"""What answers for one case must not contradict, as a user declares it; free of Keras."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

import metrics
from unet_mtl.consistency.statements import Said
from unet_mtl.settings import Settings

NO_SPACING = "pixel spacing unknown"
"""Why a diameter was not checked."""


@dataclass(frozen=True)
class Verdict:
    """What a rule finds in one case; all empty: what it looks at agrees.

    Attributes:
        way: Which of the rule's `ways` the contradiction is.
        words: The contradiction, for people.
        unknown: Why the rule was not checked.
    """

    way: str = ""
    words: str = ""
    unknown: str = ""


class Finding(Settings):
    """A class of a task: this one, or any but this one.

    Attributes:
        task: Its name.
        is_: In a config `is`; the class.
        is_not: The class that is not it.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    task: str
    is_: str | None = Field(default=None, alias="is")
    is_not: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.is_ is None) == (self.is_not is None):
            raise ValueError(
                "give one of `is` and `is_not`, the class that a mask goes with or does not go with"
            )
        return self

    @property
    def word(self) -> str:
        """The class."""
        return str(self.is_ if self.is_not is None else self.is_not)

    def holds(self, word: str) -> bool:
        """Whether an answer is the finding."""
        return (word == self.word) == (self.is_not is None)


class _MaskRule(Settings):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    mask: str
    class_: str | None = Field(default=None, alias="class")

    @property
    def region(self) -> str:
        """What is looked at, in words."""
        return self.mask if self.class_ is None else f"{self.class_} of {self.mask}"


class MaskNeeds(_MaskRule):
    """Where the mask has anything the finding must be, and the other way round.

    Attributes:
        mask: Name of a task that draws.
        class_: In a config `class`; the one class of the mask that counts; None: any but the background.
        needs: The finding.
    """

    ways: ClassVar[tuple[str, str]] = ("mask without finding", "finding without mask")
    measures: ClassVar[bool] = False

    needs: Finding

    @property
    def name(self) -> str:
        """For tables."""
        wanted = self.needs.word if self.needs.is_not is None else f"not {self.needs.word}"
        return f"{self.region} needs {self.needs.task} {wanted}"

    def check(self, case: Said) -> Verdict:
        """Looks at one case; unknown where the mask or the class is."""
        mask, word = case.region(self.mask, self.class_), case.words.get(self.needs.task)
        if mask is None:
            return Verdict(unknown=f"{self.mask} unlabelled")
        if word is None:
            return Verdict(unknown=f"{self.needs.task} unlabelled")
        drawn = bool(mask.any())
        if drawn == self.needs.holds(word):
            return Verdict()
        state = "drawn" if drawn else "empty"
        return Verdict(
            self.ways[0 if drawn else 1], f"{self.region} is {state} but {self.needs.task} is {word}"
        )


class MaskMeasures(_MaskRule):
    """The number must be about the largest diameter of the mask: the maximum Feret diameter of its largest part.

    Attributes:
        mask: Name of a task that draws.
        class_: In a config `class`; the one class of the mask that is measured; None: all but the background.
        diameter: Name of a task of one number, a length.
        tolerance: How far off it may be, as a share of the mask's diameter, above 0 and up to 1.
    """

    ways: ClassVar[tuple[str, str]] = ("number above mask", "number below mask")
    measures: ClassVar[bool] = True

    diameter: str
    tolerance: float

    @field_validator("tolerance")
    @classmethod
    def _a_share(cls, tolerance: float) -> float:
        if not 0 < tolerance <= 1:
            raise ValueError("expected a share of the mask's diameter, above 0 and up to 1: 0.25 for 25 %")
        return tolerance

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.region} measures {self.diameter}"

    def check(self, case: Said) -> Verdict:
        """Looks at one case; unknown where mask, number or pixel spacing is, or where the mask is empty."""
        mask, number = case.region(self.mask, self.class_), case.millimetres.get(self.diameter)
        if mask is None:
            return Verdict(unknown=f"{self.mask} unlabelled")
        if number is None:
            return Verdict(unknown=f"{self.diameter} unlabelled")
        if not mask.any():
            return Verdict(unknown=f"{self.mask} empty")
        if case.spacing_mm is None:
            return Verdict(unknown=NO_SPACING)
        measured = metrics.feret_diameter(mask, case.spacing_mm)
        if abs(number - measured) <= self.tolerance * measured:
            return Verdict()
        words = f"{self.diameter} is {number:.3g} mm but {self.region} measures {measured:.3g} mm"
        return Verdict(self.ways[0 if number > measured else 1], words)


def _which(content: Any) -> str | None:
    if isinstance(content, Settings):
        return f"(rule with {'diameter' if isinstance(content, MaskMeasures) else 'needs'})"
    kinds = [kind for kind in ("needs", "diameter") if isinstance(content, dict) and kind in content]
    return f"(rule with {kinds[0]})" if len(kinds) == 1 else None


Rule = Annotated[
    Annotated[MaskNeeds, Tag("(rule with needs)")] | Annotated[MaskMeasures, Tag("(rule with diameter)")],
    Discriminator(
        _which,
        custom_error_type="rule",
        custom_error_message="a rule has `mask` and either `needs` (a finding) or `diameter` (a number)",
    ),
]


def name_contradictions(verdicts: Iterable[Verdict]) -> str:
    """What the rules found in one case, with semicolons between; empty for nothing."""
    return "; ".join(verdict.words for verdict in verdicts if verdict.words)


def name_unchecked(rules: Iterable[Rule], verdicts: Iterable[Verdict]) -> str:
    """Which rules were not checked in one case, and why, with semicolons between; empty: all were."""
    pairs = zip(rules, verdicts, strict=True)
    return "; ".join(f"{rule.name}: {verdict.unknown}" for rule, verdict in pairs if verdict.unknown)
