"""Confusion matrices and counts of true and false positives and negatives.

Every overlap score is a short function of the `Counts` made here, so that ignored pixels, classes and invalid input
are treated in one place. All functions work for masks (a case is an image) and for label vectors (a case is one
label).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from itertools import zip_longest

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BLOCK = (
    1 << 17
)  # pixels per block, so that truth, prediction and their pairs fit in the cache of the processor
_FEW_CLASSES = 6  # up to this number of classes, bit planes are faster than a histogram


@dataclass(frozen=True, eq=False)
class Counts:
    """Numbers of true and false positives and negatives of each class.

    Attributes:
        tp: True positives, int64 of shape (..., classes); a scalar array for a single class.
        fp: False positives, same shape.
        fn: False negatives, same shape.
        tn: True negatives, same shape.

    Raises:
        ValueError: if a field is not of an integer type, or the four shapes differ.

    Example:
        >>> counts = Counts([[5, 2], [7, 0]], fp=[[1, 0], [0, 1]], fn=[[0, 1], [1, 0]], tn=[[2, 5], [0, 7]])
        >>> counts.sum(axis=0).tp.tolist(), counts[1].fp.tolist()
        ([12, 2], [0, 1])
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = np.asarray(getattr(self, field.name))
            if value.dtype.kind not in "iu":
                raise ValueError(f"Counts.{field.name} must be whole numbers, got dtype {value.dtype}")
            object.__setattr__(self, field.name, value.astype(np.int64, copy=False))
        shapes = [getattr(self, field.name).shape for field in fields(self)]
        if len(set(shapes)) > 1:
            raise ValueError(f"tp, fp, fn and tn must have one shape, got {shapes}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The common shape of the four arrays."""
        return self.tp.shape

    def sum(self, axis: int | tuple[int, ...]) -> Counts:
        """Sum over `axis` (0 pools the cases of `count_cases`); without any case the sums are 0."""
        return Counts(*(np.asarray(getattr(self, field.name).sum(axis=axis)) for field in fields(self)))

    def __getitem__(self, key: object) -> Counts:
        """Index all four arrays: `counts[3]` is case 3, `counts[..., 1]` is class 1."""
        return Counts(*(np.asarray(getattr(self, field.name)[key]) for field in fields(self)))


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, n_classes: int, *, ignore: int | None = None
) -> NDArray[np.int64]:
    """Count every pair of true and predicted class in one pass.

    Args:
        y_true: Class indices 0..n_classes-1, integers or bools of any shape; or `ignore`.
        y_pred: Class indices of the same shape.
        n_classes: Number of classes with the background.
        ignore: Pixels with this true value are dropped before counting, so that predictions there have no effect.
            A common value is 255.

    Returns:
        int64 of shape (n_classes, n_classes); rows are the truth, columns the prediction. Empty input and
        input that is ignored entirely give zeros.

    Raises:
        ValueError: shapes differ, a dtype is not integer, or a value is outside 0..n_classes-1.

    Example:
        >>> confusion_matrix([0, 0, 1, 255], [0, 1, 1, 0], 2, ignore=255).tolist()
        [[1, 1], [0, 1]]
    """
    if n_classes < 1:
        raise ValueError(f"n_classes must be 1 or more, got {n_classes}")
    truth, prediction = _integers(y_true, "y_true"), _integers(y_pred, "y_pred")
    if truth.shape != prediction.shape:
        raise ValueError(f"y_true has shape {truth.shape} but y_pred has {prediction.shape}: they must agree")
    truth, prediction = truth.ravel(), prediction.ravel()
    pairs = np.zeros((n_classes, n_classes), np.int64)
    for start in range(0, truth.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        pairs += _count_pairs(truth[part], prediction[part], n_classes, ignore)
    return pairs


def confusion_per_case(
    y_true: Iterable[ArrayLike], y_pred: Iterable[ArrayLike], n_classes: int, *, ignore: int | None = None
) -> NDArray[np.int64]:
    """Return one confusion matrix per case; arguments as for `count_cases`.

    Returns:
        int64 of shape (cases, n_classes, n_classes), rows of each matrix the truth.

    Raises:
        ValueError: as for `confusion_matrix`, with the number of the case; unequal numbers of cases; or an
            array of shape (rows, columns), which may be a single mask or a row a case.

    Example:
        >>> confusion_per_case([[0, 1], [1, 1, 1]], [[0, 1], [1, 0, 1]], 2).tolist()
        [[[1, 0], [0, 1]], [[0, 0], [1, 2]]]
    """
    for name, cases in (("y_true", y_true), ("y_pred", y_pred)):
        if isinstance(cases, np.ndarray) and cases.ndim == 2:
            raise ValueError(
                f"{name} of shape {cases.shape} may be one mask or a row a case: pass [{name}] for one mask, "
                f"list({name}) for rows"
            )
    matrices = _count_each(partial(confusion_matrix, n_classes=n_classes, ignore=ignore), y_true, y_pred)
    return np.array(matrices, dtype=np.int64).reshape(-1, n_classes, n_classes)


def counts_from_confusion(matrix: ArrayLike) -> Counts:
    """Convert a confusion matrix into one-vs-rest counts.

    Args:
        matrix: Integers of shape (..., classes, classes), rows are the truth.

    Returns:
        Counts of shape (..., classes).

    Raises:
        ValueError: if the last two axes are not square or the numbers not whole.

    Example:
        >>> counts_from_confusion([[3, 1], [0, 2]]).fp.tolist()
        [0, 1]
    """
    confusion = _square(matrix)
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    fp = confusion.sum(axis=-2) - tp
    fn = confusion.sum(axis=-1) - tp
    return Counts(tp=tp, fp=fp, fn=fn, tn=confusion.sum(axis=(-2, -1))[..., None] - tp - fp - fn)


def count_cases(
    y_true: Iterable[ArrayLike], y_pred: Iterable[ArrayLike], n_classes: int, *, ignore: int | None = None
) -> Counts:
    """Count each case separately, as the basis of per-image and pooled scores.

    Args:
        y_true: Array (N, H, W), label vector (N,), or any iterable of N cases of different sizes. The first axis is
            always the cases: put a single mask in a list.
        y_pred: The predictions in the same form; they are read one case at a time.
        n_classes: Number of classes with the background.
        ignore: True value to drop, as in `confusion_matrix`.

    Returns:
        Counts of shape (cases, n_classes); `.sum(axis=0)` pools over cases.

    Raises:
        ValueError: as for `confusion_per_case`.

    Example:
        >>> count_cases([[0, 1], [1, 1, 1]], [[0, 1], [1, 0, 1]], 2).tp.tolist()
        [[1, 1], [0, 2]]
    """
    return counts_from_confusion(confusion_per_case(y_true, y_pred, n_classes, ignore=ignore))


def count_multilabel(
    y_true: Iterable[ArrayLike],
    y_pred: Iterable[ArrayLike],
    *,
    threshold: float = 0.5,
    ignore: int | None = None,
) -> Counts:
    """Count overlapping classes: each channel separately, without a background channel.

    Args:
        y_true: N cases of shape (..., classes) with 0 and 1 (or bools), or `ignore`: an array (N, H, W, C), a
            table of labels (N, C), or any iterable of cases of different sizes.
        y_pred: Predictions of the same form, as 0 and 1, bools or probabilities.
        threshold: Smallest probability that counts as positive (`>=`).
        ignore: Entries with this true value are dropped, channel by channel.

    Returns:
        Counts of shape (cases, classes); (0, 0) without any case. They have no background: take means
        with `include_background=True`.

    Raises:
        ValueError: shapes differ, a truth other than 0, 1 and `ignore`, a NaN prediction; with the number of
            the case. Or unequal numbers of cases or classes.

    Example:
        >>> counts = count_multilabel([[1, 1, 0], [0, 1, 255]], [[0.9, 0.2, 0.1], [0.5, 0.8, 0.9]], ignore=255)
        >>> counts.sum(axis=0).tp.tolist(), counts.sum(axis=0).fp.tolist()
        ([1, 1, 0], [1, 0, 0])
    """
    rows = _count_each(partial(_count_channels, threshold=threshold, ignore=ignore), y_true, y_pred)
    widths = sorted({row.shape[1] for row in rows})
    if len(widths) > 1:
        raise ValueError(f"every case must have the same classes, got cases with {widths}")
    table = np.array(rows, np.int64).reshape(len(rows), 4, *(widths or [0]))
    return Counts(tp=table[:, 0], fp=table[:, 1], fn=table[:, 2], tn=table[:, 3])


def foreground(confusion: ArrayLike) -> Counts:
    """Count the foreground: the union of all classes except 0 against class 0.

    Args:
        confusion: Integers of shape (..., classes, classes), rows are the truth.

    Returns:
        Counts of shape (...): a scalar for one matrix, (cases,) for `confusion_per_case`. A pixel of one
        foreground class that is predicted as another one is a true positive here.

    Raises:
        ValueError: if the last two axes are not square or the numbers not whole.

    Example:
        >>> foreground([[5, 1, 0], [0, 2, 3], [1, 0, 4]]).tp.tolist()
        9
    """
    matrix = _square(confusion)
    return Counts(
        tp=matrix[..., 1:, 1:].sum(axis=(-2, -1)),
        fp=matrix[..., 0, 1:].sum(axis=-1),
        fn=matrix[..., 1:, 0].sum(axis=-1),
        tn=matrix[..., 0, 0],
    )


def _count_pairs(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], n_classes: int, ignore: int | None
) -> NDArray[np.int64]:
    n_dropped = 0
    if ignore is not None:
        dropped = truth == ignore
        n_dropped = int(np.count_nonzero(dropped))
    if (
        n_dropped
    ):  # counting them as correct background and subtracting them is cheaper than removing the pixels
        truth, prediction = np.where(dropped, 0, truth), np.where(dropped, 0, prediction)
    _check_range(truth, "y_true", n_classes)
    _check_range(prediction, "y_pred", n_classes)
    count = _count_planes if 1 < n_classes <= _FEW_CLASSES else _count_keys
    pairs = count(truth, prediction, n_classes)
    pairs[0, 0] -= n_dropped
    return pairs


def _count_planes(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], n_classes: int
) -> NDArray[np.int64]:
    """Count with one bit per pixel and class: the pixels of a pair are the bits set in both bit planes."""
    true, predicted = _bit_planes(truth, n_classes), _bit_planes(prediction, n_classes)
    found = np.zeros((n_classes, n_classes, true[0].size), np.uint8)
    # one plane after the other, since all of them together do not fit in the L1 cache
    for i, plane in enumerate(true, start=1):
        np.bitwise_count(plane, out=found[i, 0])
        for j, other in enumerate(predicted, start=1):
            np.bitwise_count(plane & other, out=found[i, j])
    for j, other in enumerate(predicted, start=1):
        np.bitwise_count(other, out=found[0, j])
    both: NDArray[np.int64] = found.sum(axis=-1, dtype=np.uint32).astype(np.int64)
    # row and column 0 still hold all pixels of a class: subtract those of the other classes
    both[0, 0] = truth.size
    both[0] -= both[1:].sum(axis=0)
    both[:, 0] -= both[:, 1:].sum(axis=1)
    return both


def _bit_planes(labels: NDArray[np.integer], n_classes: int) -> list[NDArray[np.uint64]]:
    """Return the pixels of class 1, 2, ... as bits."""
    mask = labels.astype(np.uint8, copy=False)
    if mask.size % 64:
        mask = np.concatenate([mask, np.zeros(-mask.size % 64, np.uint8)])
    rest = np.packbits(mask).view(np.uint64)  # of every class but 0
    planes = []
    for index in range(1, n_classes - 1):
        planes.append(np.packbits(mask == index).view(np.uint64))
        rest = rest ^ planes[-1]
    return [*planes, rest]


def _count_keys(
    truth: NDArray[np.integer], prediction: NDArray[np.integer], n_classes: int
) -> NDArray[np.int64]:
    """Count with one histogram of the index of the pair of each pixel."""
    # the smallest type that holds every pair, uint8 for masks, since memory traffic dominates the cost
    key_type = np.min_scalar_type(n_classes**2 - 1)
    key = truth.astype(key_type, copy=False) * key_type.type(n_classes)
    key += prediction.astype(key_type, copy=False)
    pairs = np.bincount(key.astype(np.intp), minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes).astype(np.int64, copy=False)


def _count_each(
    count: Callable[[ArrayLike, ArrayLike], NDArray[np.int64]],
    y_true: Iterable[ArrayLike],
    y_pred: Iterable[ArrayLike],
) -> list[NDArray[np.int64]]:
    counted = []
    for index, (truth, prediction) in enumerate(zip_longest(y_true, y_pred)):
        if truth is None or prediction is None:
            raise ValueError(f"y_true and y_pred hold different numbers of cases: one ends after {index}")
        try:
            counted.append(count(truth, prediction))
        except ValueError as error:
            raise ValueError(f"case {index}: {error}") from error
    return counted


def _count_channels(
    y_true: ArrayLike, y_pred: ArrayLike, threshold: float, ignore: int | None
) -> NDArray[np.int64]:
    """Return the counts tp, fp, fn, tn as int64 (4, classes)."""
    truth, prediction = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != prediction.shape or truth.ndim == 0:
        raise ValueError(
            f"y_true and y_pred must have one shape (..., classes), got {truth.shape} and {prediction.shape}"
        )
    positive = truth == 1
    counted = np.ones(truth.shape, bool) if ignore is None else truth != ignore
    positive &= counted
    if not np.all(positive | (truth == 0) | ~counted):
        raise ValueError(f"y_true must hold 0 and 1 (or ignore={ignore}) only")
    if np.isnan(prediction[counted]).any():
        raise ValueError("y_pred holds NaN: leave out the cases without a prediction first")
    found = counted & (prediction if prediction.dtype.kind == "b" else prediction >= threshold)
    axes = tuple(range(truth.ndim - 1))
    tp, predicted = (positive & found).sum(axis=axes), found.sum(axis=axes)
    true, total = positive.sum(axis=axes), counted.sum(axis=axes)
    return np.stack([tp, predicted - tp, true - tp, total - predicted - true + tp])


def _integers(values: ArrayLike, name: str) -> NDArray[np.integer]:
    array = np.asarray(values)
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b" or array.size == 0:
        return array.astype(np.uint8)
    raise ValueError(
        f"{name} must hold class indices, got dtype {array.dtype}: threshold or argmax probabilities first"
    )


def _check_range(labels: NDArray[np.integer], name: str, n_classes: int) -> None:
    if labels.size == 0:
        return
    low = 0 if labels.dtype.kind == "u" else int(labels.min())
    high = int(labels.max())
    if low < 0 or high >= n_classes:
        bad = low if low < 0 else high
        cure = f"pass ignore={bad} to leave it out, or " if name == "y_true" else ""
        raise ValueError(
            f"{name} holds the value {bad}, outside 0..{n_classes - 1} (n_classes={n_classes}): "
            f"{cure}map the values to class indices first"
        )


def _square(matrix: ArrayLike) -> NDArray[np.int64]:
    confusion = np.asarray(matrix)
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2] or confusion.shape[-1] == 0:
        raise ValueError(f"a confusion matrix is square (..., classes, classes), got shape {confusion.shape}")
    if confusion.dtype.kind not in "iu":
        raise ValueError(f"a confusion matrix holds whole numbers, got dtype {confusion.dtype}")
    return confusion.astype(np.int64, copy=False)
