"""The meaning of the columns of a table."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import pandas as pd

from unet_mtl.data.description import MISSING_WORDS
from unet_mtl.data.numbers import Decimal, parse_number, suggest_number
from unet_mtl.near_names import find_typo
from unet_mtl.prepare.drafting.vocabulary import (
    ADMINISTRATIVE_WORDS,
    CODES_OF_MISSING,
    DIAGNOSES,
    DIAGNOSIS_WORDS,
    GRADE_WORDS,
    ID_WORDS,
    MORE_MISSING,
    ORDERS,
    TARGET_WORDS,
    has_word,
    words_of,
)
from unet_mtl.wording import count_of, name_some

_MOST_CLASSES = 12
_MOST_DIAGNOSES = 30
_ROWS_A_CLASS = 4
"""Minimum average number of rows per word for the words to be classes."""

_MERGE = "List its `classes`, and map the other words to them with `values`."

_TYPO_RATIO = 5
"""Minimum ratio of the frequencies of a word and of another one that is taken for its misspelling."""


@dataclass(frozen=True)
class Column:
    """The meaning of one column.

    Attributes:
        name: Name in the table.
        kind: "classes" for a few different words, "numbers", or "other" for neither.
        because: The reason.
        classes: The classes, in their order.
        values: The class that is meant, by other spelling.
        unit: Unit of the numbers, or empty.
        missing: Words that seem to stand for a missing value, apart from the usual ones.
        unsure: Questions about this column, as whole sentences.
        cure: What to do to learn a column that is not used, as a sentence, or empty.
    """

    name: str
    kind: Literal["classes", "numbers", "other"]
    because: str
    classes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    unit: str = ""
    missing: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    cure: str = ""


def read_column(name: str, cells: "pd.Series[str]", decimal: Decimal = ".") -> Column:
    """Guess the meaning of a column.

    Args:
        name: Name of the column.
        cells: The cells as text.
        decimal: The decimal separator of numbers.
    """
    words = Counter(cells)
    if has_word(name, ADMINISTRATIVE_WORDS) and not any(has_word(word, DIAGNOSES) for word in (name, *words)):
        return Column(name, "other", "its name says that it describes the file or its origin")
    absent = [word for word in words if word.lower() in MISSING_WORDS]
    extra_missing = [word for word in words if word.lower() in MORE_MISSING]
    column = _read(name, words, absent, extra_missing, decimal)
    unknown = {word or "empty": words[word] for word in absent if word not in column.values}
    if column.cure and has_word(name, TARGET_WORDS):
        unsure = f"{name} is named like a target, but is not used: {column.because}. {column.cure}"
        column = replace(column, unsure=(unsure,))
    if not unknown or not column.because:
        return column
    rows = f"{sum(unknown.values())} missing ({name_some(unknown, 3)})"
    return replace(column, because=f"{column.because}; {rows}")


def _read(
    name: str, words: "Counter[str]", absent: Sequence[str], extra_missing: Sequence[str], decimal: Decimal
) -> Column:
    known = Counter({word: n for word, n in words.items() if word not in (*absent, *extra_missing)})
    if len(known) == 1 and "" in absent and next(iter(known)).lower() in _TICKS:
        return _ticks(name, next(iter(known)), known.total(), words[""])
    if len(known) < 2:
        return Column(name, "other", f"every cell is {next(iter(known))!r}" if known else "it is empty")
    numbers = [word for word in known if _number(word, decimal) is not None]
    if len(numbers) == len(known):
        return _numbers(name, known, tuple(extra_missing), decimal)
    if len(numbers) > 0.8 * len(known) and not _are_grades(known):
        odd = sorted(set(known) - set(numbers))
        or_missing = (
            "" if all(suggest_number(word, decimal) for word in odd) else ", or list them under `missing`"
        )
        because = f"numbers except {name_some(odd, 3)}; correct these cells{or_missing}"
        return Column(name, "other", because)
    return _words(name, known, [word for word in absent if word.lower() == "none"], tuple(extra_missing))


_TICKS = ("x", "✓", "✔", "✗")


def _ticks(name: str, tick: str, n_yes: int, n_no: int) -> Column:
    """Return a column in which a tick stands for yes, and an empty cell for no."""
    unsure = (
        f"{name}: {tick!r} ({n_yes:,}) is read as yes and an empty cell ({n_no:,}) as no. Remove the empty cell from "
        "`values` if it means unknown.",
    )
    because = "ticks and empty cells"
    return Column(name, "classes", because, ("no", "yes"), {tick: "yes", "": "no"}, unsure=unsure)


@dataclass(frozen=True)
class Decimals:
    """Columns of numbers by their decimal separator.

    Attributes:
        commas: Columns with commas.
        points: Columns with points.
        both: Columns with both.
    """

    commas: list[str]
    points: list[str]
    both: list[str]

    @property
    def decimal(self) -> Decimal:
        """Return a comma if some columns have commas and none has only points, else a point."""
        return "," if self.commas and not self.points else "."


def find_decimals(rows: pd.DataFrame) -> Decimals:
    """Find the decimal separators of all columns of a table."""
    decimals = Decimals([], [], [])
    for name, cells in rows.items():
        known = {cell for cell in cells if cell.lower() not in {*MISSING_WORDS, *MORE_MISSING}}
        with_comma = {word for word in known if _COMMA.fullmatch(word)}
        whole = {word for word in known if re.fullmatch(r"[+-]?\d+", word)}
        with_point = {word for word in known if _number(word, ".") is not None} - whole
        thousands = all(re.fullmatch(r"-?[1-9]\d{0,2},\d{3}", word) for word in with_comma)
        if (with_comma and thousands) or not _most(with_comma | with_point | whole, known):
            continue
        if with_comma or with_point:
            names = (
                decimals.both
                if with_comma and with_point
                else decimals.commas
                if with_comma
                else decimals.points
            )
            names.append(str(name))
    return decimals


_COMMA = re.compile(r"[+-]?\d*,\d+")


def _most(numbers: set[str], known: set[str]) -> bool:
    return len(numbers) > 0.8 * len(known)


def _number(word: str, decimal: Decimal) -> float | None:
    try:
        number = parse_number(word, decimal)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _numbers(name: str, known: "Counter[str]", extra_missing: tuple[str, ...], decimal: Decimal) -> Column:
    codes = [word for word in known if word in CODES_OF_MISSING and known[word] > 1]
    others = [parse_number(word, decimal) for word in known if word not in codes]
    if codes and others and min(others) >= 0:
        unsure = (
            f"{name}: {name_some(codes)} ({count_of(known[codes[0]], 'row')}) is treated as a missing value. Remove it "
            "from `missing` if it is a number.",
        )
        kept = Counter({word: n for word, n in known.items() if word not in codes})
        if len(kept) > 1:
            column = _numbers(name, kept, (*extra_missing, *codes), decimal)
            return replace(column, unsure=(*unsure, *column.unsure))
    whole = all(re.fullmatch(r"\d([.,]0+)?", word) for word in known)
    if (
        whole
        and (len(known) <= 5 or has_word(name, GRADE_WORDS))
        and known.total() >= _ROWS_A_CLASS * len(known)
    ):
        ordered = sorted(known, key=lambda word: parse_number(word, decimal))
        return Column(name, "classes", "few different whole numbers", tuple(ordered), missing=extra_missing)
    counts_rows = others == [others[0] + i for i in range(len(others))] or has_word(name, ID_WORDS)
    if len(known) == known.total() and counts_rows and all(number.is_integer() for number in others):
        return Column(name, "other", f"a different number in each row: {name_some(known, 3)}")
    because = f"numbers from {min(others):g} to {max(others):g}"
    return Column(name, "numbers", because, unit=unit_of(name), missing=extra_missing)


def _words(name: str, known: "Counter[str]", none: Sequence[str], extra_missing: tuple[str, ...]) -> Column:
    values = _other_spellings(known)
    merged: Counter[str] = Counter()
    for word, n in known.items():
        merged[values.get(word, word)] += n
    unsure = []
    if none and set(map(str.lower, merged)) & {"mild", "moderate", "severe", "yes", "present"}:
        merged[none[0]] += 1
        unsure.append(
            f"{name}: {none[0]!r} is treated as a class of its own. Remove it from `classes` if it means missing."
        )
    if len(merged) < 2:
        return Column(name, "other", f"every cell is {next(iter(merged))!r}")
    if all(_COMMA.fullmatch(word) or _number(word, ".") is not None for word in merged):
        return Column(
            name,
            "other",
            "numbers with decimal commas, while other columns have decimal points; use the same in all columns",
        )
    if all(_DATE.fullmatch(word) for word in merged):
        return Column(name, "other", f"dates: {name_some(sorted(merged), 2)}")
    if len(merged) > 20 and len(merged) > 0.9 * merged.total():
        because = f"different words in almost every row: {name_some(merged, 2)}"
        return Column(name, "other", because, cure=_MERGE)
    if all(_LINK.match(word) for word in merged):
        return Column(name, "other", f"links: {name_some(merged, 1)}")
    joined = [word for word in merged if re.search(r"[&;|]", word)]
    if joined:
        cure = "Write a column of yes and no for each word, and use a task of kind multilabel."
        return Column(name, "other", f"several words per cell: {name_some(joined, 1)}", cure=cure)
    most = _MOST_DIAGNOSES if has_word(name, DIAGNOSIS_WORDS) else _MOST_CLASSES
    if len(merged) > most or merged.total() < _ROWS_A_CLASS * len(merged):
        because = f"{len(merged)} different words, too many for classes: {name_some(merged, 2)}"
        return Column(name, "other", because, cure=_MERGE)
    if len(merged) > _MOST_CLASSES:
        unsure.append(
            f"{name} has {len(merged)} classes. Merge rare ones with `values` if they need not be told apart."
        )
    ordered = order_of(merged)
    unsure += _find_typos(name, merged)
    if values:
        spellings = name_some(f"{a!r} is read as {b!r}" for a, b in values.items())
        unsure.append(f"{name}: {spellings}; see `values`.")
    because = f"few different words{'' if ordered is None else ', in their usual order'}"
    classes = tuple(ordered or (word for word, _ in merged.most_common()))
    return Column(name, "classes", because, classes, values, missing=extra_missing, unsure=tuple(unsure))


_DATE = re.compile(r"(?:\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{4})(?:[ T]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?")


_LINK = re.compile(r"(?:https?|ftp)://|www\.", re.IGNORECASE)


def _find_typos(name: str, words: "Counter[str]") -> list[str]:
    """Return a question for each rare word that resembles a frequent one."""
    questions = []
    for word, n in words.items():
        frequent = [other for other, many in words.items() if many >= _TYPO_RATIO * n]
        meant = find_typo(word, frequent) if n <= max(2, 0.02 * words.total()) else None
        if meant:
            questions.append(
                f"{name}: {word!r} ({n:,}) may be a typo for {meant!r} ({words[meant]:,}). If so, correct the cells, "
                f"or remove it from `classes` and add `values: {{{word}: {meant}}}`."
            )
    return questions


def _other_spellings(known: "Counter[str]") -> dict[str, str]:
    usual: dict[str, str] = {}
    for word, _ in known.most_common():
        usual.setdefault(" ".join(word.lower().split()), word)
    return {word: usual[" ".join(word.lower().split())] for word in known if word not in usual.values()}


_GRADE = re.compile(r"(\d+)([a-z]?)", re.IGNORECASE)


def _are_grades(words: "Counter[str]") -> bool:
    return all(_GRADE.fullmatch(word) for word in words)


def order_of(words: "Counter[str]") -> list[str] | None:
    """Return words in their usual order, such as normal, benign, malignant; None if there is none.

    >>> order_of(Counter(["4b", "5", "4a", "2"])), order_of(Counter(["yes", "no"])), order_of(Counter("ab"))
    (['2', '4a', '4b', '5'], ['no', 'yes'], None)
    """
    if _are_grades(words):
        return sorted(words, key=lambda word: (int(re.sub(r"\D", "", word)), word))
    small = {word.lower(): word for word in words}
    for order in ORDERS:
        if set(small) <= set(order):
            return [small[word] for word in order if word in small]
    return None


_UNITS = ("mm2", "cm2", "mm3", "cm3", "mm", "cm", "um", "px", "ml", "kg", "years", "days", "percent")


def unit_of(name: str) -> str:
    """Return the unit at the end of a name, or an empty text.

    >>> unit_of("head_circumference_mm"), unit_of("Age"), unit_of("nucleus_count")
    ('mm', 'years', '')
    """
    last = re.split(r"[_\s(\[./-]+", name.strip(" )]").lower())[-1]
    if last in _UNITS:
        return last
    return "years" if words_of(name)[-1:] == ["age"] else ""
