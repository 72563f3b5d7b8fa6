"""Cases of any source -> a folder in the layout of this package: images/, masks/TARGET/, cases.csv, dataset.yaml."""

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
from unet_mtl.data.images import image_size, write_mask
from unet_mtl.data.records import read_dataset
from unet_mtl.data.tables import runs_as_formula
from unet_mtl.errors import DataError
from unet_mtl.files import writing_folder
from unet_mtl.prepare.exchange.shapes import Pixels, Size

OVERLAP = "pixels of two classes, given to the later annotation"
NOT_DRAWN = "annotations without a pixel in the image"
_PLURAL = r"\b(annotation|file|image|outline|pixel|polygon|region|result|shape|task)s\b"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case that is imported.

    Attributes:
        name: The case name, which is unique and a valid file name.
        image: The file to copy, or a function that makes the pixels.
        masks: A function that makes the mask for each target; an unlabelled mask has no entry.
        labels: The label in each column; an unknown label has no entry.
    """

    name: str
    image: Path | Callable[[], NDArray[np.uint8]]
    masks: Mapping[str, Callable[[], NDArray[np.uint8]]] = field(default_factory=dict)
    labels: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """The file name of the image below images/."""
        return self.name + (self.image.suffix.lower() if isinstance(self.image, Path) else ".png")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The description of the labels of all cases.

    Attributes:
        name: The name of the data set.
        origin: The source, which the first line of dataset.yaml names.
        masks: The classes of each target, the background first.
        columns: The classes of each column; None for a column of numbers.
        split: The column with train, val or test; None if there is none.
    """

    name: str
    origin: str
    masks: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    split: str | None = None


@dataclass(frozen=True)
class Imported:
    """The imported data set.

    Attributes:
        folder: The folder with dataset.yaml.
        cases: The number of cases.
        masks: The number of masks of each target.
        notes: The decisions that were made, one line each, with counts.
    """

    folder: Path
    cases: int
    masks: dict[str, int]
    notes: list[str]


@dataclass(frozen=True)
class Region:
    """One annotation: its name in error messages, its class index, and the function that draws it."""

    where: str
    index: int
    draw: Callable[[Size], Pixels]


def paint(regions: Sequence[Region], size: Size, tally: Counter[str]) -> NDArray[np.uint8]:
    """Draw annotations in their order, later ones over earlier ones.

    Args:
        regions: The annotations of one mask.
        size: `(height, width)`.
        tally: Counter for the pixels that change from one class to another, and for annotations without pixels.

    Returns:
        The mask of shape `(height, width)` with class indices.

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


def annotated_size(path: Path, height: Any, width: Any) -> Size:
    """Return the size of an image.

    Args:
        path: The image.
        height: The height at which it was annotated; None if unknown.
        width: The width at which it was annotated; None if unknown.

    Raises:
        DataError: The image cannot be read, or was annotated at another size.
    """
    size = image_size(path)
    stated = (size[0] if height is None else height, size[1] if width is None else width)
    if stated != size:
        raise DataError(
            f"{path} has {size[1]}x{size[0]} pixels but was annotated at {stated[1]}x{stated[0]}; annotate it at its "
            "own size (after its EXIF rotation)"
        )
    return size


def write_layout(
    out: Path, cases: Sequence[Case], layout: Layout, problems: list[str], tally: Counter[str]
) -> Imported:
    """Write the folder, which is complete or not written at all.

    Args:
        out: The new folder, which must be absent or empty.
        cases: The cases, at least one.
        layout: The description of their labels.
        problems: The problems so far; those of single cases are added.
        tally: Counters by the description of what they count, which become the notes.

    Returns:
        The folder and its contents.

    Raises:
        DataError: There are problems; nothing is written.
        WriteError: The operating system refused the write.
    """
    refuse_used(out)
    if not cases and not problems:
        problems = [f"{layout.origin}: contains no images"]
    problems = problems + _find_formulas(cases, layout)
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
        read_dataset(folder)  # a data set that cannot be read again must not be written
    counts = {target: sum(target in case.masks for case in cases) for target in layout.masks}
    notes = [
        f"{n} {_singular(description) if n == 1 else description}" for description, n in tally.items() if n
    ]
    return Imported(out, len(cases), counts, notes)


def _singular(description: str) -> str:
    """Remove the s of the first plural."""
    return re.sub(_PLURAL, r"\1", description, count=1)


def _find_formulas(cases: Sequence[Case], layout: Layout) -> list[str]:
    """Find texts that a spreadsheet would run when it opens cases.csv."""
    cells = [case.name for case in cases]
    cells += [str(label) for case in cases for label in (*case.labels, *case.labels.values())]
    return [
        f"{layout.origin}: {cell!r} begins like a formula, which a spreadsheet would run; rename it there"
        for cell in dict.fromkeys(cells)
        if runs_as_formula(cell)
    ]


def refuse_used(out: Path) -> None:
    """Raise before the work if the output folder is in use.

    Raises:
        DataError: `out` is a file, a link, or a folder that is not empty.
    """
    if out.is_symlink() or (out.exists() and not (out.is_dir() and not any(out.iterdir()))):
        raise DataError(f"{out}: already exists; choose a new folder")


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
