"""Consistency rules: which answers for the same case contradict each other, as the user declares it; without Keras."""

from unet_mtl.consistency.rules import (
    NO_SPACING,
    ClassCondition,
    MaskMeasures,
    MaskNeeds,
    Rule,
    Verdict,
    name_contradictions,
    name_unchecked,
    needs_spacing,
)
from unet_mtl.consistency.statements import CaseStatements, statements_of_answers, statements_of_labels
from unet_mtl.consistency.validation import require_rules

__all__ = [
    "NO_SPACING",
    "CaseStatements",
    "ClassCondition",
    "MaskMeasures",
    "MaskNeeds",
    "Rule",
    "Verdict",
    "name_contradictions",
    "name_unchecked",
    "needs_spacing",
    "require_rules",
    "statements_of_answers",
    "statements_of_labels",
]
