"""Common beginnings and ends of names, such as `bus_` in bus_0001-l and bus_0002-r."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Affix:
    """The text before and after the name of a case.

    Attributes:
        before: The text before it.
        after: The text after it.
    """

    before: str = ""
    after: str = ""

    def strip(self, text: str) -> str | None:
        """Return the text between `before` and `after`, or None if the text does not have them.

        >>> Affix("bus_", ".png").strip("bus_1.png")
        '1'
        """
        fits = text.startswith(self.before) and text.endswith(self.after)
        inner = text[len(self.before) : len(text) - len(self.after)]
        return inner if fits and inner else None

    def wrap(self, inner: str) -> str:
        """Return the text with `before` and `after` added."""
        return f"{self.before}{inner}{self.after}"


NO_AFFIX = Affix()
"""The affix of names that consist of the case name only."""


def affixes_of(texts: Collection[str]) -> list[Affix]:
    """Return the affixes that all texts share, shortest first.

    >>> affixes_of(["bus_01-l", "bus_02-l"])[-1]
    Affix(before='bus_', after='-l')
    """
    if len(texts) < 2:
        return [Affix()]
    start = _common_start(texts)
    end = _common_start([text[::-1] for text in texts])[::-1]
    befores = {"", start[: len(start) - len(re.split(r"[_\-. /\\]", start)[-1])]}
    letters = start.rstrip("0123456789")
    if letters and all(text[len(letters) : len(letters) + 1].isdigit() for text in texts):
        befores.add(letters)
    joint = re.search(r"[_\-. ]", end)
    afters = {"", end[joint.start() :] if joint else ""}
    found = [Affix(before, after) for before in befores for after in afters]
    return sorted(found, key=lambda affix: (len(affix.before) + len(affix.after), affix.before))


def _common_start(texts: Collection[str]) -> str:
    first, last = min(texts), max(texts)
    return first[
        : next((i for i, pair in enumerate(zip(first, last, strict=False)) if len({*pair}) > 1), len(first))
    ]


def fit_affix(
    texts: Collection[str], cases: Collection[str], first: Iterable[Affix] = ()
) -> tuple[Affix, int]:
    """Return the affix with which most of the texts become names of cases, and the number of these texts.

    Args:
        texts: The texts.
        cases: The names of the cases.
        first: Affixes to try before those that the texts share.
    """
    best, most = Affix(), -1
    for affix in (*first, *affixes_of(texts)):
        n = len({case for text in texts if (case := affix.strip(text)) in cases})
        if n > most:
            best, most = affix, n
    return best, most
