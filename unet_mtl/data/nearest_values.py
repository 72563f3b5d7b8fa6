"""Masks whose edges are smoothed, or that JPEG has blurred: which known number or colour a pixel had before."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Number = TypeVar("Number", bound=np.generic)

_OVERSHOOT = 0.25
"""How far beyond the outermost numbers, in parts of the way to the next one, JPEG may lead."""

_OFF_COLOUR = 48.0
"""How far from the line between two known colours, of 255 a channel, JPEG may lead."""

_NOISE = 1 / 16
"""How far from a known number, in parts of the way to the next one, an area still has this number."""

_SLACK = 1.05
"""By how much the way over a point may be longer than the straight one, where the point lies between."""


def lie_between(values: NDArray[np.int32], known: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which values smoothing or JPEG can have made out of the known ones.

    Args:
        values: `(n, 1)` numbers or `(n, 3)` colours.
        known: `(k, 1)` in ascending order or `(k, 3)`.

    Returns:
        `(n,)`: numbers from the lowest to the highest known one and a little beyond; colours near the line between
        two known ones.
    """
    points = values.astype(np.float32)
    if len(known) < 2:
        return np.zeros(len(points), np.bool_)
    if known.shape[1] == 1:
        low = known[0, 0] - _OVERSHOOT * (known[1, 0] - known[0, 0])
        high = known[-1, 0] + _OVERSHOOT * (known[-1, 0] - known[-2, 0])
        return np.asarray((points[:, 0] >= low) & (points[:, 0] <= high))
    near = np.zeros(len(points), np.bool_)
    for i, start in enumerate(known):
        for end in known[i + 1 :]:
            way = end - start
            along = np.clip((points - start) @ way / (way @ way), 0, 1)
            near |= np.linalg.norm(points - start - along[:, None] * way, axis=1) <= _OFF_COLOUR
    return near


def count_reached(values: NDArray[np.int32], known: NDArray[np.float32]) -> int:
    """How many of the known numbers are there, give or take the noise of JPEG; arguments as of `lie_between`."""
    noise = _noise(known)
    return sum(
        bool((np.linalg.norm(values - value, axis=1) <= noise[i]).any()) for i, value in enumerate(known)
    )


def take_from_neighbours(values: NDArray[Number], strange: NDArray[np.bool_]) -> NDArray[Number]:
    """Gives strange pixels the value of the closest pixel that is not: a 7 among 0, 1 and 2 is like none of these.

    Args:
        values: `(height, width)`.
        strange: `(height, width)`, not everywhere.
    """
    rows, columns = distance_transform_edt(strange, return_distances=False, return_indices=True)
    return np.asarray(values[rows, columns])


def nearest_known(pixels: NDArray[np.generic], known: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which known number or colour each pixel had.

    An area is where 2 x 2 pixels have one known value. A pixel outside of all areas whose value lies between those of
    the two areas closest to it takes the nearer of these two; any other pixel takes the nearest of all known ones.
    So the soft edge from 0 to 2 becomes 0 and 2, though it passes 1. A pixel of a known value keeps it unless its
    neighbours at two opposite sides show that it is a step of such an edge.

    Args:
        pixels: `(height, width, channels)`.
        known: `(k, channels)`, numbers in ascending order: of two that are equally near the first counts.

    Returns:
        `(height, width)` indices into `known`.
    """
    values = pixels.astype(np.float32)
    nearest, off = _nearest(values, known)
    if len(known) < 3:
        return nearest
    areas = areas_of(np.where(off <= _noise(known)[nearest], nearest, -1))
    rows, columns = np.nonzero((areas < 0) & ((off > 0) | _steps(values)))
    closest = _two_closest(areas, rows, columns)
    if closest is None:
        return nearest
    points, (one, other) = values[rows, columns], closest
    to_one, to_other = (np.linalg.norm(points - known[index], axis=1) for index in (one, other))
    between = to_one + to_other <= _SLACK * np.linalg.norm(known[one] - known[other], axis=1)
    nearer = np.where(to_one == to_other, np.minimum(one, other), np.where(to_one < to_other, one, other))
    nearest[rows, columns] = np.where(between, nearer, nearest[rows, columns])
    return nearest


def _nearest(
    values: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    nearest = np.zeros(values.shape[:2], np.intp)
    least = np.full(values.shape[:2], np.inf, np.float32)
    for index, value in enumerate(known):
        distance = np.linalg.norm(values - value, axis=-1)
        closer = distance < least
        nearest[closer], least[closer] = index, distance[closer]
    return nearest, least


def _noise(known: NDArray[np.float32]) -> NDArray[np.float32]:
    """By known value, how far from it an area still has this value."""
    ways = [np.linalg.norm(np.delete(known, i, 0) - value, axis=1) for i, value in enumerate(known)]
    return np.array([_NOISE * way.min() if len(way) else 0 for way in ways], np.float32)


def areas_of(labels: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """Keeps labels `(height, width)` that fill 2 x 2 pixels; -1 elsewhere."""
    corner = labels[:-1, :-1]
    same = (corner == labels[:-1, 1:]) & (corner == labels[1:, :-1]) & (corner == labels[1:, 1:])
    inside = np.zeros(labels.shape, np.bool_)
    for part in (inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]):
        part |= same
    return np.where(inside, labels, -1)


def _steps(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a pixel lies between its neighbours at two opposite sides, and is neither of them."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), "edge")
    found = np.zeros((height, width), np.bool_)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
        after = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        first, second = np.linalg.norm(values - before, axis=-1), np.linalg.norm(after - values, axis=-1)
        straight = first + second <= _SLACK * np.linalg.norm(after - before, axis=-1)
        found |= straight & (first > 0) & (second > 0)
    return found


def _two_closest(
    areas: NDArray[np.signedinteger], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """The labels of the two areas closest to each pixel; None where there are not two."""
    labels = [int(label) for label in np.unique(areas) if label >= 0]
    if len(labels) < 2 or not len(rows):
        return None
    distances = np.stack(
        [
            cv2.distanceTransform((areas != label).astype(np.uint8), cv2.DIST_L2, 5)[rows, columns]
            for label in labels
        ]
    )
    order = np.argsort(distances, axis=0, kind="stable")[:2]
    return np.asarray(labels)[order[0]], np.asarray(labels)[order[1]]
