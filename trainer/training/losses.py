"""Losses of integer masks and logits, written with `keras.ops` only.

Everywhere: masks or labels (B, H, W), logits (B, H, W, C), weights (C,) indexed by class. y_i is the label of pixel i
and p_i its softmax, (C,). Only valid pixels count: those whose label is not the ignore label. A batch without any has
loss 0 and gradient 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.config import LossConfig

Tensor = Any
SMOOTH = 1.0  # pixels added to numerator and denominator, so that a class of few pixels has a stable score


def make_loss(
    config: LossConfig, weights: NDArray[np.float32] | Sequence[float], ignore: int | None
) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the configured `loss(masks, logits)`, a scalar of 0 or more.

    Args:
        config: the loss and its parameters.
        weights: (C,), indexed by class.
        ignore: label of pixels that do not count, or None.
    """
    table = np.asarray(weights, np.float32)

    def loss(masks: Tensor, logits: Tensor) -> Tensor:
        labels = ops.cast(masks, "int32")
        is_class = labels < len(table)  # padded pixels belong to none
        valid = ops.cast(is_class if ignore is None else ops.logical_and(is_class, labels != ignore), "float32")
        labels = ops.where(valid > 0, labels, 0)
        logits = ops.cast(logits, "float32")
        match config.name:
            case "cross_entropy":
                return cross_entropy(labels, logits, valid, table, config.label_smoothing)
            case "focal":
                return focal(labels, logits, valid, table, config.gamma, config.label_smoothing)
            case "dice":
                return dice(labels, logits, valid, table)
            case "dice_focal":
                return dice(labels, logits, valid, table) + focal(labels, logits, valid, table, config.gamma)
            case "focal_tversky":
                return focal_tversky(labels, logits, valid, table, config.alpha, config.beta, config.gamma)

    return loss


def cross_entropy(
    labels: Tensor, logits: Tensor, valid: Tensor, weights: NDArray[np.float32], smoothing: float = 0.0
) -> Tensor:
    """Weighted cross-entropy: sum_i w[y_i] * n_i / sum_i w[y_i] over valid pixels, with n_i = -log p_i[y_i].

    With smoothing e (Szegedy et al. 2016), n_i = (1 - e) * -log p_i[y_i] + e * mean_c -log p_i[c] over the classes c
    but the masked one.
    """
    weight = ops.take(ops.convert_to_tensor(weights), labels) * valid
    return _ratio(ops.sum(weight * _negative_log(labels, logits, smoothing)), ops.sum(weight))


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
    nll = _negative_log(labels, logits, 0.0)
    modulation = (1.0 - ops.exp(-nll)) ** gamma
    return _ratio(ops.sum(weight * modulation * _negative_log(labels, logits, smoothing)), ops.sum(weight))


def dice(labels: Tensor, logits: Tensor, valid: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """Soft Dice loss: 1 - (2 TP_c + s) / (2 TP_c + FP_c + FN_c + s), mean over the classes c with weights w[c].

    TP, FP and FN are sums of probabilities over the batch (Milletari et al. 2016), s is SMOOTH. A class without a true
    pixel in the batch does not count: its false positives are false negatives of other classes.
    """
    true_positive, false_positive, false_negative, present = _soft_counts(labels, logits, valid)
    score = (2 * true_positive + SMOOTH) / (2 * true_positive + false_positive + false_negative + SMOOTH)
    return _class_mean(1.0 - score, weights, present)


def focal_tversky(
    labels: Tensor,
    logits: Tensor,
    valid: Tensor,
    weights: NDArray[np.float32],
    alpha: float,
    beta: float,
    gamma: float,
) -> Tensor:
    """Focal Tversky loss: (1 - (TP_c + s) / (TP_c + alpha FP_c + beta FN_c + s))**gamma, mean as in `dice`.

    The Tversky index is that of Salehi et al. (2017). Abraham and Khan (2019) write the exponent as 1/gamma; here it is
    gamma, at least 1, where the gradient is finite.
    """
    true_positive, false_positive, false_negative, present = _soft_counts(labels, logits, valid)
    index = (true_positive + SMOOTH) / (true_positive + alpha * false_positive + beta * false_negative + SMOOTH)
    return _class_mean(ops.maximum(1.0 - index, 0.0) ** gamma, weights, present)


def class_weights(pixels: NDArray[np.int64], config: LossConfig, ignore: int | None) -> NDArray[np.float32]:
    """Weights of the classes, (C,), from their numbers of training pixels, (C,); the mean over all scored pixels is 1.

    The weight is share**-1 (`inverse`), share**-0.5 (`sqrt`) or 1 (`none`) of the class's share of pixels, at most
    `weight_cap` times the smallest one. A class without pixels has the largest weight, the ignored class weight 0.
    """
    counted = np.asarray(pixels, np.float64).copy()
    scored = np.ones(len(counted), bool)
    if ignore is not None and ignore < len(counted):
        scored[ignore], counted[ignore] = False, 0
    power = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}[config.class_weights]
    share = np.maximum(counted, 1) / max(counted.sum(), 1)
    weights = np.where(scored, share**-power, 0)
    weights = np.minimum(weights, weights[scored].min() * config.weight_cap)
    return np.asarray(weights / ((weights * counted).sum() / max(counted.sum(), 1) or 1), np.float32)


def _negative_log(labels: Tensor, logits: Tensor, smoothing: float) -> Tensor:
    """-log p of the label, (B, H, W), smoothed as in `cross_entropy`."""
    log_p = ops.log_softmax(logits, axis=-1)
    nll = -ops.squeeze(ops.take_along_axis(log_p, ops.expand_dims(labels, -1), axis=-1), -1)
    if not smoothing:
        return nll
    unmasked = ops.cast(logits > -9e3, "float32")  # the masked class has logit -1e4
    spread = -ops.sum(unmasked * ops.where(unmasked > 0, log_p, 0.0), -1) / ops.maximum(ops.sum(unmasked, -1), 1.0)
    return (1.0 - smoothing) * nll + smoothing * spread


def _soft_counts(labels: Tensor, logits: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Soft TP, FP, FN of each class over the batch, and whether it has a true pixel, 0 or 1; all (C,)."""
    pixels = ops.expand_dims(valid, -1)
    truth = ops.one_hot(labels, logits.shape[-1], dtype="float32") * pixels
    probability = ops.softmax(logits, axis=-1) * pixels
    true_positive = ops.sum(truth * probability, (0, 1, 2))
    true, predicted = ops.sum(truth, (0, 1, 2)), ops.sum(probability, (0, 1, 2))
    return true_positive, predicted - true_positive, true - true_positive, ops.cast(true > 0, "float32")


def _class_mean(values: Tensor, weights: NDArray[np.float32], present: Tensor) -> Tensor:
    """Weighted mean of values (C,) over the classes that are present."""
    share = ops.convert_to_tensor(weights) * present
    return _ratio(ops.sum(share * values), ops.sum(share))


def _ratio(total: Tensor, weight: Tensor) -> Tensor:
    """total / weight, or 0 if the weight is 0."""
    return ops.where(weight > 0, total / ops.maximum(weight, 1e-6), 0.0)
