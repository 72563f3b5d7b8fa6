"""What the thresholds of masks are chosen from: counts of pixels at every candidate, and a sample of pixels."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import metrics
from unet_mtl.data.images import IGNORE
from unet_mtl.decisions.aims import Candidates, mean_of_defined

THRESHOLDS = np.round(np.arange(0.02, 0.99, 0.02), 2).astype(np.float32)
"""The candidates; a finer grid changes the Dice of validation by less than its noise."""

SAMPLE = 4096
"""The number of pixels of each image that calibration is computed from."""

Counts: TypeAlias = NDArray[np.int64]


def count_at_thresholds(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> Counts:
    """Count pixels at each threshold, above which (`>=`) a pixel is positive.

    Args:
        truth: Whether each pixel is positive, (pixels,).
        probabilities: The probability of each pixel, (pixels,); -1 is below every threshold.
        thresholds: Ascending (candidates,).

    Returns:
        tp, fp, fn and tn by candidate, (4, candidates).
    """
    # The number of thresholds that a pixel reaches; those that reach the k-th are the pixels with more than k.
    reached = np.searchsorted(thresholds, probabilities, side="right")
    size = thresholds.size + 1
    tp, fp = (
        np.cumsum(np.bincount(reached[chosen], minlength=size)[::-1])[::-1][1:] for chosen in (truth, ~truth)
    )
    n = int(np.count_nonzero(truth))
    return np.stack([tp, fp, n - tp, truth.size - n - fp]).astype(np.int64)


def count_exclusive(
    truth: NDArray[np.uint8], shown: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> Counts:
    """Count pixels of classes that exclude each other, at each threshold of the foreground.

    Args:
        truth: Class indices (H, W), 255 for pixels that are ignored.
        shown: Probabilities (H, W, channels): a single sigmoid for two classes, else those of a softmax.
        thresholds: Ascending (candidates,).

    Returns:
        (classes - 1, 4, candidates).
    """
    known = truth != IGNORE
    labels, pixels = truth[known], shown[known]
    if pixels.shape[-1] == 1:
        return count_at_thresholds(labels == 1, pixels[:, 0], thresholds)[None]
    return _count_classes(labels, 1 - pixels[:, 0], pixels[:, 1:], thresholds)


def count_largest(
    truth: NDArray[np.uint8], shown: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> Counts:
    """Count pixels as `count_exclusive` does, for a sigmoid of each class, the largest of which decides."""
    known = truth != IGNORE
    labels, pixels = truth[known], shown[known]
    return _count_classes(labels, pixels.max(-1), pixels, thresholds)


def _count_classes(
    labels: NDArray[np.uint8],
    foreground: NDArray[np.float32],
    classes: NDArray[np.float32],
    thresholds: NDArray[np.float32],
) -> Counts:
    answers = classes.argmax(-1) + 1
    return np.stack(
        [
            count_at_thresholds(
                labels == index, np.where(answers == index, foreground, np.float32(-1)), thresholds
            )
            for index in range(1, classes.shape[-1] + 1)
        ]
    )


def count_overlapping(
    truth: NDArray[np.uint8], shown: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> Counts:
    """Count pixels of each of K classes that may overlap, (K, 4, candidates), from (H, W, K) arrays."""
    return np.stack(
        [
            count_at_thresholds(plane[plane != IGNORE] == 1, values[plane != IGNORE], thresholds)
            for plane, values in zip(np.moveaxis(truth, -1, 0), np.moveaxis(shown, -1, 0), strict=True)
        ]
    )


def count_mask(truth: NDArray[np.uint8], mask: NDArray[np.uint8], n_classes: int) -> Counts:
    """Count pixels of each class but the background in a mask, (classes - 1, 4).

    Args:
        truth: Class indices (H, W), or 0 and 1 (H, W, K) for classes that may overlap; 255 is ignored.
        mask: The predicted mask in the same form.
        n_classes: The number of classes, the background included.
    """
    rows = []
    for index in range(n_classes - 1):
        plane = truth if truth.ndim == 2 else truth[..., index]
        found = mask == index + 1 if truth.ndim == 2 else mask[..., index] == 1
        known = plane != IGNORE
        true = plane == (index + 1 if truth.ndim == 2 else 1)
        tp, n_true, n_found = (np.count_nonzero(part & known) for part in (true & found, true, found))
        fp, fn = n_found - tp, n_true - tp
        rows.append([tp, fp, fn, np.count_nonzero(known) - tp - fp - fn])
    return np.array(rows, np.int64)


def score_images(counts: Counts) -> Candidates:
    """Return means over classes and then over images, both without undefined scores, as `evaluate` does for Dice.

    Args:
        counts: (images, classes, 4, candidates).
    """
    images = [Candidates.of_images(metrics.Counts(*np.moveaxis(image, 1, 0))) for image in counts]
    return Candidates(
        *(
            mean_of_defined(np.stack([getattr(scores, name) for scores in images]))
            for name in ("f1", "sensitivity", "specificity", "false_positives", "false_negatives")
        )
    )


def sample_pixels(
    truth: NDArray[np.uint8], shown: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return truth and probabilities of randomly chosen labelled pixels of one image.

    Args:
        truth: Class indices (H, W), or 0 and 1 (H, W, K) for classes that may overlap; 255 is ignored.
        shown: Probabilities (H, W, channels).
        rng: Random numbers; the same state chooses the same pixels.

    Returns:
        Outcomes and probabilities (n,) for a single channel or channels that may overlap, else class indices (n,) and
        probabilities (n, channels), of at most `SAMPLE` pixels.
    """
    pixels = rng.choice(truth.shape[0] * truth.shape[1], SAMPLE)
    rows, columns = np.divmod(pixels, truth.shape[1])
    labels, values = truth[rows, columns], shown[rows, columns]
    known = labels != IGNORE
    labels, values = labels[known].astype(np.int64), values[known]
    if truth.ndim == 2 and shown.shape[-1] == 1:
        values = values[:, 0]
    return labels, values
