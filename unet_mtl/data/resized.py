"""Outputs of a network for each pixel, resized to the size of an image a few channels at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unet_mtl.data.images import CHANNELS_AT_ONCE, resize_channels

_OWN_ROUNDING = (1, 3, 4)
"""Numbers of channels that OpenCV resizes with code of their own, which rounds differently."""

_PAIR = 2


@dataclass(frozen=True)
class Resized:
    """An output of a network at the size of an image. It is resized linearly when it is read.

    Attributes:
        raw: The output (height, width, K), float32.
        size: (height, width) of the image.
    """

    raw: NDArray[np.float32]
    size: tuple[int, int]

    @property
    def channels(self) -> int:
        """The number of channels K."""
        return int(self.raw.shape[-1])

    def whole(self) -> NDArray[np.float32]:
        """Return all channels, (*size, K) float32, which take `4 * K` bytes per pixel."""
        if self.raw.shape[:2] == self.size:
            return self.raw
        return np.asarray(resize_channels(self.raw, self.size, cv2.INTER_LINEAR), np.float32)

    def n_parts(self) -> int:
        """Return the number of arrays that `parts` yields."""
        return len(self._slices())

    def parts(self) -> Iterator[NDArray[np.float32]]:
        """Yield the channels of `whole` in their order, with the same bits, in arrays (*size, 1 to 4).

        An output that has the size already is yielded whole. An array is released before the next one is made only if
        the caller has dropped it.
        """
        for first, last, dropped in self._slices():
            yield Resized(self.raw[..., first:last], self.size).whole()[..., dropped:]

    def _slices(self) -> list[tuple[int, int, int]]:
        """Return the first channel of each part, the one after its last, and how many to drop at its start."""
        if self.raw.shape[:2] == self.size:
            return [(0, self.channels, 0)]
        slices: list[tuple[int, int, int]] = []
        for start in range(0, self.channels, CHANNELS_AT_ONCE):
            stop = min(start + CHANNELS_AT_ONCE, self.channels)
            if stop - start in _OWN_ROUNDING:
                slices.append((start, stop, 0))
                continue
            # All other numbers of channels are rounded alike. The last pair of an odd number repeats a channel.
            pairs = [(first, min(first, stop - _PAIR)) for first in range(start, stop, _PAIR)]
            slices += [(kept, kept + _PAIR, first - kept) for first, kept in pairs]
        return slices
