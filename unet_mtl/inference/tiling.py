"""A whole image through a network that sees pieces of it."""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
Outputs = dict[str, NDArray[np.float32]]


def tile_corners(canvas: Size, size: Size, overlap: float) -> Iterator[tuple[int, int]]:
    """First rows and columns of tiles that cover an image, evenly spread.

    Args:
        canvas: (height, width) of the image, at least `size`.
        size: (height, width) of a tile.
        overlap: Of neighbours, at least, as a share of the tile's side, 0 to below 1.
    """
    rows, columns = (_starts(whole, part, overlap) for whole, part in zip(canvas, size, strict=True))
    return ((row, column) for row in rows for column in columns)


def _starts(whole: int, part: int, overlap: float) -> list[int]:
    step = max(1, int(part * (1 - overlap)))
    gaps = math.ceil((whole - part) / step)
    return [round(index * (whole - part) / gaps) for index in range(gaps + 1)] if gaps else [0]


def predict_tiles(
    outputs: Callable[[NDArray[Any]], Outputs],
    image: NDArray[Any],
    *,
    size: Size,
    overlap: float,
    spatial: Collection[str],
    batch_size: int,
) -> Outputs:
    """Predicts overlapping tiles and joins them.

    Args:
        outputs: The network: tiles (B, *size, channels) -> (B, ...) by name.
        image: (height, width, channels), at least `size`.
        size: (height, width) of a tile.
        overlap: As of `tile_corners`.
        spatial: Names of outputs (B, *size, K).
        batch_size: Tiles a step.

    Returns:
        By name, float32: (height, width, K), where tiles overlap their mean, in which a pixel counts the more the
        farther it is from the edge of its tile, beyond which the network saw nothing; of the other outputs the
        plain mean over tiles.
    """
    canvas = (image.shape[0], image.shape[1])
    corners = list(tile_corners(canvas, size, overlap))
    weight = np.outer(*(_hat(side) for side in size))[..., None]
    sums: Outputs = {}
    weights = np.zeros((*canvas, 1), np.float32)
    for start in range(0, len(corners), batch_size):
        windows = [
            (slice(row, row + size[0]), slice(column, column + size[1]))
            for row, column in corners[start : start + batch_size]
        ]
        found = outputs(np.stack([image[window] for window in windows]))
        for index, window in enumerate(windows):
            weights[window] += weight
            for name, values in found.items():
                if name in spatial:
                    total = sums.setdefault(name, np.zeros((*canvas, values.shape[-1]), np.float32))
                    total[window] += weight * values[index]
                else:
                    sums[name] = sums.get(name, np.float32(0)) + values[index] / np.float32(len(corners))
    return {name: total / weights if name in spatial else total for name, total in sums.items()}


def _hat(side: int) -> NDArray[np.float32]:
    """1 at the edges, larger towards the middle."""
    places = np.arange(1, side + 1, dtype=np.float32)
    return np.minimum(places, places[::-1])
