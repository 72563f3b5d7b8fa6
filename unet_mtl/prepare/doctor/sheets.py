"""Findings -> what a page shows of them: lines, and the cases concerned side by side."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from unet_mtl.data.images import IGNORE
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Record
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.prepare.doctor.findings import Finding
from unet_mtl.prepare.doctor.pictures import UNLABELLED, Album, Colour, Picture

LINES = 20
"""Observations of a finding that are written out."""

TILES = 12
"""Cases of a finding that are shown; half as many of a note."""

_TILES_A_GROUP = 4
_LONGEST = 400  # letters of a line: a cell may hold a novel
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Tile:
    """One case, or one file that belongs to none.

    Attributes:
        name: Of the case or file.
        side: Of the split; "" where there is none.
        note: What is wrong with it.
        pictures: Mostly one.
    """

    name: str
    side: str
    note: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Group:
    """Cases that belong together.

    Attributes:
        heading: Why.
        tiles: The first of them.
        more: How many more there are.
    """

    heading: str
    tiles: Sequence[Tile]
    more: int = 0


@dataclass
class Sheet:
    """What is shown of one finding.

    Attributes:
        finding: What is shown.
        lines: The first observations that no group has as its heading.
        more: Observations that are not written out.
        groups: Of cases.
    """

    finding: Finding
    lines: list[str] = field(default_factory=list)
    more: int = 0
    groups: list[Group] = field(default_factory=list)

    @property
    def extent(self) -> str:
        """How much it concerns: cases, where it is about cases, else files or lines."""
        files = sum(seen.path is not None for seen in self.finding.observations)
        n, what = len(self.finding.cases), "case"
        if not n:
            n, what = (files, "file") if files else (len(self.finding.observations), "line")
        return f"{n:,} {what}{'s' * (n != 1)}"


class Binder:
    """Makes the sheets of one checkup."""

    def __init__(self, checkup: Checkup, album: Album) -> None:
        self._checkup, self._album = checkup, album
        self._root = f"{checkup.dataset.description.root}/"
        self._sides = {record.case: name for name, part in checkup.parts.items() for record in part}

    def line(self, text: str) -> str:
        """A line of the checkup as the page shows it: paths from the folder on, never longer than a few lines."""
        text = text.replace(self._root, "")
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"

    def sheet(self, finding: Finding) -> Sheet:
        """Lines and pictures of a finding."""
        most = TILES if finding.kind.severity != "note" else TILES // 2
        sheet = Sheet(finding)
        if finding.name == "patient-views":
            sheet.groups = self._by_patient(finding.cases, most)
        elif len(finding.observations) == 1 and len(finding.cases) > 1:
            tiles = [self._tile(case, "") for case in finding.cases[:most]]
            sheet.groups = [Group("", tiles, len(finding.cases) - len(tiles))]
        else:
            sheet.groups = self._groups(finding, most)
        headings = {group.heading for group in sheet.groups}
        lines = (self.line(seen.text) for seen in finding.observations)
        left = LINES - sum(bool(group.heading) for group in sheet.groups if finding.name != "patient-views")
        for line in lines:
            if len(sheet.lines) == left:
                break
            if line not in headings:
                sheet.lines.append(line)
        sheet.more = len(finding.observations) - len(sheet.lines) - (LINES - left)
        return sheet

    def _groups(self, finding: Finding, most: int) -> list[Group]:
        """Cases one by one, then those that are told of together."""
        alone: list[Tile] = []
        groups: list[Group] = []
        n_alone, left = 0, most
        for seen in finding.observations:
            if len(seen.cases) > 1:
                if left > 1:
                    tiles = [self._tile(case, "") for case in seen.cases[: min(_TILES_A_GROUP, left)]]
                    left -= len(tiles)
                    groups.append(Group(self.line(seen.text), tiles, len(seen.cases) - len(tiles)))
            elif seen.cases or seen.path:
                n_alone += 1
                if len(alone) < most:
                    alone.append(self._tile_of(seen))
        return [Group("", alone, n_alone - len(alone)), *groups] if alone else groups

    def _by_patient(self, cases: Sequence[str], most: int) -> list[Group]:
        patients: dict[str, list[str]] = {}
        for case in cases:
            record = self._album.record(case)
            if record is not None:
                patients.setdefault(record.patient, []).append(case)
        groups = []
        for patient, views in list(patients.items())[: most // 2]:
            tiles = [self._tile(case, "") for case in views[:_TILES_A_GROUP]]
            heading = f"patient {patient[:_LONGEST_NAME]}: {len(views)} images"
            groups.append(Group(heading, tiles, len(views) - len(tiles)))
        return groups

    def _tile_of(self, seen: Observation) -> Tile:
        """The tile of an observation of one case or of one file."""
        note = re.split(r"; ", self._without_names(seen), maxsplit=1)[0]
        mask = seen.kind.startswith("mask")
        if seen.path is None:
            return self._tile(seen.cases[0], note, stored=mask)
        name = seen.cases[0] if seen.cases else str(seen.path).replace(self._root, "")
        side = self._sides.get(name, "")
        return Tile(_short(name), side, note, [self._album.of_file(seen.path, mask=mask)])

    def _without_names(self, seen: Observation) -> str:
        """The text without the case or file in front, which the tile has below its picture."""
        text = self.line(seen.text)
        root, table = self._checkup.dataset.description.root, self._checkup.dataset.description.table
        paths = [path for path in (seen.path, root / table if table else None) if path]
        record = self._album.record(seen.cases[0]) if seen.cases else None
        if record is not None:
            paths += [file.path for files in record.masks.values() for file in files]
            paths += [] if record.image is None else [record.image]
        for name in [f"case {case!r}" for case in seen.cases] + [
            str(path).replace(self._root, "") for path in paths
        ]:
            text = text.removeprefix(f"{name}: ")
        return text

    def _tile(self, case: str, note: str, *, stored: bool = False) -> Tile:
        pictures = self._album.of_case(case, stored=stored)
        return Tile(_short(case), self._sides.get(case, ""), note, pictures)

    def ordinary(self, most: int = TILES) -> list[Tile]:
        """Cases from all over the set, with what the table says of them: those that nothing is wrong with first."""
        dataset, images = self._checkup.dataset, self._checkup.inspection.images
        odd = {
            case
            for finding in self._checkup.findings
            if finding.kind.severity != "note"
            for case in finding.cases
        }
        shown = [record for record in dataset if record.case in images]
        clean = [record for record in shown if record.case not in odd]
        drawn = [record for record in clean if record.masks]
        enough = min(most, len(shown))
        fitting = next(some for some in (drawn, clean, shown) if len(some) >= enough)
        step = max(1, len(fitting) / most)
        chosen = [fitting[int(i * step)] for i in range(min(most, len(fitting)))]
        return [self._tile(record.case, _labels(record, dataset)) for record in chosen]


def _labels(record: Record, dataset: Dataset) -> str:
    """What the table says of a case, in a few words."""
    words = []
    for name, label in list(record.labels.items())[:4]:
        unit = dataset.description.columns[name].unit
        word = f"{label:g} {unit}".strip() if isinstance(label, float) else label
        words.append(f"{name} {word[:40]}")
    return ", ".join(words)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def legend(album: Album, checkup: Checkup) -> list[dict[str, str]]:
    """Each class of each mask with its colour, as CSS writes it."""
    dataset, rows = checkup.dataset, []
    for target, colours in album.colours.items():
        words = dataset.description.masks[target].classes
        rows += [
            {"name": f"{target}: {words[index]}", "colour": _css(colour)} for index, colour in colours.items()
        ]
    masks = (mask for masks in checkup.inspection.masks.values() for mask in masks.values())
    unlabelled = {"name": "not labelled", "colour": _css(UNLABELLED)}
    return rows[:TILES] + [unlabelled] * any(IGNORE in mask.pixels for mask in masks)


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
