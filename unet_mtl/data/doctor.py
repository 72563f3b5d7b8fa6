"""What is in a data set: every file opened once, everything that is wrong said at once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from unet_mtl.data.duplicates import Fingerprint, fingerprint
from unet_mtl.data.images import IGNORE, read_image
from unet_mtl.data.masks import read_case_mask
from unet_mtl.data.records import Dataset, Record
from unet_mtl.errors import DataError

_CHANNELS = {1: "grey", 3: "colour"}


@dataclass(frozen=True)
class Inspection:
    """What the files of a data set hold.

    Attributes:
        sizes: Images by (height, width).
        types: Images by kind, "8-bit grey", say.
        pixels: By mask name: pixels by class name, "not labelled" included.
        present: By mask name: cases by class name that have at least one pixel of it.
        prints: By case, what tells whether two images are alike.
        problems: A line each, the file named.
    """

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    pixels: dict[str, Counter[str]] = field(default_factory=dict)
    present: dict[str, Counter[str]] = field(default_factory=dict)
    prints: dict[str, Fingerprint] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def inspect_dataset(
    dataset: Dataset, *, workers: int = 4, on_case: Callable[[], None] = lambda: None
) -> Inspection:
    """Opens every image and mask.

    Args:
        dataset: From `read_dataset` or `scan_dataset`; images that are not there are passed over.
        workers: Threads.
        on_case: Called after each case, for a progress bar.
    """
    names = dataset.description.masks
    inspection = Inspection(pixels={n: Counter() for n in names}, present={n: Counter() for n in names})
    with ThreadPoolExecutor(workers) as pool:
        for found in pool.map(lambda record: _inspect_case(record, dataset), dataset):
            inspection.sizes.update(found.sizes)
            inspection.types.update(found.types)
            inspection.prints.update(found.prints)
            inspection.problems.extend(found.problems)
            for name in names:
                inspection.pixels[name].update(found.pixels.get(name, {}))
                inspection.present[name].update(found.present.get(name, {}))
            on_case()
    return inspection


def _inspect_case(record: Record, dataset: Dataset) -> Inspection:
    found = Inspection()
    if not record.image.is_file():
        return found
    try:
        image = read_image(record.image)
    except DataError as error:
        found.problems.extend(error.problems)
        return found
    depth = "8-bit" if image.dtype == np.uint8 else "16-bit or float"
    channels = image.shape[-1]
    found.types[f"{depth} {_CHANNELS.get(channels, f'of {channels} channels')}"] += 1
    found.sizes[image.shape[:2]] += 1
    found.prints[record.case] = fingerprint(image)
    for name, description in dataset.description.masks.items():
        try:
            mask = read_case_mask(record, name, description)
        except DataError as error:
            found.problems.extend(error.problems)
            continue
        if mask is not None:
            counts = np.bincount(mask.ravel(), minlength=IGNORE + 1)
            words = [*description.classes, *[""] * (IGNORE - len(description.classes)), "not labelled"]
            found.pixels[name] = Counter({words[i]: int(counts[i]) for i in np.flatnonzero(counts)})
            found.present[name] = Counter(dict.fromkeys(found.pixels[name], 1))
    return found


def count_masks(dataset: Dataset) -> dict[str, int]:
    """Cases that have a file, of each mask."""
    return {name: sum(name in record.masks for record in dataset) for name in dataset.description.masks}


def count_labels(dataset: Dataset) -> dict[str, int]:
    """Labelled cases of each column."""
    return {name: sum(name in record.labels for record in dataset) for name in dataset.description.columns}


def count_classes(dataset: Dataset) -> dict[str, Counter[str]]:
    """Cases by class of each column that has classes."""
    columns = {name: column for name, column in dataset.description.columns.items() if column.classes}
    return {
        name: Counter(
            {c: 0 for c in column.classes or ()}
            | Counter(str(r.labels[name]) for r in dataset if name in r.labels)
        )
        for name, column in columns.items()
    }
