"""Identical and near-identical images: found by a small fingerprint of each, turned and mirrored copies too.

A near duplicate is a copy that was resized, compressed, brightened, cropped by up to 3 %, turned by a quarter
or mirrored, or a neighbouring frame of the same sweep. Two steps keep that quick and quiet: a 63-bit hash of the
coarse pattern picks candidates among all pairs, and the fine pattern of each candidate pair then decides.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.ndimage import gaussian_filter1d

from unet_mtl.data.thumbnails import grey_thumbnail
from unet_mtl.errors import DataError

NEAR = 0.08
"""Default largest distance of near duplicates; see `find_duplicates`."""

_SIDE = 32  # cells of the thumbnail, each way
_BORDER = 2  # cells at each side that a copy may lack
_INNER = _SIDE - 2 * _BORDER
_WAVES = 8  # coarse pattern: 8 x 8 lowest cosines without the mean, 63 bits
_FINE, _COARSE = 1.0, 2.5  # cells; the fine pattern lies between these two blurs
_MAX_BITS = 14  # of 63 that may differ; 3 % off every side changes 12 at the most in 90 of 100 copies
_FEWEST_CELLS = 12  # a single spot has 6; a marker, a word or one nucleus on black up to 11
_ALIKE = 0.3  # correlation before the fit: 3 % cropped copies have more, most candidates less
_REACH = np.array([1.25, 1.25, 0.08, 0.08], np.float32)  # cells down and right, stretch as a share
# Small pictures are filtered by matrices, from both sides: the general functions take longer to start than to run.
_COSINES = dct(np.eye(_SIDE, dtype=np.float32), axis=0)[:_WAVES]
_BLUR, _WIDE_BLUR = (
    gaussian_filter1d(np.eye(_SIDE, dtype=np.float32), sigma, axis=0)
    for sigma in (_FINE, float(np.hypot(_FINE, _COARSE)))
)
_ROWS, _COLUMNS, _PAIRS = 32, 4096, 256  # what one step holds at a time: about what fits the cache

Pairs = NDArray[np.intp]  # (pairs, 3): one image, the other, how the other is turned


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an image to compare it: about 1.3 KB.

    Attributes:
        digest: Of size, type and pixels; grey stored as colour counts as grey.
        hashes: Coarse pattern of the image in its 8 turned and mirrored forms, a uint64 each; empty for
            a constant or nearly empty image.
        detail: Fine pattern, 32 x 32 int8; empty for a constant or nearly empty image.
    """

    digest: bytes
    hashes: bytes
    detail: bytes


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that are one and the same, or nearly.

    Attributes:
        kind: "identical" (same pixels as they stand) or "near".
        cases: Their names, in the order they were given. Identical ones stand in a group of the kind
            "near" too where a third one is close to them.
        distance: 0 for "identical"; else the largest distance among the links that join the group,
            one link fewer than there are different images.
    """

    kind: Literal["identical", "near"]
    cases: tuple[str, ...]
    distance: float


def fingerprint(image: NDArray[Any]) -> Fingerprint:
    """Makes the fingerprint of one image; threads may share the work, image by image.

    Args:
        image: `(height, width, channels)`, uint8 or floating point in 0..1, as `read_image` gives it.

    Raises:
        DataError: The shape is another, or a value is not finite.
    """
    _check(image)
    if image.shape[-1] == 3 and (image == image[..., :1]).all():
        image = image[..., :1]
    thumbnail = grey_thumbnail(image, _SIDE)
    detail = _BLUR @ thumbnail @ _BLUR.T - _WIDE_BLUR @ thumbnail @ _WIDE_BLUR.T
    digest = _digest(image)
    if _is_blank(detail, image.dtype):
        return Fingerprint(digest, b"", b"")
    small = np.rint(detail * (127 / np.abs(detail).max())).astype(np.int8)
    return Fingerprint(digest, _hashes(thumbnail).tobytes(), small.tobytes())


def _check(image: NDArray[Any]) -> None:
    if image.ndim != 3 or not image.size:
        raise DataError(
            f"image of shape {image.shape}; expected (height, width, channels), as read_image gives"
        )
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise DataError(f"image of type {image.dtype}; expected uint8 or floating point in 0..1")
    if not np.isfinite(image).all():
        raise DataError("image with values that are not finite; expected floating point in 0..1")


def _digest(image: NDArray[Any]) -> bytes:
    hashed = hashlib.blake2b(f"{image.shape} {image.dtype.str}".encode(), digest_size=16)
    hashed.update(np.ascontiguousarray(image).data)
    return hashed.digest()


def _is_blank(detail: NDArray[np.float32], dtype: np.dtype[Any]) -> bool:
    """Says whether there is too little to tell one picture from another: faint, or in one spot."""
    level = (
        1.0 if dtype == np.uint8 else 1 / 4095
    )  # deeper images hold 12 bits that mean something, as a rule
    power = np.square(detail, dtype=np.float64)
    if power.mean() < (level / 2) ** 2:
        return True
    return bool(power.sum() ** 2 / np.square(power).sum() < _FEWEST_CELLS)


def _turned(pictures: NDArray[Any], turn: int) -> NDArray[Any]:
    """`(..., height, width)` in one of 8 forms: turn has a bit each for upside down, mirrored, transposed."""
    if turn & 1:
        pictures = pictures[..., ::-1, :]
    if turn & 2:
        pictures = pictures[..., ::-1]
    return pictures.swapaxes(-1, -2) if turn & 4 else pictures


def _hashes(thumbnail: NDArray[np.float32]) -> NDArray[np.uint64]:
    # Signs alone: they outlive a change of brightness or contrast, and the mean of all pixels is always above 0.
    waves = _COSINES @ thumbnail @ _COSINES.T
    forms = np.empty((8, _WAVES, _WAVES), np.float32)
    for turn in range(4):  # turned round, a picture has the same waves, and every second one the other way up
        forms[turn] = waves
        if turn & 1:
            forms[turn, 1::2] *= -1
        if turn & 2:
            forms[turn, :, 1::2] *= -1
        forms[turn + 4] = forms[turn].T
    return np.packbits(forms.reshape(8, -1) > 0, axis=1).view(np.uint64)[:, 0]


def find_duplicates(
    fingerprints: Mapping[str, Fingerprint],
    *,
    max_distance: float = NEAR,
    workers: int = 4,
    on_compared: Callable[[int], None] = lambda images: None,
) -> list[DuplicateGroup]:
    """Finds images that are the same, or nearly.

    Every pair is compared, with the memory of the fingerprints and a few MB more.

    Args:
        fingerprints: By name of the case.
        max_distance: Of near duplicates: 1 - the correlation of the fine patterns, after the small shift and
            stretch that fits best. 0 for the same picture, around 1 for two that have nothing in common; above
            0.3 many pairs are missed by the coarse pattern.
        workers: Threads.
        on_compared: Called now and then with the number of images that were compared with all others
            since, for a progress bar; the numbers add up to the different images that are not blank.

    Returns:
        Groups of two or more: identical ones first, then the near ones, closest first.

    Raises:
        DataError: `max_distance` is not in 0..1.
    """
    if not 0 <= max_distance <= 1:
        raise DataError(f"max_distance is {max_distance}; expected 0..1, {NEAR} by default")
    same: dict[bytes, list[str]] = {}
    for case, its in fingerprints.items():
        same.setdefault(its.digest, []).append(case)
    identical = [DuplicateGroup("identical", tuple(cases), 0.0) for cases in same.values() if len(cases) > 1]
    drawn = [cases for cases in same.values() if fingerprints[cases[0]].hashes]
    comparison = _Comparison([fingerprints[cases[0]] for cases in drawn], max_distance)
    comparison.run(workers, on_compared)
    order = {case: index for index, case in enumerate(fingerprints)}
    near = [
        DuplicateGroup(
            "near", tuple(sorted((c for i in images for c in drawn[i]), key=order.__getitem__)), far
        )
        for images, far in comparison.groups()
    ]
    return identical + sorted(near, key=lambda group: group.distance)


class _Comparison:
    """All pairs of different images, and the groups that come out."""

    def __init__(self, fingerprints: Sequence[Fingerprint], max_distance: float) -> None:
        self.fingerprints = fingerprints
        self.max_distance = max_distance
        stored = np.frombuffer(b"".join(f.hashes for f in fingerprints), np.uint64)
        self.hashes = stored.reshape(-1, 8).T.copy()  # (8 forms, images)
        self.group = np.arange(len(fingerprints))  # by image: the first image of its group
        self.links: list[tuple[int, float]] = []  # an image of the group, the distance

    def run(self, workers: int, on_compared: Callable[[int], None]) -> None:
        starts = range(0, len(self.fingerprints), _ROWS)
        with ThreadPoolExecutor(workers) as pool:
            # In waves, so that few candidates wait to be looked at; in order, so that each run finds the same.
            for wave in (starts[i : i + workers] for i in range(0, len(starts), workers)):
                for candidates in pool.map(self._candidates, wave):
                    self._join(candidates)
                on_compared(min(len(self.fingerprints), wave[-1] + _ROWS) - wave[0])

    def _candidates(self, start: int) -> Pairs:
        """Pairs of one of `_ROWS` images from `start` with a later one whose hashes are close."""
        rows = self.hashes[0, start : start + _ROWS, None]
        found = [np.empty((0, 3), np.intp)]
        for first in range(start, self.hashes.shape[1], _COLUMNS):
            for turn in range(8):
                bits = np.bitwise_count(rows ^ self.hashes[turn, None, first : first + _COLUMNS])
                row, column = np.divmod(np.flatnonzero(bits <= _MAX_BITS), bits.shape[1])
                pairs = np.stack([row + start, column + first, np.full_like(row, turn)], axis=1)
                found.append(pairs[pairs[:, 0] < pairs[:, 1]])
        return np.concatenate(found)

    def _join(self, candidates: Pairs) -> None:
        """Joins what is near; pairs in one group already are not looked at, so a long sweep stays cheap."""
        for start in range(0, len(candidates), _PAIRS):
            pairs = candidates[start : start + _PAIRS]
            pairs = pairs[self.group[pairs[:, 0]] != self.group[pairs[:, 1]]]
            distances = self._distances(pairs)
            for k in np.argsort(distances, kind="stable")[: np.count_nonzero(distances <= self.max_distance)]:
                one, other = self.group[pairs[k, :2]]
                if one != other:
                    self.group[self.group == max(one, other)] = min(one, other)
                    self.links.append((int(one), float(distances[k])))

    def _distances(self, pairs: Pairs) -> NDArray[np.float32]:
        one = self._details(pairs[:, 0])
        other = self._details(pairs[:, 1])
        for turn in range(1, 8):
            turned = pairs[:, 2] == turn
            other[turned] = _turned(other[turned], turn)
        alike = np.flatnonzero(_likeness(one, other) > _ALIKE)
        distances = np.ones(len(pairs), np.float32)
        distances[alike] = _distances(one[alike], other[alike])
        return distances

    def _details(self, images: NDArray[np.intp]) -> NDArray[np.float32]:
        stored = b"".join(self.fingerprints[i].detail for i in images)
        return np.frombuffer(stored, np.int8).reshape(-1, _SIDE, _SIDE).astype(np.float32)

    def groups(self) -> Iterator[tuple[NDArray[np.intp], float]]:
        """Each group of two or more: its images, and the largest distance of its links."""
        farthest: dict[int, float] = {}
        for image, distance in self.links:
            first = int(self.group[image])
            farthest[first] = max(farthest.get(first, 0.0), distance)
        by_group = np.argsort(self.group, kind="stable")
        ends = np.searchsorted(self.group[by_group], list(farthest), side="right")
        starts = np.searchsorted(self.group[by_group], list(farthest), side="left")
        for start, end, distance in zip(starts, ends, farthest.values(), strict=True):
            yield by_group[start:end], distance


def _distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 - correlation of each pair of fine patterns `(pairs, side, side)`, after the best small displacement.

    Moved or stretched by little, a picture changes by that much of its gradient: the displacement is a linear
    least-squares fit (the tangent distance of Simard, LeCun and Denker, "Efficient pattern recognition
    using a new transformation distance", NIPS 1992), of both towards their middle.
    """
    one, other = _unit(one), _unit(other)
    tangents = _inner(_tangents((one + other) / np.float32(2))).reshape(len(one), 4, _INNER**2)
    one, other = _inner(one), _inner(other)
    products = tangents @ tangents.swapaxes(1, 2)
    products += 1e-4 * np.trace(products, axis1=1, axis2=2)[:, None, None] * np.eye(4, dtype=np.float32)
    difference = (one - other).reshape(len(one), _INNER**2, 1)
    moved = np.clip(np.linalg.solve(products, tangents @ difference)[..., 0], -_REACH, _REACH)
    half = (moved[:, None] @ tangents).reshape(one.shape) / np.float32(2)
    return np.asarray(1 - np.sum(_unit(one - half) * _unit(other + half), axis=(1, 2)))


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Correlation as they lie, quick to have."""
    products = [np.einsum("nij,nij->n", a, b) for a, b in ((one, other), (one, one), (other, other))]
    return np.asarray(products[0] / np.sqrt(products[1] * products[2]))


def _inner(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    return pictures[..., _BORDER:-_BORDER, _BORDER:-_BORDER]


def _unit(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    return np.asarray(centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True), np.float32)


def _tangents(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Change by a shift of one cell (rows, columns) and by a stretch of one for one: `(pairs, 4, side, side)`."""
    rows, columns = np.gradient(pictures, axis=(1, 2))
    place = np.arange(_SIDE, dtype=np.float32) - (_SIDE - 1) / 2
    return np.stack([rows, columns, rows * place[:, None], columns * place], axis=1)
