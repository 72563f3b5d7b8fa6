"""The soft Tversky loss, a Dice loss in which missed pixels may cost more than false ones."""

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
    """Return (1 - TP / (TP + alpha FP + beta FN)) ** (1 / gamma), per image and channel.

    The index is that of Salehi 2017, doi:10.1007/978-3-319-67389-9_44, the exponent that of Abraham 2019,
    doi:10.1109/ISBI.2019.8759329. With alpha and beta of 0.5 the result equals `soft_dice`, including `smooth`.

    Args:
        truth: 0 or 1, (B, H, W, K).
        probabilities: Probabilities in 0..1, (B, H, W, K).
        valid: 1 where a pixel is labelled, else 0; (B, H, W, 1).
        alpha: The cost of a false positive pixel.
        beta: The cost of a false negative pixel.
        gamma: 1 or more. Above 1, images that are almost right keep a larger gradient.
        smooth: The smoothing of `soft_dice` in pixels.

    Returns:
        (B, K) in 0..1.
    """
    tp, fp, fn = (
        ops.sum(part * valid, axis=(1, 2))
        for part in (truth * probabilities, (1 - truth) * probabilities, truth * (1 - probabilities))
    )
    # The difference 1 - index could be below 0 by rounding.
    errors = alpha * fp + beta * fn
    cost = errors / (tp + errors + smooth / 2)
    if gamma == 1:
        return cost
    # The slope of the root at 0 is infinite.
    return ops.where(cost > 1e-7, ops.power(ops.maximum(cost, 1e-7), 1 / gamma), 0.0)
