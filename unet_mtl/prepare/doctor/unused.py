"""What a data set leaves unused: files that its description does not name, sheets, and further pictures in files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from os.path import normpath

from unet_mtl.data.description import Description
from unet_mtl.data.file_listing import Listing, describe_others, is_document, list_files
from unet_mtl.data.frames import describe_frames
from unet_mtl.data.inspection import ImageFacts, Inspection, MaskFacts
from unet_mtl.data.observations import Observation
from unet_mtl.data.readers import split_suffix
from unet_mtl.data.records import Dataset
from unet_mtl.data.tables import TABLE_DEPTH, TABLE_SUFFIXES
from unet_mtl.data.workbooks import describe_sheets
from unet_mtl.wording import count_of, name_some, printable

LOG_FILE = "repairs.csv"
"""The log of the changes in the folder of a repaired copy."""

_DESCRIPTIONS = (".yaml", ".yml", ".html")


def find_unused_files(
    dataset: Dataset, observations: Sequence[Observation], split_table: str | None = None
) -> Iterator[Observation]:
    """Report the files in the folder of a data set that its description does not name.

    Args:
        dataset: The cases that could be read.
        observations: The observations about files, whose files are not reported again.
        split_table: The path of a saved split, which the training reads.
    """
    root = dataset.description.root
    listing = list_files(root, links=dataset.description.links)
    named = {
        normpath(root / path)
        for path in (dataset.description.table, split_table, LOG_FILE)
        if path is not None
    }
    tables = [path for path, reason in listing.others.items() if reason.suffix in TABLE_SUFFIXES]
    near = [path for path in tables if len(path.relative_to(root).parts) <= TABLE_DEPTH]
    unused = [path.relative_to(root).as_posix() for path in near if normpath(path) not in named]
    if unused:
        yield Observation("tables-unused", name_some(map(printable, unused), 5))
    if dataset.description.images is not None:
        yield from _find_unused_files(dataset, observations, listing)


def _find_unused_files(
    dataset: Dataset, observations: Sequence[Observation], listing: Listing
) -> Iterator[Observation]:
    root = dataset.description.root
    known = {file.path for record in dataset for files in record.masks.values() for file in files}
    known |= {path for record in dataset for path in record.image_files}
    known |= {observation.path for observation in observations if observation.path is not None}
    unused = Counter(
        (path.parent.relative_to(root).as_posix(), split_suffix(path.name)[1].lower())
        for path in listing.pictures
        if path not in known
    )
    if unused:
        groups = (
            f"{count_of(n, 'file')} {f'of type {suffix}' if suffix else 'without a suffix'} in {printable(folder)}"
            for (folder, suffix), n in unused.most_common()
        )
        yield Observation("files-unused", name_some(groups, 5))
    others = {
        path: reason
        for path, reason in listing.others.items()
        if reason.suffix not in (*_DESCRIPTIONS, *TABLE_SUFFIXES) and not is_document(path)
    }
    if others:
        yield Observation("files-unread", describe_others(root, others))


def find_unused_sheets(description: Description) -> Iterator[Observation]:
    """Report the sheets of a workbook that are not read, unless the description names one."""
    if description.table is None or description.sheet is not None:
        return
    found = describe_sheets(description.root / description.table)
    if found:
        yield Observation("sheets-unused", f"{description.table}: {found}")


def find_unused_pictures(dataset: Dataset, inspection: Inspection) -> Iterator[Observation]:
    """Report files that hold several pictures, where the description does not say which one is read.

    Args:
        dataset: The cases that could be read.
        inspection: Facts about their files.
    """
    unspecified = {record.case for record in dataset if record.frame is None}
    facts: dict[str, Mapping[str, ImageFacts | MaskFacts]] = {"images": inspection.images}
    facts |= {f"masks of {target}": masks for target, masks in inspection.masks.items()}
    for what, of_cases in facts.items():
        several = {case: of_case.frames for case, of_case in of_cases.items() if case in unspecified}
        found = describe_frames(frames for of_case in several.values() for frames in of_case)
        if found:
            cases = tuple(case for case, of_case in several.items() if any(n > 1 for n, _ in of_case))
            yield Observation("several-pictures", f"{what}: {found}", cases)
