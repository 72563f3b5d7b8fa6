"""Every file of a data set opened once, and what is kept of it: a few numbers, never the pixels.

Cases are read by a few threads and forgotten at once, so that memory grows by some 3 KB a case, whatever the
images are.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.burned_in import FixedMarks, Marks, find_marks
from unet_mtl.data.description import MaskDescription
from unet_mtl.data.duplicates import Fingerprint, fingerprint
from unet_mtl.data.images import IGNORE, count_soft_alpha, describe_file, read_image
from unet_mtl.data.masks import count_pixels, read_case_mask, region_of
from unet_mtl.data.observations import Observation, observe, texts
from unet_mtl.data.patterns import is_there
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.thumbnails import coarse_thumbnail
from unet_mtl.errors import DataError

_CHANNELS = {1: "grey", 3: "colour"}
_Of = TypeVar("_Of")
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is kept of an image.

    Attributes:
        size: (height, width), EXIF rotation applied.
        kind: "8-bit grey", say.
        suffix: Of the format that its first bytes tell, ".png" say.
        orientation: As EXIF says it, 1..8; 1 is upright.
        low: Lowest value, in 0..1 of the type's range.
        high: Highest value.
        plain: Three channels that are one and the same: grey stored as colour.
        coarse: 8 x 8 brightness, uint8.
        marks: Thin bright strokes and coloured pixels that nature does not draw.
    """

    size: tuple[int, int]
    kind: str
    suffix: str
    orientation: int
    low: float
    high: float
    plain: bool
    coarse: bytes
    marks: Marks


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """What is kept of the mask of a case.

    Attributes:
        pixels: By class index; 255 is what nobody labelled. Where classes overlap, a pixel counts for each.
        border: Share of the outermost labelled pixels that are not background; 0 where none is labelled.
        digest: Of the class indices.
        soft: Half-transparent pixels in its files.
        shared: How often pixels count more than once in `pixels`.
    """

    pixels: dict[int, int]
    border: float
    digest: bytes
    soft: int
    shared: int = 0

    @property
    def foreground(self) -> int:
        """Pixels of any class but the background."""
        return sum(n for index, n in self.pixels.items() if index not in (0, IGNORE)) - self.shared

    @property
    def labelled(self) -> int:
        """Pixels that somebody labelled."""
        return self.foreground + self.pixels.get(0, 0)


@dataclass(frozen=True)
class Inspection:
    """What the files of a data set hold.

    Attributes:
        images: By case; one that cannot be read has no entry.
        masks: By target and case; one that cannot be read has no entry.
        prints: By case, what tells whether two images are alike.
        fixed: Strokes that many images share.
        observations: What could not be read or understood.
    """

    images: dict[str, ImageFacts] = field(default_factory=dict)
    masks: dict[str, dict[str, MaskFacts]] = field(default_factory=dict)
    prints: dict[str, Fingerprint] = field(default_factory=dict)
    fixed: FixedMarks = field(default_factory=FixedMarks)
    observations: list[Observation] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """A line each, the file named."""
        return texts(self.observations)

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """Images by (height, width)."""
        return Counter(image.size for image in self.images.values())

    @property
    def types(self) -> Counter[str]:
        """Images by kind."""
        return Counter(image.kind for image in self.images.values())

    def pixels(self, target: str) -> Counter[int]:
        """Pixels of all masks, by class index."""
        total: Counter[int] = Counter()
        for mask in self.masks[target].values():
            total.update(mask.pixels)
        return total

    def present(self, target: str) -> Counter[int]:
        """Cases that have at least one pixel of it, by class index."""
        return Counter(index for mask in self.masks[target].values() for index in mask.pixels)


@dataclass(frozen=True)
class _Case:
    record: Record
    image: ImageFacts | None = None
    print: Fingerprint | None = None
    strokes: NDArray[np.bool_] | None = None
    masks: dict[str, MaskFacts] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)


def inspect_dataset(
    dataset: Dataset,
    *,
    intensity: Intensity = "auto",
    workers: int = 4,
    on_case: Callable[[], None] = lambda: None,
) -> Inspection:
    """Opens every image and mask.

    Args:
        dataset: From `read_dataset` or `scan_dataset`; images that are not there are passed over.
        intensity: As the training will read the images.
        workers: Threads.
        on_case: Called after each case, for a progress bar.
    """
    inspection = Inspection(masks={name: {} for name in dataset.description.masks})
    masks = dataset.description.masks
    for found in _in_order(lambda record: _inspect_case(record, masks, intensity), dataset, workers):
        case = found.record.case
        inspection.observations.extend(found.observations)
        if found.image is not None and found.print is not None:
            inspection.images[case] = found.image
            inspection.prints[case] = found.print
            inspection.fixed.add(found.image.size, found.strokes)
        for target, mask in found.masks.items():
            inspection.masks[target][case] = mask
        on_case()
    return inspection


def _in_order(work: Callable[[_Given], _Of], given: Iterable[_Given], workers: int) -> Iterator[_Of]:
    """Like the map of a pool, which would take all that is given at once, and keep all that comes back."""
    waiting: deque[Future[_Of]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for one in given:
            waiting.append(pool.submit(work, one))
            if len(waiting) > 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _inspect_case(record: Record, masks: dict[str, MaskDescription], intensity: Intensity) -> _Case:
    found = _Case(record)
    if record.image is None or not is_there(record.image):
        return found
    try:
        image = read_image(record.image, record.frame, intensity)
        facts, strokes = _image_facts(
            record.image, image, depth="16-bit or float" if intensity == "auto" else "scaled"
        )
    except DataError as error:
        return _Case(record, observations=observe(error, "image-unreadable", record.case))
    found = _Case(record, facts, fingerprint(image), strokes)
    for target, description in masks.items():
        try:
            mask = read_case_mask(record, target, description)
        except DataError as error:
            found.observations.extend(observe(error, "mask-unreadable", record.case))
            continue
        if mask is not None:
            soft = sum(count_soft_alpha(file.path) for file in record.masks[target])
            found.masks[target] = _mask_facts(mask, soft)
    return found


def _image_facts(path: Path, image: NDArray[Any], depth: str) -> tuple[ImageFacts, NDArray[np.bool_]]:
    suffix, orientation = describe_file(path)
    channels = image.shape[-1]
    if image.dtype == np.uint8:
        depth, scale = "8-bit", 255
    else:
        scale = 1
    marks, strokes = find_marks(image)
    facts = ImageFacts(
        size=image.shape[:2],
        kind=f"{depth} {_CHANNELS.get(channels, f'of {channels} channels')}",
        suffix=suffix,
        orientation=orientation,
        low=float(image.min()) / scale,
        high=float(image.max()) / scale,
        plain=channels == 3 and bool((image == image[..., :1]).all()),
        coarse=coarse_thumbnail(image).tobytes(),
        marks=marks,
    )
    return facts, strokes


def _mask_facts(mask: NDArray[np.uint8], soft: int) -> MaskFacts:
    pixels = count_pixels(mask)
    drawn = mask if mask.ndim == 2 else np.where(region_of(mask, IGNORE), IGNORE, ~region_of(mask, 0))
    edge = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    edge = edge[edge != IGNORE]
    hashed = blake2b(repr(mask.shape).encode(), digest_size=12)
    hashed.update(np.ascontiguousarray(mask).data)
    return MaskFacts(
        pixels=pixels,
        border=float((edge != 0).mean()) if edge.size else 0.0,
        digest=hashed.digest(),
        soft=soft,
        shared=sum(n for index, n in pixels.items() if index not in (0, IGNORE))
        - int(np.count_nonzero((drawn != 0) & (drawn != IGNORE))),
    )
