"""Losses that are means over pixels: cross-entropy and focal. Shapes and symbols as in `trainer/training/losses.py`."""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

Tensor = Any
TINY = 1e-6  # least base of a power, so that its gradient is finite


def cross_entropy(
    labels: Tensor, logits: Tensor, valid: Tensor, weights: NDArray[np.float32], smoothing: float = 0.0
) -> Tensor:
    """Weighted cross-entropy: sum_i w[y_i] * n_i / sum_i w[y_i] over valid pixels, with n_i = -log p_i[y_i].

    With smoothing e (Szegedy et al. 2016), n_i = (1 - e) * -log p_i[y_i] + e * mean_c -log p_i[c] over the classes c
    but the masked one.
    """
    weight = ops.take(ops.convert_to_tensor(weights), labels) * valid
    return weighted_mean(_negative_log(labels, logits, smoothing), weight)


def focal(
    labels: Tensor,
    logits: Tensor,
    valid: Tensor,
    weights: NDArray[np.float32],
    gamma: float,
    smoothing: float = 0.0,
) -> Tensor:
    """Focal loss (Lin et al. 2017): sum_i w[y_i] * (1 - p_i[y_i])**gamma * n_i / sum_i w[y_i] over valid pixels.

    n_i as in `cross_entropy`; smoothing leaves the factor (1 - p)**gamma as it is.
    """
    weight = ops.take(ops.convert_to_tensor(weights), labels) * valid
    modulation = power(1.0 - ops.exp(-_negative_log(labels, logits, 0.0)), gamma)
    return weighted_mean(modulation * _negative_log(labels, logits, smoothing), weight)


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """sum(weights * values) / sum(weights) over all axes, or 0 if the weights are 0."""
    total = ops.sum(weights)
    return ops.where(total > 0, ops.sum(weights * values) / ops.maximum(total, TINY), 0.0)


def power(base: Tensor, exponent: float) -> Tensor:
    """base**exponent of a base of 0 or more, linear below TINY: an exponent below 1 has no finite gradient at 0."""
    return base * ops.maximum(base, TINY) ** (exponent - 1.0)


def _negative_log(labels: Tensor, logits: Tensor, smoothing: float) -> Tensor:
    """-log p of the label, (B, H, W), smoothed as in `cross_entropy`."""
    log_p = ops.log_softmax(logits, axis=-1)
    nll = -ops.squeeze(ops.take_along_axis(log_p, ops.expand_dims(labels, -1), axis=-1), -1)
    if not smoothing:
        return nll
    unmasked = ops.cast(logits > -9e3, "float32")  # the masked class has logit -1e4
    spread = -ops.sum(unmasked * ops.where(unmasked > 0, log_p, 0.0), -1) / ops.maximum(ops.sum(unmasked, -1), 1.0)
    return (1.0 - smoothing) * nll + smoothing * spread
