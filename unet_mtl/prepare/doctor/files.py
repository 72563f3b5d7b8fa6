"""Files without a row in the table, and rows without their files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unet_mtl.data.file_listing import is_utf8
from unet_mtl.data.observations import Observation
from unet_mtl.data.patterns import glob_files, glob_pattern, is_stray, is_there, leaves, match_pattern
from unet_mtl.data.readers import suffix_of
from unet_mtl.data.records import Dataset
from unet_mtl.prepare.doctor.mask_names import RenamedMask, folder_and_key, with_slashes


def check_files(
    dataset: Dataset, observations: Iterable[Observation], renamed: Sequence[RenamedMask] = ()
) -> list[Observation]:
    """Report files that fit a pattern and belong to no case.

    Args:
        dataset: The cases that could be read.
        observations: The observations about the table. Those of missing images become "image-renamed" where a file of
            a similar name exists.
        renamed: Masks that exist under another name.

    Returns:
        The given observations, followed by the new ones.
    """
    root = dataset.description.root
    known = {file.path for record in dataset for files in record.masks.values() for file in files}
    known |= {path for record in dataset for path in record.image_files}
    patterns = dataset.description.image_patterns.values()
    fitting = dict.fromkeys(path for pattern in patterns for path in _find_fitting(root, pattern))
    unmatched = [path for path in fitting if path not in known]
    candidates = [*unmatched, *_find_beside_missing(dataset)]
    similar = find_similar_images(dataset, candidates)
    taken = set(similar.values())
    renamed = [mask for mask in renamed if mask.file.path not in taken]
    taken |= {mask.file.path for mask in renamed}
    rest = [path for path in unmatched if path not in taken]
    result = [_with_similar_mask(_with_similar_image(item, similar, root), renamed) for item in observations]
    result += [
        Observation(
            "mask-renamed",
            f"case {mask.case!r}: no mask {mask.target!r} at {mask.expected}, but there is {mask.file.path.name!r}",
            (mask.case,),
            mask.file.path,
        )
        for mask in renamed
    ]
    result += [
        Observation("image-without-row", f"{path}: the table has no row for this image", path=path)
        for path in rest
    ]
    known |= {mask.file.path for mask in renamed} | set(rest)
    for mask in dataset.description.masks.values():
        for pattern in mask.patterns.values():
            result += [
                Observation("mask-without-case", f"{path}: this mask belongs to no case", path=path)
                for path in _find_fitting(root, pattern)
                if path not in known
            ]
    return result


def _with_similar_image(observation: Observation, similar: dict[str, Path], root: Path) -> Observation:
    """Add the file that is probably meant to an observation of a missing image."""
    if observation.kind != "image-missing" or observation.cases[0] not in similar:
        return observation
    path = similar[observation.cases[0]]
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    text = f"{observation.text}, but there is {name!r}"
    return replace(observation, kind="image-renamed", text=text, path=path)


def _with_similar_mask(observation: Observation, renamed: Sequence[RenamedMask]) -> Observation:
    """Add the file that is probably meant to an observation of a missing mask."""
    names = [mask.file.path.name for mask in renamed if mask.case in observation.cases]
    if observation.kind != "mask-missing" or not names:
        return observation
    return replace(observation, text=f"{observation.text}, but there is {' and '.join(map(repr, names))}")


def _find_fitting(root: Path, pattern: str) -> Iterator[Path]:
    for path in glob_files(root, glob_pattern(pattern)):
        name = path.relative_to(root).as_posix()
        fits = match_pattern(pattern, name) is not None and not is_stray(name, pattern)
        if fits and is_utf8(name) and path.is_file() and suffix_of(path):
            yield path


def find_similar_images(dataset: Dataset, candidates: Iterable[Path]) -> dict[str, Path]:
    """Return the probable image of each case without one, by case.

    A file is probable if its name differs from the expected one only as in `find_renamed_masks`. Files that fit
    several cases, and cases that several files fit, are left out.

    Args:
        dataset: The cases that could be read.
        candidates: Files that belong to no case yet.
    """
    by_letters: dict[tuple[Path, str], set[Path]] = {}
    for path in candidates:
        by_letters.setdefault(folder_and_key(path), set()).add(path)
    similar = {}
    images = {record.case: record.image for record in dataset if record.image is not None}
    for case, image in images.items() if by_letters else ():
        key = folder_and_key(image)
        fitting = by_letters.get(key, set())
        if key[1] and len(fitting) == 1 and not is_there(image):
            similar[case] = next(iter(fitting))
    n_cases = Counter(similar.values())
    return {case: path for case, path in similar.items() if n_cases[path] == 1}


def _find_beside_missing(dataset: Dataset) -> Iterator[Path]:
    """Yield unknown files in the folders of missing images, even if they do not fit the pattern."""
    known = {record.image for record in dataset if record.image is not None}
    known |= {path for record in dataset for path in record.image_files}
    missing = [image for image in known if not is_there(image)]
    known |= {file.path for record in dataset for files in record.masks.values() for file in files}
    root, links = dataset.description.root, dataset.description.links
    for folder in {with_slashes(image).parent for image in missing}:
        if links or not leaves(root, folder):
            try:
                paths = sorted(folder.iterdir())
            except (OSError, ValueError):  # the folder does not exist, or its name is not allowed
                continue
            yield from (path for path in paths if path not in known and suffix_of(path))
