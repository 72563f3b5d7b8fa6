"""Analyses of an evaluation that are made on request: subgroups, and answers for patients."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from unet_mtl.data.records import Dataset
from unet_mtl.errors import ConfigError
from unet_mtl.evaluation.groups import GroupPlan, make_groups, plan_groups
from unet_mtl.evaluation.patients import evaluate_patients
from unet_mtl.evaluation.subgroups import compare_subgroups
from unet_mtl.evaluation.summary import Evaluation
from unet_mtl.progress import case_bar
from unet_mtl.tasks import AnswersPatients, Pooling, Task

_Evaluated = TypeVar("_Evaluated", bound=Evaluation)


@dataclass(frozen=True)
class Analyses:
    """What was requested, checked before the cases are predicted.

    Attributes:
        groups: The groups of cases to compare with the rest; empty for none.
        pooling: How answers are pooled over the images of a patient; None for no answers for patients.
    """

    groups: Sequence[GroupPlan] = ()
    pooling: Pooling | None = None

    @classmethod
    def plan(
        cls, dataset: Dataset, tasks: Sequence[Task[Any, Any]], by: Sequence[str], per_patient: Pooling | None
    ) -> "Analyses":
        """Check what is requested.

        Args:
            dataset: The cases to measure.
            tasks: Tasks of the run.
            by: Columns by which the cases are grouped; see `plan_groups`.
            per_patient: How answers are pooled over the images of a patient; None for no answers for patients.

        Raises:
            ConfigError: A request cannot be met by this run.
            DataError: A request cannot be met with these data.
        """
        if per_patient is not None and not any(isinstance(task, AnswersPatients) for task in tasks):
            raise ConfigError(
                "`per_patient` pools classes and numbers, and the run predicts only masks; leave it out"
            )
        return cls(plan_groups(dataset, tasks, by), per_patient)

    def add_to(
        self, evaluation: _Evaluated, tasks: Sequence[Task[Any, Any]], *, progress: bool = True
    ) -> _Evaluated:
        """Return the evaluation with the analyses.

        Args:
            evaluation: The evaluation, with its records.
            tasks: Tasks of the run.
            progress: Whether to show a progress bar.
        """
        records = evaluation.records
        if records is None or not (self.groups or self.pooling):
            return evaluation
        patients = dict(zip(evaluation.cases["case"], evaluation.cases["patient"], strict=True))
        groupings = [make_groups(plan, records, patients) for plan in self.groups]
        seed = evaluation.seed
        n = len(tasks) * sum(len(grouping.groups) for grouping in groupings)
        with case_bar("comparing groups", n, shown=progress and bool(n)) as advance:
            subgroups = compare_subgroups(tasks, records, patients, groupings, seed=seed, on_group=advance)
        return replace(
            evaluation,
            subgroups=subgroups,
            by_patient=evaluate_patients(tasks, records, patients, self.pooling, seed=seed)
            if self.pooling
            else None,
        )
