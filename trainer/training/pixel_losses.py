"""Losses that are means over pixels: cross-entropy and focal. Shapes and symbols as in `trainer/training/losses.py`."""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

Tensor = Any
TINY = 1e-6  # least base of a power, so that its gradient is finite


def cross_entropy(truth: Tensor, log_p: Tensor, weights: NDArray[np.float32], smoothing: float = 0.0) -> Tensor:
    """Weighted cross-entropy: sum_i w[y_i] * n_i / sum_i w[y_i] over valid pixels, with n_i = -log p_i[y_i].

    With smoothing e (Szegedy et al. 2016), n_i = (1 - e) * -log p_i[y_i] + e * mean_c -log p_i[c] over the classes c
    but the masked one.
    """
    return weighted_mean(_negative_log(truth, log_p, smoothing), _pixel_weights(truth, weights))


def focal(truth: Tensor, log_p: Tensor, weights: NDArray[np.float32], gamma: float, smoothing: float = 0.0) -> Tensor:
    """Focal loss (Lin et al. 2017): sum_i w[y_i] * (1 - p_i[y_i])**gamma * n_i / sum_i w[y_i] over valid pixels.

    n_i as in `cross_entropy`; smoothing leaves the factor (1 - p)**gamma as it is.
    """
    modulation = power(1.0 - ops.exp(-_negative_log(truth, log_p, 0.0)), gamma)
    return weighted_mean(modulation * _negative_log(truth, log_p, smoothing), _pixel_weights(truth, weights))


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """sum(weights * values) / sum(weights) over all axes, or 0 if the weights are 0."""
    total = ops.sum(weights)
    return ops.where(total > 0, ops.sum(weights * values) / ops.maximum(total, TINY), 0.0)


def power(base: Tensor, exponent: float) -> Tensor:
    """base**exponent of a base of 0 or more, linear below TINY: an exponent below 1 has no finite gradient at 0."""
    return base * ops.maximum(base, TINY) ** (exponent - 1.0)


def _pixel_weights(truth: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """The weight of each pixel's class, (N,); 0 of a pixel that is not valid."""
    return ops.sum(truth * weights[:, None], 0)


def _negative_log(truth: Tensor, log_p: Tensor, smoothing: float) -> Tensor:
    """-log p of the label, (N,), smoothed as in `cross_entropy`; without smoothing 0 of a pixel that is not valid."""
    nll = -ops.sum(truth * log_p, 0)
    if not smoothing:
        return nll
    unmasked = ops.cast(log_p > -9e3, "float32")  # the masked class has logit -1e4
    spread = -ops.sum(unmasked * log_p, 0) / ops.maximum(ops.sum(unmasked, 0), 1.0)
    return (1.0 - smoothing) * nll + smoothing * spread
