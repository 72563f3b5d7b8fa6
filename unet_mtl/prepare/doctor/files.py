"""Files and rows that do not find each other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import glob_pattern, is_stray, is_there, leaves, match_pattern
from unet_mtl.data.readers import suffix_of
from unet_mtl.data.records import Dataset
from unet_mtl.prepare.doctor.mask_names import RenamedMask, place_and_letters


def check_files(
    dataset: Dataset, observations: Iterable[Observation], renamed: Sequence[RenamedMask] = ()
) -> list[Observation]:
    """Looks for files that fit a pattern and belong to no case.

    Args:
        dataset: The cases that could be read.
        observations: Of the table; an image that is missing under its name and there under a similar one is
            told as such.
        renamed: Masks that are there under another name.

    Returns:
        The observations given, and the new ones.
    """
    root = dataset.description.root
    known = {file.path for record in dataset for files in record.masks.values() for file in files}
    known |= {record.image for record in dataset if record.image is not None}
    images = dataset.description.images
    strange = [path for path in _fitting(root, images) if path not in known] if images else []
    told, found = _renamed(dataset, strange, observations)
    similar = set(found.values())
    renamed = [mask for mask in renamed if mask.file.path not in similar]
    elsewhere = {mask.file.path for mask in renamed}
    known |= elsewhere
    rest = [path for path in strange if path not in similar and path not in elsewhere]
    told = [_with_its_mask(seen, renamed) for seen in told]
    told += [
        Observation(
            "mask-renamed",
            f"case {mask.case!r}: no mask {mask.target!r} at {mask.expected}, but there is {mask.file.path.name!r}",
            (mask.case,),
            mask.file.path,
        )
        for mask in renamed
    ]
    told += [
        Observation("image-without-row", f"{path}: no row of the table names this image", path=path)
        for path in rest
    ]
    known.update(rest)
    for mask in dataset.description.masks.values():
        for pattern in mask.patterns.values():
            told += [
                Observation("mask-without-case", f"{path}: no case has this mask", path=path)
                for path in _fitting(root, pattern)
                if path not in known
            ]
    return told


def _with_its_mask(seen: Observation, renamed: Sequence[RenamedMask]) -> Observation:
    """The mask that is missing, and the file that may be meant."""
    names = [mask.file.path.name for mask in renamed if mask.case in seen.cases]
    if seen.kind != "mask-missing" or not names:
        return seen
    return replace(seen, text=f"{seen.text}, but there is {' and '.join(map(repr, names))}")


def _fitting(root: Path, pattern: str) -> Iterator[Path]:
    for path in sorted(root.glob(glob_pattern(pattern))):
        name = path.relative_to(root).as_posix()
        fits = match_pattern(pattern, name) is not None and not is_stray(name, pattern)
        if fits and path.is_file() and suffix_of(path):
            yield path


def similar_images(dataset: Dataset, strange: Iterable[Path]) -> dict[str, Path]:
    """Images by the one case that lacks it, where a file differs in capitals, blanks or suffix alone."""
    by_spelling: dict[tuple[Path, str], set[Path]] = {}
    for path in strange:
        by_spelling.setdefault(place_and_letters(path), set()).add(path)
    found = {}
    images = {record.case: record.image for record in dataset if record.image is not None}
    for case, image in images.items() if by_spelling else ():
        place = place_and_letters(image)
        alike = by_spelling.get(place, set())
        if place[1] and len(alike) == 1 and not is_there(image):
            found[case] = next(iter(alike))
    meant = Counter(found.values())
    return {case: path for case, path in found.items() if meant[path] == 1}


def _renamed(
    dataset: Dataset, strange: list[Path], observations: Iterable[Observation]
) -> tuple[list[Observation], dict[str, Path]]:
    candidates = [*strange, *_beside(dataset)]
    found = similar_images(dataset, candidates)
    told = []
    for seen in observations:
        if seen.kind == "image-missing" and seen.cases[0] in found:
            path = found[seen.cases[0]]
            seen = replace(
                seen, kind="image-renamed", text=f"{seen.text}, but there is {path.name!r}", path=path
            )
        told.append(seen)
    return told, found


def _beside(dataset: Dataset) -> Iterator[Path]:
    """Files in the folders of missing images that do not fit the pattern: another suffix, say."""
    known = {record.image for record in dataset if record.image is not None}
    missing = [image for image in known if not is_there(image)]
    known |= {file.path for record in dataset for files in record.masks.values() for file in files}
    root, links = dataset.description.root, dataset.description.links
    for folder in {image.parent for image in missing}:
        if links or not leaves(root, folder):
            try:
                paths = sorted(folder.iterdir())
            except (OSError, ValueError):  # there is none of this name, or none can have it
                continue
            yield from (path for path in paths if path not in known and suffix_of(path))
