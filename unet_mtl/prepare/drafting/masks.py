"""What the numbers in masks mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unet_mtl.prepare.drafting.notes import Notes
from unet_mtl.prepare.drafting.pixels import Census, count_values
from unet_mtl.prepare.drafting.vocabulary import MASK_WORDS
from unet_mtl.wording import count_of, name_some

_MOST_CLASSES = 20
_PLATEAU = 0.002
"""Share of the pixels that a value has to be a class, where there are many."""

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
    """What stands in the files of one kind of mask.

    Attributes:
        classes: Names by index, the background first.
        values: Number -> index, where they are no indices.
        colours: Class -> hex colour, where colours are meant.
        instances: Whether numbers are those of objects.
        smeared: Whether there are values between those of the classes, from smoothing or JPEG.
        because: What it was seen by.
    """

    classes: tuple[str, ...] = ("background", "foreground")
    values: dict[int, int] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)
    instances: bool = False
    smeared: bool = False
    because: str = ""

    @property
    def binary(self) -> bool:
        """Whether all that is not 0 is one class."""
        return len(self.classes) == 2 and not self.colours


def find_meaning(name: str, paths: Sequence[Path], notes: Notes) -> Meaning:
    """Looks into a sample of the files."""
    census = count_values(paths)
    meaning = _interpret(name, census, notes)
    shown = "objects' numbers" if meaning.instances else name_some(meaning.classes, 6)
    notes.guess(f"masks.{name}.classes", shown, meaning.because)
    if meaning.smeared:
        notes.doubt(
            f"mask {name!r}: there are values between those of the classes, as smoothing or JPEG leave "
            "them. `repair: nearest` in dataset.yaml takes the nearest known one; say whether it may"
        )
    if len(meaning.classes) > 2 or (meaning.colours and _tells_nothing(name)):
        notes.doubt(
            f"what the classes of mask {name!r} are called: {', '.join(meaning.classes)} until you say so"
        )
    if census.broken:
        notes.doubt(
            f"mask {name!r}: {count_of(len(census.broken), 'file')} cannot be read or hold fractions: "
            f"{name_some((path.name for path in census.broken), 2)}; `unet-mtl check` says why"
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
        because = f"each file counts its objects, up to {most} ({census.sample} files)"
        return Meaning(("background", foreground), instances=True, because=because)
    plateaus = _plateaus(census)
    strays = [value for value in census.files if value not in plateaus]
    smeared = bool(strays) and (census.lossy > 0 or _files_with(strays, census) > max(2, 0.1 * census.read))
    if strays and not smeared:
        notes.doubt(
            f"mask {name!r}: the values {name_some(sorted(strays), 4)} are in {_files_with(strays, census)} of "
            f"{census.read} files alone and were left out; `unet-mtl check` names the files"
        )
    return _numbers(census, plateaus, foreground, smeared=smeared)


def _tells_nothing(name: str) -> bool:
    """Whether the name of a mask does not say what is drawn."""
    return name in MASK_WORDS


def _class_name(name: str) -> str:
    return "foreground" if _tells_nothing(name) else name


def _files_with(values: Sequence[int], census: Census) -> int:
    return max((census.files[value] for value in values), default=0)


def _are_objects(census: Census) -> bool:
    """Whether most files count 1, 2, 3, ..., each to a number of its own."""
    many = max(census.highest) > _MOST_CLASSES or len(census.files) > _MOST_CLASSES
    return many and len(census.highest) > 2 and census.numbered > 0.6 * census.read and not census.lossy


def _plateaus(census: Census) -> list[int]:
    """The values that are classes: all, if they are few; else those that are more than a line between others."""
    values = sorted(census.files)
    rare = [
        v for v in values if census.files[v] <= max(1, 0.02 * census.read) and census.share(v) < _PLATEAU / 10
    ]
    common = [v for v in values if v not in rare] or values
    if census.lossy == 0 and len(common) <= _MOST_CLASSES and not _has_seams(common, census):
        return common
    big = [v for v in values if census.share(v) >= _PLATEAU and (census.lossy or not census.is_thin(v))]
    if census.lossy:  # JPEG rings: 0, 1, 2 and 253, 254, 255 are two plateaus and not six
        big = [
            v
            for v in big
            if not any(0 < abs(v - w) < 16 and census.pixels[w] > census.pixels[v] for w in big)
        ]
    return sorted(big) or [v for v in (0, 255) if v in census.files] or values[:2]


def _has_seams(values: Sequence[int], census: Census) -> bool:
    """Whether several values between the others are but thin lines, as smoothing leaves them."""
    seams = [value for value in values[1:-1] if census.is_thin(value)]
    return len(seams) > 1 and values[-1] - values[0] > _MOST_CLASSES


def _numbers(census: Census, plateaus: list[int], foreground: str, *, smeared: bool) -> Meaning:
    labelled = [value for value in plateaus if value != 255]
    if labelled and labelled == list(range(labelled[-1] + 1)) and len(labelled) > 1:
        ignored = ", 255 is not labelled" if 255 in plateaus else ""
        because = f"the values are {name_some(labelled, 6)}{ignored} ({census.sample} files)"
        return Meaning(_names(len(labelled), foreground), smeared=smeared, because=because)
    because = f"the values are {name_some(plateaus, 6)} ({census.sample} files)"
    if plateaus in ([0], [255]):
        because = f"all is {plateaus[0]} ({census.sample} files)"
        return Meaning(_names(2, foreground), {0: 0, 255: 1}, smeared=smeared, because=because)
    known = plateaus if 0 in plateaus else [0, *plateaus]
    values = {value: index for index, value in enumerate(known)}
    return Meaning(_names(len(known), foreground), values, smeared=smeared, because=because)


def _names(n: int, foreground: str) -> tuple[str, ...]:
    return ("background", foreground) if n == 2 else ("background", *(f"class{i}" for i in range(1, n)))


def _colours(census: Census, foreground: str) -> Meaning:
    least = 5 * _PLATEAU if census.lossy else _PLATEAU / 4  # JPEG makes many colours of one
    found = [colour for colour, n in census.pixels.most_common() if census.share(colour) >= least]
    found = [c for c in found if census.files[c] > max(1, 0.02 * census.read)] or found
    if len(census.files) > _MOST_CLASSES and not census.lossy:
        found = [c for c in found if not census.is_thin(c)] or found
    if census.lossy:
        found = [
            c for c in found if not any(_near(c, d) and census.pixels[d] > census.pixels[c] for d in found)
        ]
    found = found[:_MOST_CLASSES]
    background = 0 if 0 in found else found[0]
    others = sorted(colour for colour in found if colour != background)
    names = (
        [foreground] if len(others) == 1 and foreground != "foreground" else list(map(_colour_name, others))
    )
    different = [f"{n}{i}" if names.count(n) > 1 else n for i, n in enumerate(names, 1)]
    colours = {"background": background} | dict(zip(different, others, strict=True))
    smeared = len(census.files) > len(found)
    return Meaning(
        tuple(colours),
        colours={word: f"#{colour:06x}" for word, colour in colours.items()},
        smeared=smeared,
        because=f"the files have {len(census.files)} colours ({census.sample} files)",
    )


def _near(one: int, other: int) -> bool:
    return one != other and sum(abs(a - b) for a, b in zip(_rgb(one), _rgb(other), strict=True)) < 60


def _rgb(colour: int) -> tuple[int, int, int]:
    return colour >> 16, colour >> 8 & 0xFF, colour & 0xFF


def _colour_name(colour: int) -> str:
    def distance(word: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(_rgb(colour), _COLOURS[word], strict=True))

    return min(_COLOURS, key=distance)
