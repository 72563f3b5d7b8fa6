"""Soft Tversky: Dice that may count missed pixels for more than false ones."""

from typing import Any

from keras import ops


def soft_tversky(
    truth: Any,
    probabilities: Any,
    valid: Any,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 1.0,
    smooth: float = 1.0,
) -> Any:
    """(1 - TP / (TP + alpha FP + beta FN)) ** (1 / gamma), per image and channel.

    Salehi 2017, doi:10.1007/978-3-319-67389-9_44; with gamma Abraham 2019, doi:10.1109/ISBI.2019.8759329. Halves for
    alpha and beta give `soft_dice`, `smooth` included.

    Args:
        truth: (B, H, W, K) 0 or 1.
        probabilities: (B, H, W, K) in 0..1.
        valid: (B, H, W, 1) 1 where a pixel is labelled, else 0.
        alpha: Cost of a false pixel.
        beta: Cost of a missed one.
        gamma: Above 1, images that are nearly right still teach.
        smooth: As of `soft_dice`, in pixels.

    Returns:
        (B, K) in 0..1.
    """
    found, false, missed = (
        ops.sum(part * valid, axis=(1, 2))
        for part in (truth * probabilities, (1 - truth) * probabilities, truth * (1 - probabilities))
    )
    half = smooth / 2
    # Not 1 - index, which rounding may leave below 0.
    lost = alpha * false + beta * missed
    cost = lost / (found + lost + half)
    if gamma == 1:
        return cost
    # At 0 the slope of a root has no end.
    return ops.where(cost > 1e-7, ops.power(ops.maximum(cost, 1e-7), 1 / gamma), 0.0)
