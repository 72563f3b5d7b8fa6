"""Find identical and near-identical images, rotated and mirrored ones included, by a small fingerprint of each.

A near-duplicate is a copy that was resized, compressed, brightened, cropped by up to 3 %, rotated by quarter turns
or mirrored, or a neighbouring frame of the same sweep. The search is fast and specific because it has three steps: a
63-bit hash of the coarse pattern selects candidates among all pairs, the fine pattern decides on each candidate, and
the local pattern confirms that the images are also alike inside the surround that many images of a device share.
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

from unet_mtl.data.local_patterns import OUTSIDE, SIDE, local_pattern
from unet_mtl.data.thumbnails import grey_thumbnail
from unet_mtl.errors import DataError

NEAR = 0.08
"""The default of the largest distance between near-duplicates; see `find_duplicates`."""

_BORDER = 2  # cells at each side that may be cropped from a copy
_INNER = SIDE - 2 * _BORDER
_WAVES = 8  # the coarse pattern: the 8 x 8 lowest cosine coefficients without the mean, 63 bits
_FINE, _COARSE = 1.0, 2.5  # cells; the fine pattern is the difference of these two blurs
_MAX_BITS = 14  # of 63 that may differ; cropping 3 % from every side changes at most 12 in 90 of 100 copies
_MIN_CELLS = 12  # a single spot has 6; a marker, a word or one nucleus on black has up to 11
_LOCAL = 2.2  # times the largest distance; local distances of copies are below 0.13, and of different eyes above 0.23
_FEWEST_CELLS = 0.1  # share of the cells that must be inside of both images
_MIN_CORRELATION = 0.3  # before the fit: copies cropped by 3 % have more, most candidates less
# The largest displacement of a fit: shifts in cells down and right, and stretches as shares.
_MAX_DISPLACEMENT = np.array([1.25, 1.25, 0.08, 0.08], np.float32)
# Thumbnails are filtered by matrix products, since general functions take longer to start than to run here.
_COSINES = dct(np.eye(SIDE, dtype=np.float32), axis=0)[:_WAVES]
_BLUR, _WIDE_BLUR = (
    gaussian_filter1d(np.eye(SIDE, dtype=np.float32), sigma, axis=0)
    for sigma in (_FINE, float(np.hypot(_FINE, _COARSE)))
)
_ROWS, _COLUMNS, _PAIRS = 32, 4096, 256  # sizes of one step, which fit about into the cache

_DIFFERENT = 2.0  # more than any distance

Pairs = NDArray[np.intp]
"""Index pairs `(pairs, 3)`: the first image, the second image, and the form of the second; see `_transform`."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A fingerprint of an image for comparisons, of about 2.3 KB.

    Attributes:
        digest: A hash of size, type and pixels. Grey stored as colour has the hash of grey.
        hashes: The coarse pattern of the image in its 8 rotated and mirrored forms, one uint64 for each; empty for
            a constant or nearly empty image.
        detail: The fine pattern, 32 x 32 int8; empty for a constant or nearly empty image.
        local: The local pattern of the content, 32 x 32 int8; empty for a constant or nearly empty image.
    """

    digest: bytes
    hashes: bytes
    detail: bytes
    local: bytes


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that are identical or nearly identical.

    Attributes:
        kind: "identical" (equal pixels in the same orientation) or "near".
        cases: The case names in the order of the data set. Identical images are also in a group of kind "near" if
            a third image is close to them.
        distance: 0 for "identical". For "near", the largest distance among the links that join the group, of which
            there is one fewer than there are different images.
    """

    kind: Literal["identical", "near"]
    cases: tuple[str, ...]
    distance: float


def fingerprint(image: NDArray[Any]) -> Fingerprint:
    """Compute the fingerprint of one image. It is safe to call from several threads.

    Args:
        image: An array `(height, width, channels)`, uint8 or floating point in 0..1, as `read_image` returns it.

    Raises:
        DataError: The shape or the type differs, or a value is not finite.
    """
    _check(image)
    if image.shape[-1] == 3 and (image == image[..., :1]).all():
        image = image[..., :1]
    thumbnail = grey_thumbnail(image, SIDE)
    detail = _BLUR @ thumbnail @ _BLUR.T - _WIDE_BLUR @ thumbnail @ _WIDE_BLUR.T
    digest = _digest(image)
    if _is_blank(detail, image.dtype):
        return Fingerprint(digest, b"", b"", b"")
    small = np.rint(detail * (127 / np.abs(detail).max())).astype(np.int8)
    local = local_pattern(thumbnail, _level(image.dtype))
    return Fingerprint(digest, _hashes(thumbnail).tobytes(), small.tobytes(), local.tobytes())


def _check(image: NDArray[Any]) -> None:
    if image.ndim != 3 or not image.size:
        raise DataError(
            f"image of shape {image.shape}; expected (height, width, channels), as read_image returns"
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
    """Return whether an image is too faint, or has too few details, to be distinguished from others."""
    power = np.square(detail, dtype=np.float64)
    if power.mean() < (_level(dtype) / 2) ** 2:
        return True
    return bool(power.sum() ** 2 / np.square(power).sum() < _MIN_CELLS)


def _level(dtype: np.dtype[Any]) -> float:
    """Return one grey level; images of more than 8 bits usually have 12 significant bits."""
    return 1.0 if dtype == np.uint8 else 1 / 4095


def _transform(images: NDArray[Any], form: int) -> NDArray[Any]:
    """Transform arrays `(..., height, width)`; the bits of `form` mean flipped, mirrored and transposed."""
    if form & 1:
        images = images[..., ::-1, :]
    if form & 2:
        images = images[..., ::-1]
    return images.swapaxes(-1, -2) if form & 4 else images


def _hashes(thumbnail: NDArray[np.float32]) -> NDArray[np.uint64]:
    # Only signs are used, since they do not change with brightness and contrast. The mean, always positive, is not.
    waves = _COSINES @ thumbnail @ _COSINES.T
    forms = np.empty((8, _WAVES, _WAVES), np.float32)
    for form in range(4):  # flipping an image changes the sign of every second coefficient along that axis
        forms[form] = waves
        if form & 1:
            forms[form, 1::2] *= -1
        if form & 2:
            forms[form, :, 1::2] *= -1
        forms[form + 4] = forms[form].T
    return np.packbits(forms.reshape(8, -1) > 0, axis=1).view(np.uint64)[:, 0]


def find_duplicates(
    fingerprints: Mapping[str, Fingerprint],
    *,
    max_distance: float = NEAR,
    workers: int = 4,
    on_compared: Callable[[int], None] = lambda images: None,
) -> list[DuplicateGroup]:
    """Find images that are identical or nearly identical.

    Every pair is compared. Beside the fingerprints, this takes a few MB of memory.

    Args:
        fingerprints: The fingerprints by case name.
        max_distance: The largest distance between near-duplicates, 0 to 1. The distance is 1 minus the correlation
            of the fine patterns after the best small shift and stretch: 0 for the same image and about 1 for
            unrelated ones. Above 0.3, the coarse pattern misses many pairs. The local patterns, which leave out
            the surround of the images, may have 2.2 times this distance.
        workers: The number of threads.
        on_compared: A function for a progress bar, called repeatedly with the number of images that were compared
            with all others since the last call. The sum is the number of different images that are not blank.

    Returns:
        Groups of two or more images: identical ones first, then near-duplicates by increasing distance.

    Raises:
        DataError: `max_distance` is not in 0..1.
    """
    if not 0 <= max_distance <= 1:
        raise DataError(f"max_distance is {max_distance}; expected 0..1, {NEAR} by default")
    same: dict[bytes, list[str]] = {}
    for case, stored in fingerprints.items():
        same.setdefault(stored.digest, []).append(case)
    identical = [DuplicateGroup("identical", tuple(cases), 0.0) for cases in same.values() if len(cases) > 1]
    distinct = [cases for cases in same.values() if fingerprints[cases[0]].hashes]
    comparison = _Comparison([fingerprints[cases[0]] for cases in distinct], max_distance)
    comparison.run(workers, on_compared)
    order = {case: index for index, case in enumerate(fingerprints)}
    near = [
        DuplicateGroup(
            "near", tuple(sorted((c for i in images for c in distinct[i]), key=order.__getitem__)), distance
        )
        for images, distance in comparison.groups()
    ]
    return identical + sorted(near, key=lambda group: group.distance)


class _Comparison:
    """The comparison of all pairs of different images, and the resulting groups."""

    def __init__(self, fingerprints: Sequence[Fingerprint], max_distance: float) -> None:
        self.fingerprints = fingerprints
        self.max_distance = max_distance
        stored = np.frombuffer(b"".join(f.hashes for f in fingerprints), np.uint64)
        self.hashes = stored.reshape(-1, 8).T.copy()  # (8 forms, images)
        self.group = np.arange(len(fingerprints))  # the first image of the group of each image
        self.links: list[tuple[int, float]] = []  # an image of the group, and the distance

    def run(self, workers: int, on_compared: Callable[[int], None]) -> None:
        starts = range(0, len(self.fingerprints), _ROWS)
        with ThreadPoolExecutor(workers) as pool:
            # In batches, so that few candidates are in memory, and in order, so that results are reproducible.
            for batch in (starts[i : i + workers] for i in range(0, len(starts), workers)):
                for candidates in pool.map(self._find_candidates, batch):
                    self._join(candidates)
                on_compared(min(len(self.fingerprints), batch[-1] + _ROWS) - batch[0])

    def _find_candidates(self, start: int) -> Pairs:
        """Find pairs of one of the `_ROWS` images from `start` on and a later image with a similar hash."""
        rows = self.hashes[0, start : start + _ROWS, None]
        candidates = [np.empty((0, 3), np.intp)]
        for first in range(start, self.hashes.shape[1], _COLUMNS):
            for form in range(8):
                bits = np.bitwise_count(rows ^ self.hashes[form, None, first : first + _COLUMNS])
                row, column = np.divmod(np.flatnonzero(bits <= _MAX_BITS), bits.shape[1])
                pairs = np.stack([row + start, column + first, np.full_like(row, form)], axis=1)
                candidates.append(pairs[pairs[:, 0] < pairs[:, 1]])
        return np.concatenate(candidates)

    def _join(self, candidates: Pairs) -> None:
        """Join near pairs to groups. Pairs within a group are skipped, so that long sweeps stay cheap."""
        for start in range(0, len(candidates), _PAIRS):
            pairs = candidates[start : start + _PAIRS]
            pairs = pairs[self.group[pairs[:, 0]] != self.group[pairs[:, 1]]]
            distances = self._distances(pairs)
            for k in np.argsort(distances, kind="stable")[: np.count_nonzero(distances <= self.max_distance)]:
                first, second = self.group[pairs[k, :2]]
                if first != second:
                    self.group[self.group == max(first, second)] = min(first, second)
                    self.links.append((int(first), float(distances[k])))

    def _distances(self, pairs: Pairs) -> NDArray[np.float32]:
        """Return the distances of the fine patterns, or 2 where the local patterns differ."""
        first, second = self._patterns(pairs, "detail")
        similar = np.flatnonzero(_correlate(first, second) > _MIN_CORRELATION)
        distances = np.full(len(pairs), _DIFFERENT, np.float32)
        distances[similar] = _distances(first[similar], second[similar])
        near = np.flatnonzero(distances <= self.max_distance)
        first, second = self._patterns(pairs[near], "local")
        inside = ((first != OUTSIDE) & (second != OUTSIDE)).astype(np.float32)
        differ = _distances(first * inside, second * inside, inside) > _LOCAL * self.max_distance
        distances[near[differ | (inside.mean(axis=(1, 2)) < _FEWEST_CELLS)]] = _DIFFERENT
        return distances

    def _patterns(
        self, pairs: Pairs, name: Literal["detail", "local"]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the patterns of the first image of each pair, and those of the second in their form."""
        first, second = (
            np.frombuffer(b"".join(getattr(self.fingerprints[i], name) for i in images), np.int8)
            .reshape(-1, SIDE, SIDE)
            .astype(np.float32)
            for images in (pairs[:, 0], pairs[:, 1])
        )
        for form in range(1, 8):
            chosen = pairs[:, 2] == form
            second[chosen] = _transform(second[chosen], form)
        return first, second

    def groups(self) -> Iterator[tuple[NDArray[np.intp], float]]:
        """Yield, for each group of two or more images, their indices and the largest distance of its links."""
        farthest: dict[int, float] = {}
        for image, distance in self.links:
            first = int(self.group[image])
            farthest[first] = max(farthest.get(first, 0.0), distance)
        by_group = np.argsort(self.group, kind="stable")
        ends = np.searchsorted(self.group[by_group], list(farthest), side="right")
        starts = np.searchsorted(self.group[by_group], list(farthest), side="left")
        for start, end, distance in zip(starts, ends, farthest.values(), strict=True):
            yield by_group[start:end], distance


def _distances(
    first: NDArray[np.float32], second: NDArray[np.float32], inside: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return 1 - correlation of pairs of patterns `(pairs, side, side)` after the best small displacement.

    A small shift or stretch changes an image by a multiple of its gradient, so that the displacement is a linear
    least-squares fit of both images towards their mean (the tangent distance of Simard, LeCun and Denker, "Efficient
    pattern recognition using a new transformation distance", NIPS 1992).

    Args:
        first: The patterns of the first images.
        second: The patterns of the second images.
        inside: 1 in the cells that are compared, and 0 elsewhere; None compares all cells.
    """
    first, second = _standardise(first, inside), _standardise(second, inside)
    tangents = _crop(_tangents((first + second) / np.float32(2)))
    first, second = _crop(first), _crop(second)
    if inside is not None:
        inside = _crop(inside)
        tangents = tangents * inside[:, None]
    tangents = tangents.reshape(len(first), 4, _INNER**2)
    products = tangents @ tangents.swapaxes(1, 2)
    ridge = 1e-4 * np.trace(products, axis1=1, axis2=2) + 1e-12  # nothing varies in an empty content
    products += ridge[:, None, None] * np.eye(4, dtype=np.float32)
    difference = (first - second).reshape(len(first), _INNER**2, 1)
    fitted = np.linalg.solve(products, tangents @ difference)[..., 0]
    displacement = np.clip(fitted, -_MAX_DISPLACEMENT, _MAX_DISPLACEMENT)
    half = (displacement[:, None] @ tangents).reshape(first.shape) / np.float32(2)
    products = _standardise(first - half, inside) * _standardise(second + half, inside)
    return np.asarray(1 - np.sum(products, axis=(1, 2)))


def _correlate(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the correlation of each pair without a displacement, which is fast."""
    pairs = ((first, second), (first, first), (second, second))
    products = [np.einsum("nij,nij->n", a, b) for a, b in pairs]
    return np.asarray(products[0] / np.sqrt(products[1] * products[2]))


def _crop(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return images[..., _BORDER:-_BORDER, _BORDER:-_BORDER]


def _standardise(
    images: NDArray[np.float32], inside: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    if inside is None:
        centred = images - images.mean(axis=(1, 2), keepdims=True)
    else:
        cells = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1)
        centred = (images - images.sum(axis=(1, 2), keepdims=True) / cells) * inside
    length = np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    return np.asarray(centred / np.maximum(length, np.float32(1e-9)), np.float32)


def _tangents(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the derivatives by shifts and stretches along rows and columns, `(pairs, 4, side, side)`."""
    rows, columns = np.gradient(images, axis=(1, 2))
    place = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    return np.stack([rows, columns, rows * place[:, None], columns * place], axis=1)
