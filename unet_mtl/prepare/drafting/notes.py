"""What was guessed and why, and what could not be told: shown on the screen, and written as comments."""

from dataclasses import dataclass, field

_ORDER = (
    "table",
    "case",
    "names",
    "patient",
    "images",
    "masks",
    "columns",
    "spacing_mm",
    "split",
    "decimal",
    "missing",
    "tasks",
)
"""First words of what is guessed."""


@dataclass(frozen=True)
class Guess:
    """One guess.

    Attributes:
        what: The setting, as in the files.
        guess: Its value.
        because: What it was seen by.
    """

    what: str
    guess: str
    because: str


@dataclass
class Notes:
    """Gathers guesses, and what a person must decide."""

    guesses: list[Guess] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def guess(self, what: str, guess: object, because: str) -> None:
        """Notes a guess."""
        self.guesses.append(Guess(what, str(guess), because))

    def in_order(self) -> list[Guess]:
        """Guesses in the order of the files that are written."""
        places = [tuple(guess.what.split(".")[:2]) for guess in self.guesses]
        first = {place: places.index(place) for place in places}
        keys = [(_ORDER.index(place[0]), first[place]) for place in places]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return [self.guesses[i] for i in order]

    def doubt(self, line: str) -> None:
        """Notes what could not be told."""
        self.unsure.append(line)
