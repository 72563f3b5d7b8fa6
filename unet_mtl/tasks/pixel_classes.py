"""The classes of pixels from resized outputs, without an array of all channels at the size of the image."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.resized import Resized

_BLOCK = 2**16
"""The number of pixels that are compared at once, which bounds the temporary arrays."""


def _blocks(size: tuple[int, int]) -> Iterator[slice]:
    rows = max(1, _BLOCK // size[1])
    return (slice(start, start + rows) for start in range(0, size[0], rows))


def find_largest(output: Resized, threshold: float | None = None) -> NDArray[np.uint8]:
    """Return the class of each pixel, the first of equal ones.

    Args:
        output: One channel per class; or per class but the background, with a threshold.
        threshold: The value that the largest channel must reach (`>=`), or the pixel is background; None: none.

    Returns:
        Class indices, `output.size`.
    """
    floor, index = np.float32(-np.inf), 0
    if threshold is not None:
        # Above the number just below the threshold is the same as at least the threshold.
        floor, index = np.nextafter(np.float32(threshold), floor), 1
    mask = np.zeros(output.size, np.uint8)
    best = np.full(output.size, floor) if output.n_parts() > 1 else None
    for part in output.parts():
        for rows in _blocks(output.size):
            largest = np.full(mask[rows].shape, floor) if best is None else best[rows]
            _take_larger(part[rows], index, mask[rows], largest)
        index += part.shape[-1]
        del part  # releases it before the next one is made
    return mask


def _take_larger(
    part: NDArray[np.float32], index: int, mask: NDArray[np.uint8], largest: NDArray[np.float32]
) -> None:
    """Replace the class and the largest value of each pixel where a channel of `part`, from `index` on, is larger."""
    for channel in range(part.shape[-1]):
        values = part[..., channel]
        above = values > largest
        np.copyto(largest, values, where=above)
        np.copyto(mask, np.uint8(index + channel), where=above)


def find_foreground(output: Resized, threshold: float) -> NDArray[np.uint8]:
    """Return the class of each pixel from a softmax with the background as the first channel.

    Args:
        output: One channel per class.
        threshold: The probability of all classes but the background together from which on (`>=`) a pixel has the most
            probable of these classes, the first of equal ones.

    Returns:
        Class indices, `output.size`.
    """
    mask = np.zeros(output.size, np.uint8)
    best = np.full(output.size, -np.inf, np.float32)
    reached = np.zeros(output.size, bool)
    index = 0
    for part in output.parts():
        first = int(index == 0)
        if first:
            reached = 1 - part[..., 0] >= threshold
        for rows in _blocks(output.size):
            _take_larger(part[rows][..., first:], index + first, mask[rows], best[rows])
        index += part.shape[-1]
        del part  # releases it before the next one is made
    mask[~reached] = 0
    return mask


def find_reaching(output: Resized, threshold: float | Sequence[float]) -> NDArray[np.uint8]:
    """Return 1 where a channel is at least the threshold, else 0: (*size, K), of which each channel is contiguous.

    Args:
        output: K channels.
        threshold: One for all channels, or one for each.
    """
    thresholds = np.broadcast_to(np.asarray(threshold, np.float32), (output.channels,))
    planes = np.empty((output.channels, *output.size), np.uint8)
    index = 0
    for part in output.parts():
        for channel in range(part.shape[-1]):
            np.greater_equal(part[..., channel], thresholds[index], out=planes[index], casting="unsafe")
            index += 1
        del part  # releases it before the next one is made
    return planes.transpose(1, 2, 0)
