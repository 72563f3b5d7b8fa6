"""The choice of tasks: one for each mask, and one for each column that looks like a target."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from unet_mtl.prepare.drafting.columns import Column
from unet_mtl.prepare.drafting.draft import Draft
from unet_mtl.prepare.drafting.vocabulary import (
    ACQUISITION_WORDS,
    GRADE_WORDS,
    MEASURE_WORDS,
    TARGET_WORDS,
    has_word,
)
from unet_mtl.tasks.base import RESERVED_NAMES
from unet_mtl.wording import name_some

_FEW_MASKS = 0.1
_FEW_CASES = 10
SIZE_UNITS = ("mm", "cm", "um", "px", "mm2", "cm2", "mm3", "cm3", "ml")
"""Units of lengths, areas and volumes among those that names of columns end in."""

_KNOWN_BEFORE = "probably known before the image is read: an input rather than a target"
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_START = re.compile(r"^(?:\d+(?:st|nd|rd|th)_)?[\d_]*")
"""Numbers at the start of a name, which the name of a task may not have, as in 1st_manual."""

_MAYBE = "a possible target"


@dataclass(frozen=True)
class TaskChoice:
    """A possible task.

    Attributes:
        kind: Kind of the task.
        target: Name of the mask or column.
        name: Name of the task.
        settings: Settings beside kind, name and target, as YAML.
        because: The reason for the choice.
        doubt: The reason why the task is written as a comment, or empty.
    """

    kind: str
    target: str
    name: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    because: str = ""
    doubt: str = ""


def choose_tasks(draft: Draft) -> list[TaskChoice]:
    """Choose tasks: for masks first, then for classes, then for numbers. Doubtful ones have a reason in `doubt`."""
    rows = draft.table.rows if draft.table else None
    if not draft.images:
        return _name(_choose_for_inputs(draft))
    columns = [column for column in draft.columns if column.kind != "other"]
    classes = [_choose_for_classes(column, rows) for column in columns if column.kind == "classes"]
    numbers = [_choose_for_numbers(column, rows) for column in columns if column.kind == "numbers"]
    return _name([*_choose_for_masks(draft), *_decide(classes, rows), *numbers])


def _choose_for_inputs(draft: Draft) -> list[TaskChoice]:
    """Return a task for each column of a table without images that the network does not read as an input."""
    rows = draft.table.rows if draft.table else None
    choices = []
    for column in (
        column for column in draft.columns if column.kind != "other" and column.name not in draft.inputs
    ):
        choice = TaskChoice("regression", column.name)
        if column.kind == "classes":
            choice = replace(_choose_for_classes(column, rows), doubt="")
        choices.append(replace(choice, because="the other columns are its inputs"))
    return choices


def _choose_for_masks(draft: Draft) -> list[TaskChoice]:
    choices = []
    for mask in draft.masks:
        few = mask.cases < max(_FEW_CASES, _FEW_MASKS * draft.n_cases) and mask is not draft.masks[0]
        doubt = mask.doubt or (f"only {mask.cases} of {draft.n_cases} cases have this mask" if few else "")
        choices.append(TaskChoice("segmentation", mask.name, because="it has masks", doubt=doubt))
    return choices


def _choose_for_classes(column: Column, rows: pd.DataFrame | None) -> TaskChoice:
    settings = {}
    if rows is not None:
        counts = Counter(column.values.get(cell, cell) for cell in rows[column.name])
        known = [counts[word] for word in column.classes]
        if max(known) > 2 * min(known):
            settings = {"class_weights": "balanced"}
    choice = TaskChoice("classification", column.name, settings=settings, doubt="?")
    if has_word(column.name, ACQUISITION_WORDS):
        return replace(choice, doubt=_KNOWN_BEFORE)
    if has_word(column.name, TARGET_WORDS):
        return replace(choice, doubt="", because="its name suggests a target")
    if has_word(column.name, GRADE_WORDS):
        return replace(choice, doubt="a grade; its order is ignored when it is learned as classes")
    return choice


def _decide(choices: Sequence[TaskChoice], rows: pd.DataFrame | None) -> list[TaskChoice]:
    """Decide on classes with inconclusive names: they are tasks if no other one is, unless they follow from one."""
    if any(not choice.doubt for choice in choices):
        return [replace(choice, doubt=_MAYBE) if choice.doubt == "?" else choice for choice in choices]
    decided: list[TaskChoice] = []
    for choice in choices:
        if choice.doubt == "?":
            source = next(
                (a.target for a in decided if not a.doubt and _follows(choice.target, a.target, rows)), ""
            )
            doubt = f"it follows from {source}" if source else ""
            choice = replace(
                choice, doubt=doubt, because="it has classes, and no column is named like a diagnosis"
            )
        decided.append(choice)
    return decided


def _follows(column: str, other: str, rows: pd.DataFrame | None) -> bool:
    return rows is not None and bool((rows.groupby(other)[column].nunique() <= 1).all())


def _choose_for_numbers(column: Column, rows: pd.DataFrame | None) -> TaskChoice:
    choice = TaskChoice("regression", column.name)
    if has_word(column.name, ACQUISITION_WORDS) or column.unit == "years":
        return replace(choice, doubt=_KNOWN_BEFORE)
    if not has_word(column.name, MEASURE_WORDS) and column.unit not in SIZE_UNITS:
        return replace(choice, doubt="a number with a name that does not suggest a target")
    if rows is not None and has_word(column.name, frozenset(("count", "volume", "area", "number"))):
        numbers = pd.to_numeric(rows[column.name].str.replace(",", "."), errors="coerce").dropna()
        if numbers.min() > 0 and numbers.max() > 20 * numbers.min():
            return replace(choice, settings={"scale": "log"}, because="a measurement with a wide range")
    return replace(choice, because="its name suggests a measurement")


def _name(choices: Sequence[TaskChoice]) -> list[TaskChoice]:
    """Give each task a unique and valid name."""
    taken = set(RESERVED_NAMES)
    named = []
    for choice in choices:
        name = start = _START.sub("", _NOT_IN_NAMES.sub("_", choice.target.lower()).strip("_")) or "answer"
        number = 1
        while name in taken:
            number += 1
            name = f"{start}_{number}"
        taken.add(name)
        named.append(replace(choice, name=name))
    return named


def _note_rare(chosen: Sequence[TaskChoice], draft: Draft) -> None:
    """Add the classes with few cases to the notes."""
    classes = {column.name: column for column in draft.columns if column.kind == "classes"}
    for choice in chosen if draft.table else ():
        column = classes.get(choice.target)
        if column is None or choice.kind != "classification" or draft.table is None:
            continue
        counts = Counter(column.values.get(cell, cell) for cell in draft.table.rows[column.name])
        rare = [
            f"{word} ({counts[word]})"
            for word in column.classes
            if counts[word] < min(_FEW_CASES, 0.1 * counts.total())
        ]
        if rare:
            draft.notes.doubt(
                f"{column.name} has classes with few cases, {name_some(rare)}, which val or test may lack. Merge them "
                "with others under `values`, or leave them out under `missing`."
            )


def note_tasks(choices: Sequence[TaskChoice], draft: Draft) -> None:
    """Add the chosen and the doubtful tasks to the notes."""
    chosen = [choice for choice in choices if not choice.doubt]
    for choice in chosen:
        draft.notes.guess(f"tasks.{choice.name}", f"{choice.kind} of {choice.target}", choice.because)
    _note_rare(chosen, draft)
    doubtful = [choice.target for choice in choices if choice.doubt]
    if doubtful:
        draft.notes.doubt(
            f"Tasks for {name_some(doubtful, 6)} are comments in config.yaml, each with its reason. Uncomment those "
            "that you want."
        )
    if not chosen:
        draft.notes.doubt(
            "No mask or column is suitable for a task, so `tasks` is empty. Add the tasks to learn."
        )
