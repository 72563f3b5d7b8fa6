"""Checks of arrays: images that users give, and outputs of the network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unet_mtl.batches.preprocess.preprocess import Preprocess
from unet_mtl.data.images import convertible_to
from unet_mtl.errors import DataError, NotFiniteError
from unet_mtl.tasks import Task
from unet_mtl.wording import count_of


def require_finite(numbers: NDArray[Any], task: Task[Any, Any], where: str) -> None:
    """Refuse NaN and infinity, from which a threshold or the largest number would still give an answer.

    Args:
        numbers: Outputs of the network, or numbers of an answer.
        task: The task that they belong to.
        where: The image or the case, for the message.

    Raises:
        NotFiniteError: A number is NaN or infinite.
    """
    # The least and the largest number are NaN if any number is, and take no array of the size of a mask.
    if not np.isfinite([numbers.min(initial=0), numbers.max(initial=0)]).all():
        bad = np.count_nonzero(~np.isfinite(numbers))
        raise NotFiniteError(
            f"{where}: no answer, since {bad:,} of {count_of(numbers.size, 'number')} that the network gives for task "
            f"{task.name!r} {'is' if bad == 1 else 'are'} NaN or infinite"
        )


def require_image(image: NDArray[Any], preprocess: Preprocess) -> NDArray[Any]:
    """Return an image that a user gave as an array, uint8 or float32.

    Args:
        image: The array (height, width, channels).
        preprocess: The preprocessing of the run, which knows the channels and the range of intensities.

    Raises:
        DataError: It has another shape, type or range.
    """
    of_any_range = preprocess.intensity != "auto"
    channels = convertible_to(preprocess.channels)
    if image.ndim == 3 and image.shape[-1] in channels and image.size:
        if image.dtype == np.uint8 or (of_any_range and image.dtype.kind in "buif"):
            return image
        if image.dtype.kind == "f" and image.min() >= 0 and image.max() <= 1:
            return image.astype(np.float32)
    received = f"{image.dtype} {image.shape}" + (
        f" up to {image.max():g}" if image.size and image.dtype.kind in "buif" else ""
    )
    raise DataError(
        f"expected an array (height, width, {' or '.join(map(str, channels))}), uint8 or floating point in 0..1; "
        f"received {received}"
    )
