"""What is compared: the records of each run, which must be of the same cases with the same labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unet_mtl.errors import DataError
from unet_mtl.evaluation.case_records import CaseRecords
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of, name_some


@dataclass(frozen=True)
class Entrant:
    """One run, or the masks of another program.

    Attributes:
        name: The name in tables.
        tasks: Its tasks by name.
        records: Records of its evaluation.
        patients: Patient by measured case.
    """

    name: str
    tasks: Mapping[str, Task[Any, Any]]
    records: CaseRecords
    patients: Mapping[str, str]


def require_same_cases(entrants: Sequence[Entrant]) -> list[str]:
    """Check that all were measured on the same cases with the same labels.

    Args:
        entrants: Two or more; each is compared with the first one.

    Returns:
        The names of the tasks that all have, in the order of the first.

    Raises:
        DataError: Cases, patients, labels, masks or classes differ, or no task is shared; all differences are listed.
    """
    first = entrants[0]
    shared = [name for name in first.tasks if all(name in other.tasks for other in entrants)]
    problems: list[str] = []
    for other in entrants[1:]:
        problems += _compare_cases(first, other)
        for task in shared:
            problems += _compare_labels(first, other, task)
    if not shared:
        names = "; ".join(f"{entrant.name} has {', '.join(entrant.tasks)}" for entrant in entrants)
        problems.append(
            f"no task is shared, so nothing can be compared: {names}; give runs with a common task"
        )
    if problems:
        raise DataError(problems)
    return shared


def _compare_cases(first: Entrant, other: Entrant) -> list[str]:
    problems = []
    for one, two in ((first, other), (other, first)):
        only = [case for case in one.patients if case not in two.patients]
        if only:
            problems.append(
                f"cases of {one.name} that were not measured with {two.name}: {len(only)} ({name_some(only)}); "
                "compare runs with the same split of the same data"
            )
    moved = [case for case, p in first.patients.items() if other.patients.get(case, p) != p]
    if moved:
        problems.append(
            f"cases of other patients in {other.name} than in {first.name}: {len(moved)} ({name_some(moved)}); "
            "use one table of patients"
        )
    return problems


def _compare_labels(first: Entrant, other: Entrant, task: str) -> list[str]:
    classes = [getattr(entrant.tasks[task], "classes", ()) for entrant in (first, other)]
    if classes[0] != classes[1]:
        return [
            f"task {task!r} has the classes {classes[0]} in {first.name} and {classes[1]} in {other.name}; compare "
            "runs that learned the same classes"
        ]
    problems = []
    one, two = (entrant.records.truths.get(task, {}) for entrant in (first, other))
    both = [case for case in one if case in two]
    differing = [case for case in both if one[case] != two[case]]
    if differing:
        problems.append(
            f"task {task!r}: the label or mask of {count_of(len(differing), 'case')} differs between {first.name} and "
            f"{other.name}: {name_some(differing)}; evaluate both on the same labels"
        )
    for here, there, mine, theirs in ((first, other, one, two), (other, first, two, one)):
        only = [case for case in mine if case not in theirs and case in there.patients]
        if only:
            problems.append(
                f"task {task!r}: cases with a label for {here.name} and none for {there.name}: {len(only)} "
                f"({name_some(only)}); evaluate both on the same labels"
            )
    return problems
