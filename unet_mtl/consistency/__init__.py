"""What answers of one network must not say of the same case, as the user declares it; free of Keras."""

from unet_mtl.consistency.rules import (
    NO_SPACING,
    Finding,
    MaskMeasures,
    MaskNeeds,
    Rule,
    Verdict,
    name_contradictions,
    name_unchecked,
)
from unet_mtl.consistency.statements import Said, said_by_answers, said_by_labels
from unet_mtl.consistency.validation import require_rules

__all__ = [
    "NO_SPACING",
    "Finding",
    "MaskMeasures",
    "MaskNeeds",
    "Rule",
    "Said",
    "Verdict",
    "name_contradictions",
    "name_unchecked",
    "require_rules",
    "said_by_answers",
    "said_by_labels",
]
