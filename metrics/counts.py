"""Labels to whole numbers: the only place where pixels are counted.

Every overlap score is a short function of the `Counts` made here, so that what is ignored, what is a class
and what is an error are decided once. Everything works equally for masks (a case is a picture) and for label
vectors (a case is one number).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import zip_longest

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each class was found, invented, missed and rightly left out.

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
        """The shape that all four arrays have."""
        return self.tp.shape

    def sum(self, axis: int | tuple[int, ...]) -> Counts:
        """Pool over `axis` (0 pools the cases of `count_cases`); no case at all gives zeros."""
        return Counts(*(np.asarray(getattr(self, field.name).sum(axis=axis)) for field in fields(self)))

    def __getitem__(self, key: object) -> Counts:
        """Index all four arrays alike: `counts[3]` is case 3, `counts[..., 1]` is class 1."""
        return Counts(*(np.asarray(getattr(self, field.name)[key]) for field in fields(self)))


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, n_classes: int, *, ignore: int | None = None
) -> NDArray[np.int64]:
    """Count every pair of true and predicted class, in one pass.

    Args:
        y_true: Class indices 0..n_classes-1, integers or bools of any shape; or `ignore`.
        y_pred: Class indices of the same shape.
        n_classes: Number of classes with the background.
        ignore: Pixels whose TRUTH has this value are dropped before anything is counted, so that a
            prediction there cannot change anything. Common: 255.

    Returns:
        int64 of shape (n_classes, n_classes); rows are the truth, columns the prediction. Empty input and
        input that is ignored everywhere give zeros.

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
    if ignore is not None:
        counted = truth != ignore
        truth, prediction = truth[counted], prediction[counted]
    _check_range(truth, "y_true", n_classes)
    _check_range(prediction, "y_pred", n_classes)
    # the smallest type that holds every pair: for masks this is uint8, and memory traffic is the whole cost
    key_type = np.min_scalar_type(n_classes**2 - 1)
    key = truth.astype(key_type, copy=False) * key_type.type(n_classes)
    key += prediction.astype(key_type, copy=False)
    pairs = np.bincount(key.ravel().astype(np.intp, copy=False), minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes).astype(np.int64, copy=False)


def confusion_per_case(
    y_true: Iterable[ArrayLike], y_pred: Iterable[ArrayLike], n_classes: int, *, ignore: int | None = None
) -> NDArray[np.int64]:
    """Give one confusion matrix a case; arguments as for `count_cases`.

    Returns:
        int64 of shape (cases, n_classes, n_classes), rows of each matrix the truth.

    Raises:
        ValueError: as for `confusion_matrix`, with the number of the case; or unequal numbers of cases.

    Example:
        >>> confusion_per_case([[0, 1], [1, 1, 1]], [[0, 1], [1, 0, 1]], 2).tolist()
        [[[1, 0], [0, 1]], [[0, 0], [1, 2]]]
    """
    matrices = []
    for index, (truth, prediction) in enumerate(zip_longest(y_true, y_pred)):
        if truth is None or prediction is None:
            raise ValueError(f"y_true and y_pred hold different numbers of cases: one ends after {index}")
        try:
            matrices.append(confusion_matrix(truth, prediction, n_classes, ignore=ignore))
        except ValueError as error:
            raise ValueError(f"case {index}: {error}") from error
    return np.array(matrices, dtype=np.int64).reshape(-1, n_classes, n_classes)


def counts_from_confusion(matrix: ArrayLike) -> Counts:
    """Read each class against the rest off a confusion matrix.

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
    """Count each case by itself: the table that per-image and pooled scores are made of.

    Args:
        y_true: Array (N, H, W), label vector (N,), or any iterable of N cases whose sizes may differ. The
            first axis is always the cases: put a single mask in a list.
        y_pred: The same for the predictions; read one case at a time.
        n_classes: Number of classes with the background.
        ignore: Truth value to drop, as in `confusion_matrix`.

    Returns:
        Counts of shape (cases, n_classes); pooled over cases: `.sum(axis=0)`.

    Raises:
        ValueError: as for `confusion_per_case`.

    Example:
        >>> count_cases([[0, 1], [1, 1, 1]], [[0, 1], [1, 0, 1]], 2).tp.tolist()
        [[1, 1], [0, 2]]
    """
    return counts_from_confusion(confusion_per_case(y_true, y_pred, n_classes, ignore=ignore))


def foreground(confusion: ArrayLike) -> Counts:
    """Count "anything but background": the union of classes 1 and up against class 0.

    Args:
        confusion: Integers of shape (..., classes, classes), rows are the truth.

    Returns:
        Counts of shape (...): a scalar for one matrix, (cases,) for `confusion_per_case`. A pixel of one
        foreground class that was given another one is a true positive here.

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
    low, high = int(labels.min()), int(labels.max())
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
