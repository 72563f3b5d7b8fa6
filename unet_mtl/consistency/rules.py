"""Rules that the answers for one case must not contradict, as a user declares them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

import metrics
from unet_mtl.consistency.statements import CaseStatements
from unet_mtl.settings import Settings

NO_SPACING = "pixel spacing unknown"
"""Reason why a diameter was not checked."""


@dataclass(frozen=True)
class Verdict:
    """Outcome of one rule for one case. All fields are empty if the rule is satisfied.

    Attributes:
        way: Kind of contradiction, one of the rule's `ways`.
        words: Description of the contradiction.
        unknown: Reason why the rule could not be checked.
    """

    way: str = ""
    words: str = ""
    unknown: str = ""


class ClassCondition(Settings):
    """Condition that a task predicts one class, or any other class; public as `um.Finding`.

    Attributes:
        task: Name of the task.
        is_: Class that satisfies the condition; `is` in a config.
        is_not: Class that does not satisfy the condition, whereas all others do.
    """

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    task: str
    is_: str | None = Field(default=None, alias="is")
    is_not: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.is_ is None) == (self.is_not is None):
            raise ValueError(
                "give one of `is` and `is_not`, the class that a mask goes with or does not go with"
            )
        return self

    @property
    def class_name(self) -> str:
        """Class that the condition names."""
        return str(self.is_ if self.is_not is None else self.is_not)

    def holds(self, predicted: str) -> bool:
        """Return whether a class satisfies the condition."""
        return (predicted == self.class_name) == (self.is_not is None)


class _MaskRule(Settings):
    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)

    mask: str
    class_: str | None = Field(default=None, alias="class")

    @property
    def region(self) -> str:
        """Description of the region that the rule looks at."""
        return self.mask if self.class_ is None else f"{self.class_} of {self.mask}"


class MaskNeeds(_MaskRule):
    """Rule that the mask is non-empty if and only if the finding holds.

    Attributes:
        mask: Name of a task that predicts a mask.
        class_: Class of the mask that counts; None for any class except the background; `class` in a config.
        needs: The finding, a condition on the class that another task predicts.
    """

    ways: ClassVar[tuple[str, str]] = ("mask without finding", "finding without mask")
    measures: ClassVar[bool] = False

    needs: ClassCondition

    @property
    def name(self) -> str:
        """Name of the rule, as shown in tables."""
        condition = self.needs.class_name if self.needs.is_not is None else f"not {self.needs.class_name}"
        return f"{self.region} needs {self.needs.task} {condition}"

    def check(self, case: CaseStatements) -> Verdict:
        """Check one case. The rule cannot be checked if the mask or the class is unknown."""
        mask, predicted = case.region(self.mask, self.class_), case.classes.get(self.needs.task)
        if mask is None:
            return Verdict(unknown=f"{self.mask} unlabelled")
        if predicted is None:
            return Verdict(unknown=f"{self.needs.task} unlabelled")
        drawn = bool(mask.any())
        if drawn == self.needs.holds(predicted):
            return Verdict()
        state = "drawn" if drawn else "empty"
        return Verdict(
            self.ways[0 if drawn else 1], f"{self.region} is {state} but {self.needs.task} is {predicted}"
        )


class MaskMeasures(_MaskRule):
    """Rule that a predicted length agrees with the maximum Feret diameter of the mask's largest component.

    Attributes:
        mask: Name of a task that predicts a mask.
        class_: Class of the mask that is measured; None for all classes except the background; `class` in a config.
        diameter: Name of a task that predicts one number, a length.
        tolerance: Largest accepted difference, as a share of the mask's diameter, above 0 and up to 1.
    """

    ways: ClassVar[tuple[str, str]] = ("number above mask", "number below mask")
    measures: ClassVar[bool] = True

    diameter: str
    tolerance: float

    @field_validator("tolerance")
    @classmethod
    def _require_share(cls, tolerance: float) -> float:
        if not 0 < tolerance <= 1:
            raise ValueError("expected a share of the mask's diameter, above 0 and up to 1: 0.25 for 25 %")
        return tolerance

    @property
    def name(self) -> str:
        """Name of the rule, as shown in tables."""
        return f"{self.region} measures {self.diameter}"

    def check(self, case: CaseStatements) -> Verdict:
        """Check one case.

        The rule cannot be checked if the mask, the number or the pixel spacing is unknown, or if the mask is empty.
        """
        mask, length_mm = case.region(self.mask, self.class_), case.lengths_mm.get(self.diameter)
        if mask is None:
            return Verdict(unknown=f"{self.mask} unlabelled")
        if not mask.any():
            return Verdict(unknown=f"{self.mask} empty")
        if case.spacing_mm is None:
            return Verdict(unknown=NO_SPACING)
        if length_mm is None:
            return Verdict(unknown=f"{self.diameter} unlabelled")
        measured = metrics.feret_diameter(mask, case.spacing_mm)
        if abs(length_mm - measured) <= self.tolerance * measured:
            return Verdict()
        words = f"{self.diameter} is {length_mm:.3g} mm but {self.region} measures {measured:.3g} mm"
        return Verdict(self.ways[0 if length_mm > measured else 1], words)


def _kind_of(content: Any) -> str | None:
    if isinstance(content, Settings):
        return f"(rule with {'diameter' if isinstance(content, MaskMeasures) else 'needs'})"
    kinds = [kind for kind in ("needs", "diameter") if isinstance(content, dict) and kind in content]
    return f"(rule with {kinds[0]})" if len(kinds) == 1 else None


Rule = Annotated[
    Annotated[MaskNeeds, Tag("(rule with needs)")] | Annotated[MaskMeasures, Tag("(rule with diameter)")],
    Discriminator(
        _kind_of,
        custom_error_type="rule",
        custom_error_message="a rule has `mask` and either `needs` (a finding) or `diameter` (a number)",
    ),
]


def needs_spacing(rules: Iterable[Rule]) -> bool:
    """Return whether any of the rules measures a mask and thus needs the pixel spacing."""
    return any(rule.measures for rule in rules)


def name_contradictions(verdicts: Iterable[Verdict]) -> str:
    """Return the contradictions of one case, separated by semicolons; empty if there are none."""
    return "; ".join(verdict.words for verdict in verdicts if verdict.words)


def name_unchecked(rules: Iterable[Rule], verdicts: Iterable[Verdict]) -> str:
    """Return the rules that were not checked for one case, with the reasons, separated by semicolons.

    Args:
        rules: The rules.
        verdicts: Verdict of each rule, in the same order.

    Returns:
        The text; empty if all rules were checked.
    """
    pairs = zip(rules, verdicts, strict=True)
    return "; ".join(f"{rule.name}: {verdict.unknown}" for rule, verdict in pairs if verdict.unknown)
