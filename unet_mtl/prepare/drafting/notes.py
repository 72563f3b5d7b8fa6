"""Guesses with their reasons, and open questions; both are printed, and written as comments."""

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
    "inputs",
    "tasks",
)
"""Sections of the two files, in the order in which guesses are listed."""


@dataclass(frozen=True)
class Guess:
    """One guess.

    Attributes:
        what: The setting, such as "masks.mask.classes".
        guess: The guessed value.
        because: The reason.
    """

    what: str
    guess: str
    because: str


@dataclass
class Notes:
    """Guesses, and questions that a person has to decide.

    Attributes:
        guesses: The guesses, in the order in which they were made.
        unsure: The questions and warnings, as whole sentences.
    """

    guesses: list[Guess] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)

    def guess(self, what: str, guess: object, because: str) -> None:
        """Add a guess."""
        self.guesses.append(Guess(what, str(guess), because))

    def in_order(self) -> list[Guess]:
        """Return the guesses in the order of the settings in the two files."""
        places = [tuple(guess.what.split(".")[:2]) for guess in self.guesses]
        first = {place: places.index(place) for place in places}
        keys = [(_ORDER.index(place[0]), first[place]) for place in places]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        return [self.guesses[i] for i in order]

    def doubt(self, line: str) -> None:
        """Add a question or a warning."""
        self.unsure.append(line)
