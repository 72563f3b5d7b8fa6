"""Predictions out of fold: each case is predicted by the network that was not trained on its patient."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from unet_mtl.batches.inputs.inputs import Inputs
from unet_mtl.data.records import Dataset, read_dataset
from unet_mtl.errors import DataError, RunError
from unet_mtl.inference.add_on import AddOn
from unet_mtl.inference.case_result import Case, CaseResult
from unet_mtl.inference.predictor import Predictor
from unet_mtl.runs.folds import FoldsFolder
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of, name_some


class OutOfFold:
    """Leaves each case to the predictor of the fold that it belongs to.

    Tasks, inputs and add-ons are those of the first fold. The tasks of the others differ in constants of their train
    cases only, which are used to decode and to score their answers.

    Args:
        load: Function that returns the predictor of a fold; it is called once for each.
        fold_of: The fold of each case, by case name.

    Raises:
        RunError: The networks have different tasks.
    """

    def __init__(self, load: Callable[[int], Predictor], fold_of: Mapping[str, int]) -> None:
        self.fold_of = dict(fold_of)
        self.predictors = {number: load(number) for number in sorted(set(self.fold_of.values()))}
        self._first = next(iter(self.predictors.values()))
        expected = [(task.kind, task.name, task.target_names) for task in self._first.tasks]
        for number, predictor in self.predictors.items():
            found = [(task.kind, task.name, task.target_names) for task in predictor.tasks]
            if found != expected:
                names = [", ".join(name for _, name, _ in tasks) for tasks in (found, expected)]
                raise RunError(
                    f"the network of fold {number} has other tasks ({names[0]}) than the first ({names[1]}); train the "
                    "folds again"
                )

    @property
    def tasks(self) -> Sequence[Task[Any, Any]]:
        """The tasks of the first fold."""
        return self._first.tasks

    @property
    def inputs(self) -> Inputs:
        """The inputs of the first fold, which read the same columns as the others."""
        return self._first.inputs

    @property
    def add_ons(self) -> Sequence[AddOn]:
        """The add-ons of the first fold."""
        return self._first.add_ons

    def tasks_of(self, case: Case) -> Sequence[Task[Any, Any]]:
        """Return the tasks of the fold of a case.

        Raises:
            DataError: The case is in no fold.
        """
        return self.predictors[self._find_fold(case)].tasks

    def predict(self, cases: Iterable[Case]) -> Iterator[CaseResult]:
        """Predict the cases, in their order; consecutive cases of one fold share batches.

        Raises:
            DataError: A case is in no fold.
        """
        for number, of_fold in groupby(cases, key=self._find_fold):
            yield from self.predictors[number].predict(of_fold)

    def _find_fold(self, case: Case) -> int:
        if case.name not in self.fold_of:
            raise DataError(f"case {case.name!r} is in no fold, so that no network can measure it")
        return self.fold_of[case.name]


def read_cases(folds: FoldsFolder) -> Dataset:
    """Read the cases of all folds, in the order of the folds.

    Raises:
        DataError: The data have changed since the training, or a case of a fold is missing.
    """
    dataset = read_dataset(folds.runs[0].read_description())
    if dataset.fingerprint() != folds.read_data_hash():
        raise DataError(
            f"{dataset.description.root}: the data have changed since the folds of {folds.path} were trained on them; "
            "restore them, or train the folds again"
        )
    table = folds.read_folds()
    fold_of = dict(zip(table["case"], table["fold"], strict=True))
    odd = sorted(set(fold_of) ^ {record.case for record in dataset})
    if odd:
        raise DataError(
            f"{folds.table}: {count_of(len(odd), 'case')} of the data or of the table without a partner in the other: "
            f"{name_some(odd)}; train the folds again"
        )
    return dataset.only(sorted(dataset, key=lambda record: fold_of[record.case]))


def load_out_of_fold(folds: FoldsFolder, *, tuned: bool = True) -> OutOfFold:
    """Load the networks of all folds.

    Args:
        folds: The folder of the folds.
        tuned: Whether the decisions that `tune` stored in a run are applied to its cases.

    Raises:
        RunError: A network cannot be loaded, or the networks have different tasks.
    """
    table = folds.read_folds()
    return OutOfFold(
        lambda number: Predictor.load(folds.run(number), tuned=tuned),
        dict(zip(table["case"], table["fold"], strict=True)),
    )
