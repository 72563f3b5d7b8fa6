"""Restore the known numbers or colours of masks with edges that were smoothed or compressed as JPEG."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Number = TypeVar("Number", bound=np.generic)

_OVERSHOOT = 0.25
"""How far values may exceed the outermost known numbers after JPEG, as a share of the distance to the next one."""

_OFF_COLOUR = 48.0
"""How far colours may be from the line between two known ones after JPEG, with channels of 0 to 255."""

_NOISE = 1 / 16
"""How far values of an area may be from its known number, as a share of the distance to the nearest other one."""

_SLACK = 1.05
"""A point is between two others if the path over it is at most this factor longer than the direct one."""


def lie_between(values: NDArray[np.int32], known: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which values can result from known ones by smoothing or JPEG.

    Args:
        values: Numbers `(n, 1)` or colours `(n, 3)`.
        known: Known numbers `(k, 1)` in ascending order, or known colours `(k, 3)`.

    Returns:
        A mask `(n,)`. True for numbers from the lowest to the highest known one and slightly beyond, and for
        colours near the line between two known ones.
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
            line = end - start
            along = np.clip((points - start) @ line / (line @ line), 0, 1)
            near |= np.linalg.norm(points - start - along[:, None] * line, axis=1) <= _OFF_COLOUR
    return near


def count_present(values: NDArray[np.int32], known: NDArray[np.float32]) -> int:
    """Count the known numbers or colours that are present, within the noise of JPEG.

    Args:
        values: Numbers `(n, 1)` or colours `(n, 3)`.
        known: Known numbers `(k, 1)` in ascending order, or known colours `(k, 3)`.
    """
    noise = _noise(known)
    return sum(
        bool((np.linalg.norm(values - value, axis=1) <= noise[i]).any()) for i, value in enumerate(known)
    )


def count_close(values: NDArray[np.int32], known: NDArray[np.float32]) -> int:
    """Count the values that are known ones within the noise of JPEG; the arguments are those of `count_present`."""
    distances = np.linalg.norm(values[:, None] - known, axis=-1)
    return int((distances <= _noise(known)).any(axis=1).sum())


def fill_from_neighbours(values: NDArray[Number], invalid: NDArray[np.bool_]) -> NDArray[Number]:
    """Replace invalid pixels by the nearest valid pixel, since a 7 among 0, 1 and 2 resembles none of these.

    Args:
        values: The values, `(height, width)`.
        invalid: Which pixels are invalid, `(height, width)`; at least one must be valid.

    Returns:
        The values with invalid pixels replaced, `(height, width)`.
    """
    rows, columns = distance_transform_edt(invalid, return_distances=False, return_indices=True)
    return np.asarray(values[rows, columns])


def find_nearest_known(pixels: NDArray[np.generic], known: NDArray[np.float32]) -> NDArray[np.intp]:
    """Find the known number or colour that each pixel had before smoothing or JPEG.

    An area is a block of 2 x 2 pixels with one known value. A pixel outside all areas with a value between those of
    the two closest areas gets the nearer of these two values; any other pixel gets the nearest of all known values.
    A soft edge from 0 to 2 therefore becomes 0 and 2, although it passes through 1. A pixel with a known value keeps
    it unless its neighbours at two opposite sides show that it is a step of such an edge.

    Args:
        pixels: The values, `(height, width, channels)`.
        known: The known values, `(k, channels)`. Numbers are in ascending order. Of two that are equally near, the
            first is used.

    Returns:
        Indices into `known`, `(height, width)`.
    """
    values = pixels.astype(np.float32)
    nearest, distance = _find_nearest(values, known)
    if len(known) < 3:
        return nearest
    areas = keep_areas(np.where(distance <= _noise(known)[nearest], nearest, -1))
    rows, columns = np.nonzero((areas < 0) & ((distance > 0) | _find_steps(values)))
    closest = _find_two_closest(areas, rows, columns)
    if closest is None:
        return nearest
    points, (one, other) = values[rows, columns], closest
    to_one, to_other = (np.linalg.norm(points - known[index], axis=1) for index in (one, other))
    between = to_one + to_other <= _SLACK * np.linalg.norm(known[one] - known[other], axis=1)
    nearer = np.where(to_one == to_other, np.minimum(one, other), np.where(to_one < to_other, one, other))
    nearest[rows, columns] = np.where(between, nearer, nearest[rows, columns])
    return nearest


def _find_nearest(
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
    """Return, for each known value, how far the values of an area may be from it."""
    distances = [np.linalg.norm(np.delete(known, i, 0) - value, axis=1) for i, value in enumerate(known)]
    return np.array([_NOISE * others.min() if len(others) else 0 for others in distances], np.float32)


def keep_areas(labels: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """Keep labels `(height, width)` that fill blocks of 2 x 2 pixels, and set all others to -1."""
    corner = labels[:-1, :-1]
    same = (corner == labels[:-1, 1:]) & (corner == labels[1:, :-1]) & (corner == labels[1:, 1:])
    inside = np.zeros(labels.shape, np.bool_)
    for part in (inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]):
        part |= same
    return np.where(inside, labels, -1)


def _find_steps(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which pixels are between their neighbours at two opposite sides and differ from both."""
    height, width = values.shape[:2]
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), "edge")
    is_step = np.zeros((height, width), np.bool_)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before = padded[1 - down : 1 - down + height, 1 - right : 1 - right + width]
        after = padded[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        first, second = np.linalg.norm(values - before, axis=-1), np.linalg.norm(after - values, axis=-1)
        straight = first + second <= _SLACK * np.linalg.norm(after - before, axis=-1)
        is_step |= straight & (first > 0) & (second > 0)
    return is_step


def _find_two_closest(
    areas: NDArray[np.signedinteger], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Return the labels of the two areas closest to each pixel, or None if there are fewer than two areas."""
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
