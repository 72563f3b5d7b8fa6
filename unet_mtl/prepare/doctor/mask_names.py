"""Masks with file names that differ from the expected ones in spelling only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from unet_mtl.data.patterns import ANY, is_stray, leaves, match_pattern
from unet_mtl.data.readers import suffix_of
from unet_mtl.data.records import Dataset, MaskFile
from unet_mtl.data.rows import CASE
from unet_mtl.near_names import name_key


@dataclass(frozen=True, slots=True)
class RenamedMask:
    """A file that is probably the mask of a case.

    Attributes:
        case: Name of the case.
        target: Name of the mask in the description.
        file: The existing file.
        expected: The path that the description gives.
    """

    case: str
    target: str
    file: MaskFile
    expected: Path


def find_renamed_masks(dataset: Dataset, table: pd.DataFrame) -> list[RenamedMask]:
    """Look for a similarly named file beside each missing mask.

    The name may differ in the ways that `name_key` ignores, in its suffix, and in backslashes between folders. A file
    that fits two cases, two files that fit one case, and patterns of several files are ignored.

    Args:
        dataset: The cases that could be read.
        table: The rows, in the form that `read_rows` returns.
    """
    used = {path for record in dataset for path in record.image_files}
    used |= {file.path for record in dataset for files in record.masks.values() for file in files}
    rows: dict[str, dict[str, str]] = {}
    renamed: list[RenamedMask] = []
    for target, mask in dataset.description.masks.items():
        for name, pattern in mask.patterns.items():
            index = mask.classes.index(name) if name else None
            complete = {
                r.case for r in dataset if any(file.index == index for file in r.masks.get(target, ()))
            }
            if ANY in pattern or len(complete) == len(dataset):
                continue
            rows = rows or {row[CASE]: row for row in reversed(table.to_dict("records"))}
            expected = {r.case: _expected_path(dataset, pattern, rows[r.case]) for r in dataset}
            for case, path in _find_similar(dataset, pattern, expected, complete, used):
                renamed.append(RenamedMask(case, target, MaskFile(path, index), expected[case]))
                used.add(path)
    return renamed


def _expected_path(dataset: Dataset, pattern: str, row: dict[str, str]) -> Path:
    return dataset.description.root / pattern.format_map({**row, "case": row[CASE]})


def _find_similar(
    dataset: Dataset, pattern: str, expected: dict[str, Path], complete: set[str], used: set[Path]
) -> Iterator[tuple[str, Path]]:
    """Yield each case without this mask for which exactly one file fits, and that file."""
    cases_of: dict[tuple[Path, str], list[str]] = {}
    for case, path in expected.items():
        cases_of.setdefault(folder_and_key(path), []).append(case)
    paths_of: dict[tuple[Path, str], list[Path]] = {}
    for folder in {with_slashes(path).parent for case, path in expected.items() if case not in complete}:
        for path in _candidates(dataset, pattern, folder):
            if path not in used:
                paths_of.setdefault(folder_and_key(path), []).append(path)
    for key, paths in paths_of.items():
        cases: Sequence[str] = cases_of.get(key, ())
        if key[1] and len(cases) == len(paths) == 1 and cases[0] not in complete:
            yield cases[0], paths[0]


def _candidates(dataset: Dataset, pattern: str, folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that may be masks: inside the data set, and not obviously images."""
    description = dataset.description
    root = description.root
    try:
        paths = sorted(path for path in folder.iterdir() if suffix_of(path) and path.is_file())
    except (OSError, ValueError):  # the folder does not exist, or its name is not allowed
        return
    for path in paths:
        if not path.is_relative_to(root) or (not description.links and leaves(root, path)):
            continue
        name = path.relative_to(root).as_posix()
        fits = any(match_pattern(images, name) for images in description.image_patterns.values())
        an_image = fits and not match_pattern(pattern, name)
        if not an_image and not is_stray(name, pattern):
            yield path


def folder_and_key(path: Path) -> tuple[Path, str]:
    """Return the folder of a file, and the key of its name without the suffix."""
    path = with_slashes(path)
    return path.parent, name_key(path.name[: len(path.name) - len(suffix_of(path))])


def with_slashes(path: Path) -> Path:
    """Return the path that is meant if its backslashes separate folders, as in tables from Windows."""
    return Path(str(path).replace("\\", "/"))
