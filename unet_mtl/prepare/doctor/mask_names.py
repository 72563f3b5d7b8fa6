"""Masks that are there under a name which differs from the expected one in how it is spelled alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unet_mtl.data.patterns import ANY, is_stray, leaves, match_pattern
from unet_mtl.data.readers import suffix_of
from unet_mtl.data.records import Dataset, MaskFile
from unet_mtl.data.rows import CASE
from unet_mtl.near_names import letters_of


@dataclass(frozen=True, slots=True)
class RenamedMask:
    """A file that seems to be the mask of a case.

    Attributes:
        case: Whose.
        target: Which mask.
        file: That is there.
        expected: Where the description says that it is.
    """

    case: str
    target: str
    file: MaskFile
    expected: Path


def find_renamed_masks(dataset: Dataset, table: pd.DataFrame) -> list[RenamedMask]:
    """Looks beside each mask that is absent for one file that differs in capitals, blanks or suffix.

    A file that two cases may mean, and two files for one case, are left alone; so are patterns of several files.

    Args:
        dataset: The cases that could be read.
        table: Its rows, as `read_rows` gives them.
    """
    used = {record.image for record in dataset if record.image is not None}
    used |= {file.path for record in dataset for files in record.masks.values() for file in files}
    rows: dict[str, dict[str, str]] = {}
    found: list[RenamedMask] = []
    for target, mask in dataset.description.masks.items():
        for word, pattern in mask.patterns.items():
            index = mask.classes.index(word) if word else None
            having = {r.case for r in dataset if any(file.index == index for file in r.masks.get(target, ()))}
            if ANY in pattern or len(having) == len(dataset):
                continue
            rows = rows or {row[CASE]: row for row in reversed(table.to_dict("records"))}
            expected = {r.case: _expected(dataset, pattern, rows[r.case]) for r in dataset}
            for case, path in _alike(dataset, pattern, expected, having, used):
                found.append(RenamedMask(case, target, MaskFile(path, index), expected[case]))
                used.add(path)
    return found


def _expected(dataset: Dataset, pattern: str, row: dict[str, str]) -> Path:
    return dataset.description.root / pattern.format_map({**row, "case": row[CASE]})


def _alike(
    dataset: Dataset, pattern: str, expected: dict[str, Path], having: set[str], used: set[Path]
) -> Iterator[tuple[str, Path]]:
    """Cases without this mask, and the one file that is meant."""
    meant: dict[tuple[Path, str], list[str]] = {}
    for case, path in expected.items():
        meant.setdefault(place_and_letters(path), []).append(case)
    there: dict[tuple[Path, str], list[Path]] = {}
    for folder in {path.parent for case, path in expected.items() if case not in having}:
        for path in _files(dataset, pattern, folder):
            if path not in used:
                there.setdefault(place_and_letters(path), []).append(path)
    for key, paths in there.items():
        cases: Sequence[str] = meant.get(key, ())
        if key[1] and len(cases) == len(paths) == 1 and cases[0] not in having:
            yield cases[0], paths[0]


def _files(dataset: Dataset, pattern: str, folder: Path) -> Iterator[Path]:
    """What may be a mask: not what fits the pattern of the images alone, and nothing outside of the data set."""
    description = dataset.description
    root = description.root
    try:
        paths = sorted(path for path in folder.iterdir() if suffix_of(path) and path.is_file())
    except (OSError, ValueError):  # there is none of this name, or none can have it
        return
    for path in paths:
        if not path.is_relative_to(root) or (not description.links and leaves(root, path)):
            continue
        name = path.relative_to(root).as_posix()
        an_image = match_pattern(description.images or "", name) and not match_pattern(pattern, name)
        if not an_image and not is_stray(name, pattern):
            yield path


def place_and_letters(path: Path) -> tuple[Path, str]:
    """Folder, and the letters of the name without its suffix."""
    return path.parent, letters_of(path.name[: len(path.name) - len(suffix_of(path))])
