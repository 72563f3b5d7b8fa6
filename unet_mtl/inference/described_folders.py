"""Folders that a description fits: which of their files are images, which are masks, and which are left aside."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from string import Formatter

from unet_mtl.data.description import DESCRIPTION_FILE, Description, read_description
from unet_mtl.data.file_listing import Reason, describe_others, list_files
from unet_mtl.data.patterns import ANY, is_there, match_pattern
from unet_mtl.data.readers import split_suffix
from unet_mtl.data.records import scan_dataset
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of, name_some, printable

_SETTINGS = (DESCRIPTION_FILE, "config.yaml")
_MASKS = Reason("file", "named like masks")


def find_description(folder: Path, trained_on: Description | None) -> Description | None:
    """Return the description of the images in a folder, relative to the folder where it is their root.

    Args:
        folder: The folder.
        trained_on: Description of the data that a run was trained on, which describes their own folder.

    Returns:
        The description in the folder's dataset.yaml, or that of the training; None if neither describes its images.

    Raises:
        DataError: The dataset.yaml cannot be read.
    """
    same = trained_on is not None and trained_on.root.resolve() == folder.resolve()
    found = (
        read_description(folder) if (folder / DESCRIPTION_FILE).is_file() else trained_on if same else None
    )
    if found is None or found.images is None:
        return None
    inside = found.root.resolve() == folder.resolve()
    return found.model_copy(update={"root": folder}) if inside else found


def find_described_images(description: Description, on_note: Callable[[str], None]) -> dict[Path, str]:
    """Find the images that a description names, and note what else its folder has.

    Args:
        description: The description, in which one file holds all channels of an image.
        on_note: Function that receives a sentence about files that are left aside and one about images that are not
            there.

    Returns:
        Name for output files by path, in the form that `find_images` returns.

    Raises:
        DataError: The table of the data set cannot be used, or no image is there.
    """
    records, _ = scan_dataset(without_labels(description))
    images = [record.image for record in records if record.image is not None]
    there = {path: name_below(path.relative_to(description.root)) for path in images if is_there(path)}
    expected = f"`{description.images}`"
    if not there:
        raise DataError(f"no image is there that its data set describes; expected {expected}")
    absent = [record.case for record in records if record.image not in there]
    if absent:
        cases = f"{count_of(len(absent), 'case')} of its data set without an image"
        on_note(f"{printable(description.root)}: {cases} ({name_some(map(printable, absent))})")
    note_others(description, there, on_note)
    return there


def without_labels(description: Description) -> Description:
    """Return the description without labels, which new cases do not have."""
    masks = {name: mask.model_copy(update={"required": False}) for name, mask in description.masks.items()}
    update = {"masks": masks, "columns": {}, "patient": None, "split": None}
    return description.model_copy(update=update)


def name_below(path: Path) -> str:
    """Return the name of the outputs of an image from its path below the folder that was given.

    >>> name_below(Path("day1/scan.nii.gz"))
    'day1/scan'
    """
    return (path.parent / split_suffix(path.name)[0]).as_posix()


def note_others(description: Description, used: Iterable[Path], on_note: Callable[[str], None]) -> None:
    """Note the files in the folder of a data set that are not predicted, with the names that images have.

    Args:
        description: The description by which images were found.
        used: The files of the images.
        on_note: Function that receives the sentence; it is not called if no other file is there.
    """
    listing = list_files(description.root, any_name=True)
    expected = name_some((f"`{pattern}`" for pattern in description.image_patterns.values()), 8)
    why = f"that no row of {description.table} names" if description.table else "not named like images"
    unlike = Reason("file", why, f"expected {expected}")
    known = {
        *used,
        *(description.root / name for name in (*_SETTINGS, description.table or DESCRIPTION_FILE)),
    }
    others = {path: reason for path, reason in listing.others.items() if path not in known}
    for path in listing.pictures:
        if path not in known:
            others[path] = _MASKS if is_named_like_mask(path, description) else unlike
    if others:
        on_note(f"{printable(description.root)}: left aside {describe_others(description.root, others)}")


def note_masks(
    where: str, paths: Collection[Path], trained_on: Description | None, on_note: Callable[[str], None]
) -> None:
    """Note images that are predicted and are named like masks of the training.

    Args:
        where: What the sentence begins with.
        paths: The images.
        trained_on: Description of the data that the run was trained on; None if it is not known.
        on_note: Function that receives the sentence; it is not called if there is no such image.
    """
    masks = [path for path in paths if trained_on is not None and is_named_like_mask(path, trained_on)]
    if masks:
        names = name_some((printable(Path(*path.parts[-2:]).as_posix()) for path in masks), 3)
        on_note(
            f"{where}{len(masks):,} of {count_of(len(paths), 'image')} "
            f"{'is' if len(masks) == 1 else 'are'} named like masks of the training ({names}); if they are masks, give "
            "the folder of the images alone"
        )


def is_named_like_mask(path: Path, description: Description) -> bool:
    """Return whether the end of a path fits the pattern of a mask, and no pattern of images with as much fixed text.

    A pattern such as `{case}.png`, whose only fixed text is the suffix, says nothing about masks.

    Args:
        path: The file, in any folder.
        description: The description with the patterns.
    """
    masks = [pattern for mask in description.masks.values() for pattern in mask.patterns.values()]
    telling = [pattern for pattern in masks if any(map(str.isalnum, _fixed_text(split_suffix(pattern)[0])))]
    return _longest_fit(path, telling) > _longest_fit(path, description.image_patterns.values())


def _longest_fit(path: Path, patterns: Iterable[str]) -> int:
    """Return the number of characters of fixed text in the most specific pattern that fits; 0 if none does."""
    parts = path.absolute().parts
    fitting = (p for p in patterns if match_pattern(p, "/".join(parts[-p.count("/") - 1 :])))
    return max((len(_fixed_text(pattern)) for pattern in fitting), default=0)


def _fixed_text(pattern: str) -> str:
    return "".join(literal for literal, *_ in Formatter().parse(pattern)).replace(ANY, "")
