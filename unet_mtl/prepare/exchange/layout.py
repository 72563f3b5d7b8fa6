"""Cases of any source -> a folder of our own layout: images/, masks/TARGET/, cases.csv, dataset.yaml."""

import csv
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from unet_mtl.data.description import DESCRIPTION_FILE
from unet_mtl.data.images import write_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.data.tables import runs_as_formula
from unet_mtl.errors import DataError
from unet_mtl.files import writing_folder
from unet_mtl.prepare.exchange.shapes import Pixels, Size

OVERLAP = "pixels of two classes; the later annotation won"
NOT_DRAWN = "annotations without a pixel in the image"
_PLURAL = r"\b(annotation|image|outline|pixel|polygon|region|result|task)s\b"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image on its way in.

    Attributes:
        name: Of the case, unique and fit for a file name.
        image: The file to copy, or what makes the pixels.
        masks: By target, what makes the mask; an unlabelled one has no entry.
        labels: By column; an unknown one has no entry.
    """

    name: str
    image: Path | Callable[[], NDArray[np.uint8]]
    masks: Mapping[str, Callable[[], NDArray[np.uint8]]] = field(default_factory=dict)
    labels: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Name of the image below images/."""
        return self.name + (self.image.suffix.lower() if isinstance(self.image, Path) else ".png")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the labels of all cases mean.

    Attributes:
        name: Of the data set.
        origin: Said in the first line of dataset.yaml.
        masks: Classes by target, the background first.
        columns: Classes by column; None: numbers.
        split: Column that says train, val or test.
    """

    name: str
    origin: str
    masks: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    split: str | None = None


@dataclass(frozen=True)
class Imported:
    """What came in.

    Attributes:
        folder: With dataset.yaml.
        cases: How many.
        masks: By target, how many have one.
        notes: What was decided on the way, a line each, with counts.
    """

    folder: Path
    cases: int
    masks: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class Region:
    """One annotation: what draws it, its class index, and its name in problems."""

    where: str
    index: int
    draw: Callable[[Size], Pixels]


def paint(regions: Sequence[Region], size: Size, tally: Counter[str]) -> NDArray[np.uint8]:
    """Draws annotations in their order, later ones over earlier ones.

    Args:
        regions: Of one mask.
        size: `(height, width)`.
        tally: Counts the pixels that change from one class to another, and the annotations without any.

    Raises:
        DataError: With every annotation that cannot be drawn.
    """
    mask = np.zeros(size, np.uint8)
    taken = np.zeros(size, np.bool_)
    problems = []
    for region in regions:
        try:
            pixels = region.draw(size)
        except DataError as error:
            problems += [f"{region.where}: {problem}" for problem in error.problems]
            continue
        tally[NOT_DRAWN] += not pixels.any()
        tally[OVERLAP] += int((taken & pixels & (mask != region.index)).sum())
        mask[pixels] = region.index
        taken |= pixels
    if problems:
        raise DataError(problems)
    return mask


def write_layout(
    out: Path, cases: Sequence[Case], layout: Layout, problems: list[str], tally: Counter[str]
) -> Imported:
    """Writes the folder whole, or says everything that is wrong.

    Args:
        out: The folder to be; absent or empty.
        cases: At least one.
        layout: What their labels mean.
        problems: Found so far; those of single cases join them.
        tally: Counts by what they count; becomes the notes.

    Raises:
        DataError: There are problems, each on a line; nothing is written.
        WriteError: The disk refused.
    """
    refuse_used(out)
    if not cases and not problems:
        problems = [f"{layout.origin}: no images in it"]
    problems = problems + _formulas(cases, layout)
    with writing_folder(out) as folder:
        for case in cases:
            try:
                _write_case(folder, case)
            except DataError as error:
                problems = problems + error.problems
        if problems:
            raise DataError(problems)
        _write_table(folder, cases)
        _write_description(folder, layout)
        read_dataset(folder)  # what we cannot read ourselves must not leave here
    counts = {target: sum(target in case.masks for case in cases) for target in layout.masks}
    notes = [f"{n} {_singular(what) if n == 1 else what}" for what, n in tally.items() if n]
    return Imported(out, len(cases), counts, notes)


def _singular(what: str) -> str:
    """What is said of one thing alone: its first plural loses the s."""
    return re.sub(_PLURAL, r"\1", what, count=1)


def _formulas(cases: Sequence[Case], layout: Layout) -> list[str]:
    """Words that would be run by the spreadsheet that opens cases.csv: a source has no reason for them."""
    words = [case.name for case in cases]
    words += [str(label) for case in cases for label in (*case.labels, *case.labels.values())]
    return [
        f"{layout.origin}: {word!r} begins like a formula, which a spreadsheet would run; rename it there"
        for word in dict.fromkeys(words)
        if runs_as_formula(word)
    ]


def refuse_used(out: Path) -> None:
    """Says before the work, and not after it, that there is something already.

    Raises:
        DataError: `out` is a file, or a folder with something in it.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise DataError(f"{out}: there is something already; choose a new folder")


def _write_case(folder: Path, case: Case) -> None:
    masks = {target: make() for target, make in case.masks.items()}
    image = folder / "images" / case.file
    image.parent.mkdir(exist_ok=True)
    if isinstance(case.image, Path):
        shutil.copyfile(case.image, image)
    else:
        Image.fromarray(case.image()).save(image)
    for target, mask in masks.items():
        write_mask(folder / "masks" / target / f"{case.name}.png", mask)


def _write_table(folder: Path, cases: Sequence[Case]) -> None:
    columns = list(dict.fromkeys(column for case in cases for column in case.labels))
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["case", "image", *columns], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({"case": case.name, "image": case.file} | dict(case.labels) for case in cases)


def _write_description(folder: Path, layout: Layout) -> None:
    content: dict[str, Any] = {
        "name": layout.name,
        "table": "cases.csv",
        "images": "images/{image}",
        "masks": {
            target: {"path": f"masks/{target}/{{case}}.png", "classes": list(classes)}
            for target, classes in layout.masks.items()
        },
        "columns": {
            name: {"classes": list(words)} if words else {} for name, words in layout.columns.items()
        },
    }
    if layout.split:
        content["split"] = layout.split
    comment = "".join(c if c.isprintable() else "?" for c in layout.origin)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / DESCRIPTION_FILE).write_text(f"# Imported by unet-mtl from {comment}\n{text}", encoding="utf-8")
