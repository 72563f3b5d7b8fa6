"""What the page shows of each finding: its first lines, and pictures of the cases concerned."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from unet_mtl.data.images import IGNORE
from unet_mtl.data.observations import Observation
from unet_mtl.data.records import Dataset, Record
from unet_mtl.html.album import Album
from unet_mtl.html.pictures import UNLABELLED, Colour
from unet_mtl.html.tiles import Tile, TileGroup
from unet_mtl.prepare.doctor.checkup import Checkup
from unet_mtl.prepare.doctor.findings import Finding
from unet_mtl.wording import count_of

LINES = 20
"""Maximum number of lines of a finding, including headings of groups."""

TILES = 12
"""Maximum number of cases of a finding that are shown; half as many for a note."""

_TILES_A_GROUP = 4
_LONGEST = 400  # characters of a line, since a cell may hold any amount of text
_LONGEST_NAME = 80  # characters


@dataclass
class Sheet:
    """What the page shows of one finding.

    Attributes:
        finding: The finding.
        lines: The first observations, apart from those that are headings of groups.
        more: Number of observations that are not shown.
        groups: The cases concerned.
    """

    finding: Finding
    lines: list[str] = field(default_factory=list)
    more: int = 0
    groups: list[TileGroup] = field(default_factory=list)

    @property
    def extent(self) -> str:
        """Return the number of cases, or, for a finding without cases, of files or lines."""
        observations = self.finding.observations
        if self.finding.cases:
            return count_of(len(self.finding.cases), "case")
        files = sum(observation.path is not None for observation in observations)
        return count_of(files, "file") if files else count_of(len(observations), "line")


class SheetMaker:
    """Makes the sheets of one check.

    Args:
        checkup: The result of the check.
        album: Makes the pictures.
    """

    def __init__(self, checkup: Checkup, album: Album) -> None:
        self._checkup, self._album = checkup, album
        self._root = f"{checkup.dataset.description.root}/"
        self._part_of = {record.case: name for name, part in checkup.parts.items() for record in part}

    def line(self, text: str) -> str:
        """Return the text of an observation with paths relative to the data set, cut if it is very long."""
        text = text.replace(self._root, "")
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"

    def sheet(self, finding: Finding) -> Sheet:
        """Return the lines and pictures of a finding."""
        most = TILES if finding.kind.severity != "note" else TILES // 2
        sheet = Sheet(finding)
        if finding.name == "patient-views":
            sheet.groups = self._by_patient(finding.cases, most)
        elif len(finding.observations) == 1 and len(finding.cases) > 1:
            tiles = [self._tile(case, "") for case in finding.cases[:most]]
            sheet.groups = [TileGroup("", tiles, len(finding.cases) - len(tiles))]
        else:
            sheet.groups = self._groups(finding, most)
        headings = {group.heading for group in sheet.groups}
        lines = (self.line(observation.text) for observation in finding.observations)
        left = LINES - sum(bool(group.heading) for group in sheet.groups if finding.name != "patient-views")
        for line in lines:
            if len(sheet.lines) == left:
                break
            if line not in headings:
                sheet.lines.append(line)
        sheet.more = len(finding.observations) - len(sheet.lines) - (LINES - left)
        return sheet

    def _groups(self, finding: Finding, most: int) -> list[TileGroup]:
        """Return single cases as one group, followed by a group for each observation of several cases."""
        single: list[Tile] = []
        groups: list[TileGroup] = []
        n_single, left = 0, most
        for observation in finding.observations:
            cases = observation.cases
            if len(cases) > 1:
                if left > 1:
                    tiles = [self._tile(case, "") for case in cases[: min(_TILES_A_GROUP, left)]]
                    left -= len(tiles)
                    groups.append(TileGroup(self.line(observation.text), tiles, len(cases) - len(tiles)))
            elif cases or observation.path:
                n_single += 1
                if len(single) < most:
                    single.append(self._tile_of(observation))
        return [TileGroup("", single, n_single - len(single)), *groups] if single else groups

    def _by_patient(self, cases: Sequence[str], most: int) -> list[TileGroup]:
        patients: dict[str, list[str]] = {}
        for case in cases:
            record = self._album.record(case)
            if record is not None:
                patients.setdefault(record.patient, []).append(case)
        groups = []
        for patient, views in list(patients.items())[: most // 2]:
            tiles = [self._tile(case, "") for case in views[:_TILES_A_GROUP]]
            heading = f"patient {patient[:_LONGEST_NAME]}: {count_of(len(views), 'image')}"
            groups.append(TileGroup(heading, tiles, len(views) - len(tiles)))
        return groups

    def _tile_of(self, observation: Observation) -> Tile:
        """Return the tile of an observation of one case or one file."""
        note = self._without_names(observation).partition("; ")[0]
        is_mask = observation.kind.startswith("mask")
        if observation.path is None:
            return self._tile(observation.cases[0], note, stored=is_mask)
        name = observation.cases[0] if observation.cases else str(observation.path).replace(self._root, "")
        pictures = [self._album.of_file(observation.path, mask=is_mask)]
        return Tile(_shorten(name), self._part_of.get(name, ""), note, pictures)

    def _without_names(self, observation: Observation) -> str:
        """Return the text without the case or file at its start, which the tile shows below its picture."""
        text = self.line(observation.text)
        root, table = self._checkup.dataset.description.root, self._checkup.dataset.description.table
        paths = [path for path in (observation.path, root / table if table else None) if path]
        record = self._album.record(observation.cases[0]) if observation.cases else None
        if record is not None:
            paths += [file.path for files in record.masks.values() for file in files]
            paths += record.image_files
        names = [f"case {case!r}" for case in observation.cases]
        names += [str(path).replace(self._root, "") for path in paths]
        for name in names:
            text = text.removeprefix(f"{name}: ")
        return text

    def _tile(self, case: str, note: str, *, stored: bool = False) -> Tile:
        pictures = self._album.of_case(case, stored=stored)
        return Tile(_shorten(case), self._part_of.get(case, ""), note, pictures)

    def ordinary(self, most: int = TILES) -> list[Tile]:
        """Return cases taken evenly from the whole data set, with their labels.

        Cases without an error or a warning are preferred, and among these the ones with a mask.
        """
        dataset, images = self._checkup.dataset, self._checkup.inspection.images
        suspect = {
            case
            for finding in self._checkup.findings
            if finding.kind.severity != "note"
            for case in finding.cases
        }
        readable = [record for record in dataset if record.case in images]
        clean = [record for record in readable if record.case not in suspect]
        annotated = [record for record in clean if record.masks]
        enough = min(most, len(readable))
        pool = next(records for records in (annotated, clean, readable) if len(records) >= enough)
        step = max(1, len(pool) / most)
        chosen = [pool[int(i * step)] for i in range(min(most, len(pool)))]
        return [self._tile(record.case, _describe_labels(record, dataset)) for record in chosen]


def _describe_labels(record: Record, dataset: Dataset) -> str:
    """Return the first labels of a case as text."""
    labels = []
    for name, label in list(record.labels.items())[:4]:
        unit = dataset.description.columns[name].unit
        text = f"{label:g} {unit}".strip() if isinstance(label, float) else label
        labels.append(f"{name} {text[:40]}")
    return ", ".join(labels)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def list_colours(album: Album, checkup: Checkup) -> list[dict[str, str]]:
    """Return the name and CSS colour of each class of each mask, and of unlabelled pixels where there are any."""
    dataset, rows = checkup.dataset, []
    for target, colours in album.colours.items():
        classes = dataset.description.masks[target].classes
        rows += [
            {"name": f"{target}: {classes[index]}", "colour": _css(colour)}
            for index, colour in colours.items()
        ]
    masks = (mask for masks in checkup.inspection.masks.values() for mask in masks.values())
    unlabelled = {"name": "not labelled", "colour": _css(UNLABELLED)}
    return rows[:TILES] + [unlabelled] * any(IGNORE in mask.pixels for mask in masks)


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
