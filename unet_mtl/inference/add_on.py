"""The contract of an add-on, a feature that adds columns, counts and marks to the results of all cases."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pandas as pd

import metrics
from unet_mtl.inference.case_result import CaseResult, Extra

Summarise = Callable[[Sequence[float]], metrics.Summary]
"""Summarises one number in 0..1 per case, NaN where it is undefined, with an interval over patients."""


class AddOn(Protocol):
    """A feature that examines every case.

    What it finds is kept in `CaseResult.extras` and shown in cases.csv, predictions.csv and on pictures.
    """

    @property
    def name(self) -> str:
        """Key of the add-on in `CaseResult.extras`, in `Evaluation.added` and in summary.json."""

    def examine(self, result: CaseResult) -> Extra:
        """Examine one case.

        Args:
            result: A complete result without extras.
        """

    def count(self, extras: Sequence[Any], summarise: Summarise) -> pd.DataFrame:
        """Return the table that an evaluation shows for all cases.

        Args:
            extras: What `examine` returned for each case.
            summarise: Summary of one number per case, in the order of `extras`.
        """
