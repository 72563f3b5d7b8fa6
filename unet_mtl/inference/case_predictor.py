"""What an evaluation needs of a predictor: that of a run, or one that leaves each case to another run."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.inference.add_on import AddOn
from unet_mtl.inference.case_result import Case, CaseResult
from unet_mtl.tasks import Task


class CasePredictor(Protocol):
    """Predicts cases of a data set, like `Predictor`."""

    @property
    def tasks(self) -> Sequence[Task[Any, Any]]:
        """The adapted tasks."""

    @property
    def inputs(self) -> Inputs:
        """The inputs of the network."""

    @property
    def add_ons(self) -> Sequence[AddOn]:
        """The features that examine every case."""

    def tasks_of(self, case: Case) -> Sequence[Task[Any, Any]]:
        """Return the tasks by which a case is scored, adapted to the train cases of its network."""

    def predict(self, cases: Iterable[Case]) -> Iterator[CaseResult]:
        """Predict the cases, in their order."""
