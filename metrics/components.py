"""Connected components of a semantic mask, with touching objects kept apart by a boundary class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def label_components(
    mask: ArrayLike,
    *,
    foreground: int = 1,
    boundary: int | None = None,
    connectivity: int = 2,
    min_area: int = 0,
) -> NDArray[np.int32]:
    """Number the objects of a semantic mask: connected components of one class.

    Args:
        mask: Class indices, integers or bools of shape (height, width).
        foreground: The class whose connected pixels form an object.
        boundary: A class drawn around objects to separate touching ones. Its pixels are assigned to the nearest
            component of the region (connected pixels of both classes) that they belong to. A region that
            consists of boundary only, such as an object that is too thin to have an inside, is one object.
        connectivity: 2: pixels that share an edge or a corner are connected; 1: an edge only.
        min_area: Objects with fewer pixels, including their share of the boundary, become background.

    Returns:
        int32 of shape (height, width): 0 background, objects 1, 2, ... without gaps.

    Raises:
        ValueError: the mask is not 2-D or not of class indices, the two classes are one, or `connectivity`
            is neither 1 nor 2.

    Example:
        >>> label_components([[1, 2, 2, 1, 0, 2]], boundary=2).tolist()
        [[1, 1, 2, 2, 0, 3]]
    """
    from scipy import ndimage  # slow to import

    classes = _class_map(mask)
    if connectivity not in (1, 2) or foreground == boundary:
        raise ValueError(
            f"connectivity must be 1 or 2, foreground and boundary two classes; got {connectivity}, "
            f"{foreground}, {boundary}"
        )
    neighbours = ndimage.generate_binary_structure(2, connectivity)
    objects = ndimage.label(classes == foreground, neighbours)[0]
    if boundary is not None:
        regions = ndimage.label((classes == foreground) | (classes == boundary), neighbours)[0]
        objects = _fill_regions(objects, regions)
    areas = np.bincount(objects.ravel(), minlength=1)
    kept = areas >= max(min_area, 1)
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return np.asarray(numbers[objects])


def _fill_regions(objects: NDArray[np.int32], regions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Assign each pixel of a region to its nearest object; a region without an object becomes one."""
    from scipy import ndimage

    n_objects = int(objects.max(initial=0))
    filled = np.where(regions > 0, _nearest(objects), 0) if n_objects else np.zeros_like(objects)
    region_of = np.zeros(n_objects + 1, regions.dtype)
    region_of[objects] = regions
    region_of[0] = 0
    # only few regions: the nearest object lies across the background, or the region has no object
    unfilled = np.unique(regions[region_of[filled] != regions])
    boxes = ndimage.find_objects(regions) if unfilled.size else []
    for region in unfilled:
        box = boxes[region - 1]
        inside = regions[box] == region
        own = np.where(inside, objects[box], 0)
        if not own.any():
            n_objects += 1
        filled[box][inside] = _nearest(own)[inside] if own.any() else n_objects
    return np.asarray(filled)


def _nearest(objects: NDArray[np.int32]) -> NDArray[np.int32]:
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(objects == 0, return_distances=False, return_indices=True)
    return np.asarray(objects[rows, columns])


def _class_map(values: ArrayLike) -> NDArray[np.generic]:
    mask = np.asarray(values)
    if mask.ndim != 2 or mask.dtype.kind not in "iub":
        raise ValueError(
            f"a mask is (height, width) of class indices, got shape {mask.shape} of dtype {mask.dtype}: "
            "argmax or threshold probabilities first"
        )
    return mask
