"""Read every file of a data set once, and keep a few numbers of each.

A few threads read the cases, and pixels are discarded at once, so that memory grows by about 4 KB per case,
whatever the sizes of the images.
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

from unet_mtl.data.burned_in import BurnedIn, SharedStrokes, find_burned_in
from unet_mtl.data.channel_files import find_other_spacing, read_case_image
from unet_mtl.data.description import MaskDescription
from unet_mtl.data.duplicates import Fingerprint, fingerprint
from unet_mtl.data.images import (
    IGNORE,
    convertible_to,
    count_soft_alpha,
    describe_file,
    read_header,
)
from unet_mtl.data.masks import choose_mask_frame, count_pixels, read_mask_files, region_of, unite_masks
from unet_mtl.data.observations import Observation, observe, texts
from unet_mtl.data.patterns import is_there
from unet_mtl.data.readers.intensity import Intensity
from unet_mtl.data.records import Dataset, Record
from unet_mtl.data.smeared_masks import Smeared, find_smeared, unite_smeared
from unet_mtl.data.thumbnails import coarse_thumbnail
from unet_mtl.errors import DataError
from unet_mtl.wording import count_of

_CHANNELS = {1: "grey", 3: "colour"}
_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """The properties of an image.

    Attributes:
        size: The size (height, width) after EXIF rotation.
        kind: The type of the image, such as "8-bit grey".
        channels: The number of channels.
        suffix: The usual suffix of the format that its first bytes identify, such as ".png".
        orientation: The EXIF orientation, 1 to 8; 1 is upright.
        low: The lowest value, scaled to 0..1 by the range of the type.
        high: The highest value, scaled like `low`.
        plain: Whether three channels are equal, so that grey is stored as colour.
        coarse: The brightness on a grid of 8 x 8, uint8.
        burned_in: Text and coloured marks burned into the image.
        frames: The number of pictures in each file, and the index of the one that is read.
        other_spacing: The files of channels that differ in pixel spacing, or empty.
        patient: The digest of the patient that the header names, as in `Header`.
    """

    size: tuple[int, int]
    kind: str
    channels: int
    suffix: str
    orientation: int
    low: float
    high: float
    plain: bool
    coarse: bytes
    burned_in: BurnedIn
    frames: tuple[tuple[int, int], ...] = ()
    other_spacing: str = ""
    patient: bytes | None = None


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """The properties of the mask of a case.

    Attributes:
        pixels: The number of pixels by class index; 255 are unlabelled pixels. If classes overlap, a pixel counts
            for each of its classes.
        border: The share of foreground among the labelled pixels at the edges of the mask; 0 if none is labelled.
        digest: A hash of the class indices.
        soft: The number of partly transparent pixels in its files.
        unlabelled: The names of its files that have unlabelled pixels, and no others but background.
        shared: The excess of the sum of `pixels` over the number of pixels, which is above 0 if classes overlap.
        frames: The number of pictures in each of its files, and the index of the one that is read.
    """

    pixels: dict[int, int]
    border: float
    digest: bytes
    soft: int
    unlabelled: tuple[str, ...] = ()
    shared: int = 0
    frames: tuple[tuple[int, int], ...] = ()

    @property
    def foreground(self) -> int:
        """The number of pixels of any class but the background."""
        return sum(n for index, n in self.pixels.items() if index not in (0, IGNORE)) - self.shared

    @property
    def labelled(self) -> int:
        """The number of labelled pixels."""
        return self.foreground + self.pixels.get(0, 0)


@dataclass(frozen=True)
class Inspection:
    """The properties of all files of a data set.

    Attributes:
        images: The properties of the images by case, without entries for unreadable images.
        masks: The properties of the masks by target and case, without entries for unreadable masks.
        fingerprints: The fingerprints of the images by case, for comparisons between images.
        channels: The fingerprints of channels that are separate files, by channel and case.
        strokes: Thin bright strokes at the same place in many images.
        observations: An observation for each file that cannot be read.
    """

    images: dict[str, ImageFacts] = field(default_factory=dict)
    masks: dict[str, dict[str, MaskFacts]] = field(default_factory=dict)
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)
    channels: dict[str, dict[str, Fingerprint]] = field(default_factory=dict)
    strokes: SharedStrokes = field(default_factory=SharedStrokes)
    observations: list[Observation] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """The texts of all observations, each with the name of the file."""
        return texts(self.observations)

    @property
    def sizes(self) -> Counter[tuple[int, int]]:
        """The number of images by size (height, width)."""
        return Counter(image.size for image in self.images.values())

    @property
    def types(self) -> Counter[str]:
        """The number of images by kind."""
        return Counter(image.kind for image in self.images.values())

    def wrong_channels(self, channels: int | None) -> list[Observation]:
        """Return an observation for each other number of channels, which cannot be converted to the wanted one.

        Args:
            channels: The number of channels that every image should have or be converted to; None: that of most.
        """
        cases: dict[int, list[str]] = {}
        for case, image in self.images.items():
            cases.setdefault(image.channels, []).append(case)
        wanted = channels or max(cases, key=lambda count: len(cases[count]), default=1)
        expected = f"`preprocess.channels` is {wanted}" if channels else f"most images have {wanted}"
        return [
            Observation(
                "image-channels",
                f"{count_of(len(found), 'image')} with {count_of(count, 'channel')}, such as case {found[0]!r}; "
                f"{expected}",
                tuple(found),
            )
            for count, found in cases.items()
            if count not in convertible_to(wanted)
        ]

    def pixels(self, target: str) -> Counter[int]:
        """Return the number of pixels of all masks of a target, by class index."""
        total: Counter[int] = Counter()
        for mask in self.masks[target].values():
            total.update(mask.pixels)
        return total

    def present(self, target: str) -> Counter[int]:
        """Return the number of cases with at least one pixel of a class of a target, by class index."""
        return Counter(index for mask in self.masks[target].values() for index in mask.pixels)


@dataclass(frozen=True)
class _Case:
    record: Record
    image: ImageFacts | None = None
    fingerprint: Fingerprint | None = None
    strokes: NDArray[np.bool_] | None = None
    channels: dict[str, Fingerprint] = field(default_factory=dict)
    masks: dict[str, MaskFacts] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)
    smeared: dict[str, Smeared] = field(default_factory=dict)


def inspect_dataset(
    dataset: Dataset,
    *,
    intensity: Intensity = "auto",
    workers: int = 4,
    on_case: Callable[[], None] = lambda: None,
) -> Inspection:
    """Read every image and mask.

    Args:
        dataset: A data set from `read_dataset` or `scan_dataset`; absent images are skipped.
        intensity: The mapping of stored values to black and white, as used in training.
        workers: The number of threads.
        on_case: A function that is called after each case, for a progress bar.

    Returns:
        The properties of all files, with an observation for each file that cannot be read.
    """
    inspection = Inspection(masks={name: {} for name in dataset.description.masks})
    masks = dataset.description.masks
    smeared: dict[str, list[Smeared]] = {name: [] for name in masks}
    for result in _map_in_order(lambda record: _inspect_case(record, masks, intensity), dataset, workers):
        case = result.record.case
        inspection.observations.extend(result.observations)
        if result.image is not None and result.fingerprint is not None:
            inspection.images[case] = result.image
            inspection.fingerprints[case] = result.fingerprint
            inspection.strokes.add(result.image.size, result.strokes)
            for channel, of_channel in result.channels.items():
                inspection.channels.setdefault(channel, {})[case] = of_channel
        for target, mask in result.masks.items():
            inspection.masks[target][case] = mask
        for target, unreadable in result.smeared.items():
            smeared[target].append(unreadable)
        on_case()
    inspection.observations[:] = unite_smeared(inspection.observations, smeared, dataset)
    return inspection


def _map_in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Iterator[_Result]:
    """Map with threads like `Executor.map`, but without submitting all items and keeping all results at once."""
    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > 4 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _inspect_case(record: Record, masks: dict[str, MaskDescription], intensity: Intensity) -> _Case:
    if record.image is None or not is_there(record.image):
        return _Case(record)
    try:
        image = read_case_image(record.image, record.frame, record.channels, intensity)
        facts, strokes = _image_facts(
            record, image, depth="16-bit or float" if intensity == "auto" else "scaled"
        )
    except DataError as error:
        return _Case(record, observations=observe(error, "image-unreadable", record.case))
    planes = {c.name: image[..., [i]] for i, c in enumerate(record.channels) if not c.missing}
    channels = {name: fingerprint(plane) for name, plane in planes.items()}
    result = _Case(record, facts, fingerprint(image), strokes, channels)
    for target, description in masks.items():
        try:
            files = read_mask_files(record, target, description)
        except DataError as error:
            observations = observe(error, "mask-unreadable", record.case)
            result.observations.extend(observations)
            smeared = find_smeared(record, target, description, error, observations)
            if smeared is not None:
                result.smeared[target] = smeared
            continue
        if files:
            paths = [file.path for file in record.masks[target]]
            result.masks[target] = _mask_facts(
                unite_masks(files, description),
                soft=sum(map(count_soft_alpha, paths)),
                unlabelled=tuple(
                    path.name for path, mask in zip(paths, files, strict=True) if _is_unlabelled(mask)
                ),
                frames=tuple(_count_pictures(path, record) for path in paths),
            )
    return result


def _count_pictures(path: Path, record: Record) -> tuple[int, int]:
    """Return the number of pictures in a file of a mask, and the index of the one that is read."""
    header = read_header(path)
    if header.frames > 1:
        header = read_header(path, choose_mask_frame(path, record))
    return header.frames, header.index


def _image_facts(record: Record, image: NDArray[Any], depth: str) -> tuple[ImageFacts, NDArray[np.bool_]]:
    suffix, header = describe_file(record.require_image(), record.frame)
    channels = image.shape[-1]
    name = _CHANNELS.get(channels, f"of {channels} channels")
    if record.channels:
        name = f"of {count_of(channels, 'channel')}"
        image = _average([image[..., i] for i, file in enumerate(record.channels) if not file.missing])
    if image.dtype == np.uint8:
        depth, scale = "8-bit", 255
    else:
        scale = 1
    burned_in, strokes = find_burned_in(image)
    facts = ImageFacts(
        size=image.shape[:2],
        kind=f"{depth} {name}",
        channels=channels,
        suffix=suffix,
        orientation=header.orientation,
        low=float(image.min()) / scale,
        high=float(image.max()) / scale,
        plain=image.shape[-1] == 3 and bool((image == image[..., :1]).all()),
        coarse=coarse_thumbnail(image).tobytes(),
        burned_in=burned_in,
        frames=tuple(_pictures_of(record)),
        other_spacing=find_other_spacing(record.channels),
        patient=header.patient,
    )
    return facts, strokes


def _average(planes: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the mean of channels that are separate files, as a grey image of the same type."""
    mean = np.mean(planes, axis=0)
    return np.asarray(np.rint(mean) if planes[0].dtype == np.uint8 else mean, planes[0].dtype)[..., None]


def _pictures_of(record: Record) -> Iterator[tuple[int, int]]:
    """Yield the number of pictures in each file of an image, and the index of the one that is read."""
    files = [(channel.path, channel.frame) for channel in record.channels if not channel.missing]
    for path, frame in files or [(record.require_image(), record.frame)]:
        header = read_header(path, frame)
        yield header.frames, header.index


def _is_unlabelled(mask: NDArray[np.uint8]) -> bool:
    """Return whether the mask of one file has unlabelled pixels, and no others but background."""
    return bool(mask.max() == IGNORE) and not np.any((mask != 0) & (mask != IGNORE))


def _mask_facts(
    mask: NDArray[np.uint8], soft: int, unlabelled: tuple[str, ...], frames: tuple[tuple[int, int], ...]
) -> MaskFacts:
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
        unlabelled=unlabelled,
        shared=sum(n for index, n in pixels.items() if index not in (0, IGNORE))
        - int(np.count_nonzero((drawn != 0) & (drawn != IGNORE))),
        frames=frames,
    )
