"""What the network may be asked: a task for each mask, and for the columns that look like answers."""

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
    says,
)
from unet_mtl.tasks.base import RESERVED_NAMES
from unet_mtl.wording import name_some

_FEW_MASKS = 0.1
_FEW_CASES = 10
_LENGTHS = ("mm", "cm", "um", "px", "mm2", "cm2", "mm3", "cm3", "ml")
_KNOWN_BEFORE = "known before anybody looks at the image: an input rather than an answer"
_MAYBE = "a finding: a question for the network, or left out"


@dataclass(frozen=True)
class Answer:
    """One task.

    Attributes:
        kind: Of the task.
        target: Mask or column.
        name: Of the task.
        settings: Beside kind, name and target.
        because: Why it was chosen.
        doubt: Why it is commented out; "" where it is not.
    """

    kind: str
    target: str
    name: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    because: str = ""
    doubt: str = ""


def choose_answers(draft: Draft) -> list[Answer]:
    """Masks first, then classes, then numbers; doubtful ones with the reason."""
    rows = draft.table.rows if draft.table else None
    columns = [column for column in draft.columns if column.kind != "other"]
    classes = [_ask_class(column, rows) for column in columns if column.kind == "classes"]
    numbers = [_ask_number(column, rows) for column in columns if column.kind == "numbers"]
    return _name([*_ask_masks(draft), *_decide(classes, rows), *numbers])


def _ask_masks(draft: Draft) -> list[Answer]:
    answers = []
    for mask in draft.masks:
        few = mask.cases < max(_FEW_CASES, _FEW_MASKS * draft.n_cases) and mask is not draft.masks[0]
        doubt = mask.doubt or (f"only {mask.cases} of {draft.n_cases} cases have it" if few else "")
        answers.append(Answer("segmentation", mask.name, because="there are masks of it", doubt=doubt))
    return answers


def _ask_class(column: Column, rows: pd.DataFrame | None) -> Answer:
    settings = {}
    if rows is not None:
        counts = Counter(column.values.get(cell, cell) for cell in rows[column.name])
        known = [counts[word] for word in column.classes]
        if max(known) > 2 * min(known):
            settings = {"class_weights": "balanced"}
    answer = Answer("classification", column.name, settings=settings, doubt="?")
    if says(column.name, ACQUISITION_WORDS):
        return replace(answer, doubt=_KNOWN_BEFORE)
    if says(column.name, TARGET_WORDS):
        return replace(answer, doubt="", because="its name is that of an answer")
    if says(column.name, GRADE_WORDS):
        return replace(answer, doubt="a grade somebody gave: learned as classes, whose order does not count")
    return answer


def _decide(answers: Sequence[Answer], rows: pd.DataFrame | None) -> list[Answer]:
    """Those whose names tell nothing are asked where no other is, unless one follows from another."""
    if any(not answer.doubt for answer in answers):
        return [replace(answer, doubt=_MAYBE) if answer.doubt == "?" else answer for answer in answers]
    decided: list[Answer] = []
    for answer in answers:
        if answer.doubt == "?":
            source = next(
                (a.target for a in decided if not a.doubt and _follows(answer.target, a.target, rows)), ""
            )
            doubt = f"it follows from {source}" if source else ""
            answer = replace(
                answer, doubt=doubt, because="it has classes, and no column is called a diagnosis"
            )
        decided.append(answer)
    return decided


def _follows(one: str, other: str, rows: pd.DataFrame | None) -> bool:
    return rows is not None and bool((rows.groupby(other)[one].nunique() <= 1).all())


def _ask_number(column: Column, rows: pd.DataFrame | None) -> Answer:
    answer = Answer("regression", column.name)
    if says(column.name, ACQUISITION_WORDS) or column.unit == "years":
        return replace(answer, doubt=_KNOWN_BEFORE)
    if not says(column.name, MEASURE_WORDS) and column.unit not in _LENGTHS:
        return replace(answer, doubt="a number whose name does not say that it is an answer")
    if rows is not None and says(column.name, frozenset(("count", "volume", "area", "number"))):
        numbers = pd.to_numeric(rows[column.name].str.replace(",", "."), errors="coerce").dropna()
        if numbers.min() > 0 and numbers.max() > 20 * numbers.min():
            return replace(answer, settings={"scale": "log"}, because="a measurement over a wide range")
    return replace(answer, because="its name is that of a measurement")


def _name(answers: Sequence[Answer]) -> list[Answer]:
    """Gives each task a name of its own that may be one."""
    taken = set(RESERVED_NAMES)
    named = []
    for answer in answers:
        name = start = (
            re.sub(r"[^a-z0-9]+", "_", answer.target.lower()).strip("_").lstrip("0123456789_") or "answer"
        )
        number = 1
        while name in taken:
            number += 1
            name = f"{start}_{number}"
        taken.add(name)
        named.append(replace(answer, name=name))
    return named


def _note_rare(asked: Sequence[Answer], draft: Draft) -> None:
    classes = {column.name: column for column in draft.columns if column.kind == "classes"}
    for answer in asked if draft.table else ():
        column = classes.get(answer.target)
        if column is None or answer.kind != "classification" or draft.table is None:
            continue
        counts = Counter(column.values.get(cell, cell) for cell in draft.table.rows[column.name])
        rare = [
            f"{word} ({counts[word]})"
            for word in column.classes
            if counts[word] < min(_FEW_CASES, 0.1 * counts.total())
        ]
        if rare:
            draft.notes.doubt(
                f"whether {column.name} should keep classes of few cases, {name_some(rare)}: val or test may get none; "
                "`values` joins them to others, `missing` leaves them out"
            )


def note_answers(answers: Sequence[Answer], draft: Draft) -> None:
    """Says what is asked, and what is not."""
    asked = [answer for answer in answers if not answer.doubt]
    for answer in asked:
        draft.notes.guess(f"tasks.{answer.name}", f"{answer.kind} of {answer.target}", answer.because)
    _note_rare(asked, draft)
    doubtful = [answer.target for answer in answers if answer.doubt]
    if doubtful:
        draft.notes.doubt(
            f"whether {name_some(doubtful, 6)} should be answered: commented out in config.yaml, with the reason"
        )
    if not asked:
        draft.notes.doubt("what is to be learned: there is no mask and no column for it, so `tasks` is empty")
