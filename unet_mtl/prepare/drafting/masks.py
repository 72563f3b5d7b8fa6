"""The meaning of the values and colours in masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pixels import Census, count_values
from unet_mtl.prepare.drafting.vocabulary import MASK_WORDS
from unet_mtl.wording import count_of, name_some

_MOST_CLASSES = 20
_MANY = 10
"""Minimum number of files from which on a value of a single one is odd."""

_MIN_SHARE = 0.002
"""Minimum share of the pixels of a value that is a class, if there are many values."""

_COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 165, 0),
    "purple": (128, 0, 128),
    "brown": (139, 69, 19),
    "pink": (255, 192, 203),
}


@dataclass(frozen=True)
class Meaning:
    """The meaning of the values in the files of one kind of mask.

    Attributes:
        classes: Names of the classes, the background first.
        values: Class index by value, if the values are not indices.
        colours: Hexadecimal colour by class, if classes are colours.
        instances: Whether the values are object numbers.
        smeared: Whether there are values between those of the classes, from smoothing or JPEG compression.
        because: The reason.
    """

    classes: tuple[str, ...] = ("background", "foreground")
    values: dict[int, int] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    instances: bool = False
    smeared: bool = False
    because: str = ""

    @property
    def binary(self) -> bool:
        """Return whether there is a single class beside the background."""
        return len(self.classes) == 2 and not self.colours


def find_meaning(
    name: str,
    paths: Sequence[Path],
    notes: Notes,
    read_names: Callable[[Census, Sequence[Path]], Meaning | None] | None = None,
) -> Meaning:
    """Guess the meaning of the values in masks from a sample of the files.

    Args:
        name: Name of the kind of mask.
        paths: The files.
        notes: Receives the guess and its questions.
        read_names: Returns the meaning if a file names the classes of the values.
    """
    census = count_values(paths)
    named = read_names(census, paths) if read_names else None
    meaning = named or _interpret(name, census, notes)
    guess = "object numbers" if meaning.instances else name_some(meaning.classes, 6)
    notes.guess(f"masks.{name}.classes", guess, meaning.because)
    if meaning.smeared:
        notes.doubt(
            f"Mask {name!r} has values between those of its classes, as from smoothing or JPEG compression. If the "
            "nearest class is right for them, uncomment `repair: nearest` in dataset.yaml."
        )
    if not named and (len(meaning.classes) > 2 or (meaning.colours and _is_generic(name))):
        notes.doubt(
            f"The classes of mask {name!r} have no names yet: replace {', '.join(meaning.classes[1:])} by theirs."
        )
    if census.broken:
        notes.doubt(
            f"Mask {name!r} has {count_of(len(census.broken), 'file')} that cannot be read or hold fractions: "
            f"{name_some((path.name for path in census.broken), 2)}. `unet-mtl check` gives the reasons."
        )
    return meaning


def _interpret(name: str, census: Census, notes: Notes) -> Meaning:
    foreground = _class_name(name)
    if not census.read:
        return Meaning(("background", foreground), because="no file could be read")
    if census.coloured > 0.02 * census.read:
        return _colours(census.as_colours(), foreground)
    if _are_objects(census):
        most = max(census.highest)
        because = f"each file numbers its objects, up to {most} ({census.sample})"
        return Meaning(("background", foreground), instances=True, because=because)
    if _is_white(census):
        return _white(name, census, foreground, notes)
    class_values = _class_values(census)
    if len(class_values) > 2:
        _note_few(name, [value for value in class_values if _is_in_few(value, census)], census, notes)
    strays = [value for value in census.files if value not in class_values]
    if 255 in strays and class_values == list(
        range(len(class_values))
    ):  # not a class, and not unknown either
        strays.remove(255)
        n = count_of(census.files[255], "file")
        notes.doubt(f"Mask {name!r} has the value 255 in {n}, which means not labelled.")
    smeared = bool(strays) and (census.lossy > 0 or _files_with(strays, census) > max(2, 0.1 * census.read))
    if strays and not smeared:
        are = "is not treated as a class" if len(strays) == 1 else "are not treated as classes"
        notes.doubt(
            f"Mask {name!r} has {_counts(strays, census)}, which {are}. If one is a class, add it to `classes` and "
            "`values` in dataset.yaml; otherwise correct the files, which `unet-mtl check` lists."
        )
    return _numbers(census, class_values, foreground, smeared=smeared)


def _is_in_few(value: int, census: Census) -> bool:
    """Return whether a value is in a single file of many, or in 2 percent of them."""
    return census.read >= _MANY and census.files[value] <= max(1, 0.02 * census.read)


def _note_few(name: str, values: Sequence[int], census: Census, notes: Notes) -> None:
    if values:
        notes.doubt(
            f"Mask {name!r} has {_counts(values, census)}: classes of so few files are hardly learned. If they are "
            "mistakes, correct the files and remove the classes."
        )


def _counts(values: Sequence[int], census: Census) -> str:
    """Describe in how many files each value is, such as "the values 7 (in 1 of 60 files), 9 (in 2 of 60 files)"."""
    found = (f"{value} (in {census.files[value]:,} of {census.read:,} files)" for value in sorted(values))
    return f"the value{'s' * (len(values) > 1)} {name_some(found, 6)}"


def _is_white(census: Census) -> bool:
    """Return whether some files are masks of 0 and 1, and all others masks of 0 and 255."""
    separate = census.files[1] == census.ones > 0 and census.files[255] == census.whites > 0
    return separate and census.files.keys() <= {0, 1, 255}


def _white(name: str, census: Census, foreground: str, notes: Notes) -> Meaning:
    """Return the meaning of masks of 0 and 1 beside masks of 0 and 255, such as files of 1 bit and of 8 bits."""
    n_white = count_of(census.whites, "file")
    notes.doubt(
        f"Mask {name!r} has the values 0 and 255 in {n_white}, and 0 and 1 in the others. White is taken for "
        f"{foreground}. If 255 means not labelled, remove it from `values`."
    )
    because = f"the values are 0 and 1, or 0 and 255 ({census.sample})"
    return Meaning(("background", foreground), {0: 0, 1: 1, 255: 1}, because=because)


def _is_generic(name: str) -> bool:
    """Return whether the name of a mask does not tell what it shows."""
    return name in MASK_WORDS


def _class_name(name: str) -> str:
    return "foreground" if _is_generic(name) else name


def _files_with(values: Sequence[int], census: Census) -> int:
    return max((census.files[value] for value in values), default=0)


def _are_objects(census: Census) -> bool:
    """Return whether most files number their objects 1, 2, 3, ..."""
    many = max(census.highest) > _MOST_CLASSES or len(census.files) > _MOST_CLASSES
    return many and len(census.highest) > 2 and census.numbered > 0.6 * census.read and not census.lossy


def _class_values(census: Census) -> list[int]:
    """Return the values that are classes: all values if they are few, else those that form areas."""
    values = sorted(census.files)
    rare = [
        v
        for v in values
        if census.files[v] <= max(1, 0.02 * census.read) and census.share(v) < _MIN_SHARE / 10
    ]
    common = [v for v in values if v not in rare] or values
    if census.lossy == 0:
        common = _without_odd(common, census)
    if census.lossy == 0 and len(common) <= _MOST_CLASSES and not _has_thin_lines(common, census):
        return common
    big = [v for v in values if census.share(v) >= _MIN_SHARE and (census.lossy or not census.is_thin(v))]
    if census.lossy:  # after JPEG compression, 0, 1, 2 and 253, 254, 255 are two classes rather than six
        big = [
            v
            for v in big
            if not any(0 < abs(v - w) < 16 and census.pixels[w] > census.pixels[v] for w in big)
        ]
    return sorted(big) or [v for v in (0, 255) if v in census.files] or values[:2]


def _without_odd(values: list[int], census: Census) -> list[int]:
    """Leave values out that are in few files only and do not continue the numbers 0, 1, 2, ... of the others."""
    others = [value for value in values if not _is_in_few(value, census)]
    if len(others) < 2:  # there is no class that most files share
        return values
    highest = next(n for n in range(len(values) + 1) if n not in values)
    return [value for value in values if value in others or value < highest]


def _has_thin_lines(values: Sequence[int], census: Census) -> bool:
    """Return whether several intermediate values form thin lines only, as after smoothing."""
    thin = [value for value in values[1:-1] if census.is_thin(value)]
    return len(thin) > 1 and values[-1] - values[0] > _MOST_CLASSES


def _numbers(census: Census, class_values: list[int], foreground: str, *, smeared: bool) -> Meaning:
    labelled = [value for value in class_values if value != 255]
    if labelled and labelled == list(range(labelled[-1] + 1)) and len(labelled) > 1:
        ignored = ", and 255 for not labelled" if 255 in class_values else ""
        because = f"the values are {name_some(labelled, 6)}{ignored} ({census.sample})"
        return Meaning(_names(len(labelled), foreground), smeared=smeared, because=because)
    because = f"the values are {name_some(class_values, 6)} ({census.sample})"
    if class_values in ([0], [255]):
        because = f"the only value is {class_values[0]} ({census.sample})"
        return Meaning(_names(2, foreground), {0: 0, 255: 1}, smeared=smeared, because=because)
    known = class_values if 0 in class_values else [0, *class_values]
    values = {value: index for index, value in enumerate(known)}
    return Meaning(_names(len(known), foreground), values, smeared=smeared, because=because)


def _names(n: int, foreground: str) -> tuple[str, ...]:
    return ("background", foreground) if n == 2 else ("background", *(f"class{i}" for i in range(1, n)))


def _colours(census: Census, foreground: str) -> Meaning:
    least = 5 * _MIN_SHARE if census.lossy else _MIN_SHARE / 4  # JPEG compression turns one colour into many
    kept = [colour for colour, n in census.pixels.most_common() if census.share(colour) >= least]
    kept = [c for c in kept if census.files[c] > max(1, 0.02 * census.read)] or kept
    if len(census.files) > _MOST_CLASSES and not census.lossy:
        kept = [c for c in kept if not census.is_thin(c)] or kept
    if census.lossy:
        kept = [c for c in kept if not any(_near(c, d) and census.pixels[d] > census.pixels[c] for d in kept)]
    kept = kept[:_MOST_CLASSES]
    background = 0 if 0 in kept else kept[0]
    others = sorted(colour for colour in kept if colour != background)
    names = (
        [foreground] if len(others) == 1 and foreground != "foreground" else list(map(_colour_name, others))
    )
    different = [f"{n}{i}" if names.count(n) > 1 else n for i, n in enumerate(names, 1)]
    colours = {"background": background} | dict(zip(different, others, strict=True))
    smeared = len(census.files) > len(kept)
    return Meaning(
        tuple(colours),
        colours={word: f"#{colour:06x}" for word, colour in colours.items()},
        smeared=smeared,
        because=f"the files have {count_of(len(census.files), 'colour')} ({census.sample})",
    )


def _near(one: int, other: int) -> bool:
    return one != other and sum(abs(a - b) for a, b in zip(_rgb(one), _rgb(other), strict=True)) < 60


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 0xFF, colour & 0xFF


def _colour_name(colour: int) -> str:
    def distance(word: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(_rgb(colour), _COLOURS[word], strict=True))

    return min(_COLOURS, key=distance)
