"""Prediction of a whole image by a network that takes pieces of it."""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.inference.engine import Outputs

Size = tuple[int, int]
"""(height, width) in pixels."""


def tile_corners(canvas: Size, size: Size, overlap: float) -> Iterator[tuple[int, int]]:
    """Return the positions of evenly spread tiles that cover an image.

    Args:
        canvas: (height, width) of the image, at least `size`.
        size: (height, width) of a tile.
        overlap: Smallest overlap of neighbouring tiles, as a share of the tile's side, from 0 to below 1.

    Returns:
        First row and first column of each tile.
    """
    rows, columns = (_starts(side, tile, overlap) for side, tile in zip(canvas, size, strict=True))
    return ((row, column) for row in rows for column in columns)


def _starts(side: int, tile: int, overlap: float) -> list[int]:
    step = max(1, int(tile * (1 - overlap)))
    gaps = math.ceil((side - tile) / step)
    return [round(index * (side - tile) / gaps) for index in range(gaps + 1)] if gaps else [0]


def predict_tiles(
    outputs: Callable[[NDArray[Any]], Outputs],
    image: NDArray[Any],
    *,
    size: Size,
    overlap: float,
    spatial: Collection[str],
    batch_size: int,
) -> Outputs:
    """Predict overlapping tiles and join their outputs.

    Args:
        outputs: The network: tiles (B, *size, channels) in, outputs (B, ...) by name out.
        image: Image (height, width, channels), at least `size`.
        size: (height, width) of a tile.
        overlap: Smallest overlap of neighbouring tiles; see `tile_corners`.
        spatial: Names of the outputs of shape (B, *size, K).
        batch_size: Number of tiles in a batch.

    Returns:
        Outputs by name, float32. Spatial outputs are (height, width, K): where tiles overlap, their weighted mean, in
        which the weight of a pixel grows with its distance from the edge of its tile, since the network sees nothing
        beyond that edge. The other outputs are the plain mean over all tiles.
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
        by_name = outputs(np.stack([image[window] for window in windows]))
        for index, window in enumerate(windows):
            weights[window] += weight
            for name, values in by_name.items():
                if name in spatial:
                    total = sums.setdefault(name, np.zeros((*canvas, values.shape[-1]), np.float32))
                    total[window] += weight * values[index]
                else:
                    sums[name] = sums.get(name, np.float32(0)) + values[index] / np.float32(len(corners))
    for name in sums.keys() & spatial:
        sums[name] /= weights
    return sums


def _hat(side: int) -> NDArray[np.float32]:
    """Return weights that rise linearly from 1 at the edges to the middle."""
    places = np.arange(1, side + 1, dtype=np.float32)
    return np.minimum(places, places[::-1])
