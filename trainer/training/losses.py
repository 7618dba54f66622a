"""Losses over integer masks and logits, written with `keras.ops` only.

Everywhere: masks (B, H, W) of labels, logits (B, H, W, C), weights (C,) by class, N = B * H * W pixels.
A pixel whose label is `ignore` takes no part. A batch with nothing to learn from has loss 0 and gradient 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.config import LossConfig

Tensor = Any
SMOOTH = 1.0  # pixels added to both sides of an overlap, so that a class of few pixels does not jump


def make_loss(
    config: LossConfig, weights: NDArray[np.float32] | Sequence[float], ignore: int | None
) -> Callable[[Tensor, Tensor], Tensor]:
    """The configured loss as `loss(masks, logits) -> scalar`.

    weights:  (C,), indexed by class
    ignore:   label of pixels without a part in it, or None
    """
    table = np.asarray(weights, np.float32)

    def loss(masks: Tensor, logits: Tensor) -> Tensor:
        labels = ops.cast(masks, "int32")
        valid = ops.ones_like(labels, "float32") if ignore is None else ops.cast(labels != ignore, "float32")
        labels = ops.where(valid > 0, labels, 0)  # an ignored label may lie outside the classes
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
    """sum_i w[y_i] * -log p_i[y_i] / sum_i w[y_i] over valid pixels."""
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
    """sum_i w[y_i] * (1 - p_i[y_i])**gamma * -log p_i[y_i] / sum_i w[y_i] (Lin et al. 2017), pixel by pixel."""
    weight = ops.take(ops.convert_to_tensor(weights), labels) * valid
    nll = _negative_log(labels, logits, 0.0)
    modulation = (1.0 - ops.exp(-nll)) ** gamma
    return _ratio(ops.sum(weight * modulation * _negative_log(labels, logits, smoothing)), ops.sum(weight))


def dice(labels: Tensor, logits: Tensor, valid: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """1 - (2 TP_c + s) / (2 TP_c + FP_c + FN_c + s), weighted mean over the classes in the batch.

    TP, FP, FN are sums of probabilities over the batch (Milletari et al. 2016); s is SMOOTH. A class without a
    true pixel is left out: its false positives are other classes' false negatives already.
    """
    hit, false_positive, false_negative, present = _overlap(labels, logits, valid)
    score = (2 * hit + SMOOTH) / (2 * hit + false_positive + false_negative + SMOOTH)
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
    """(1 - (TP_c + s) / (TP_c + alpha FP_c + beta FN_c + s))**gamma, weighted mean over the classes in the batch.

    The index is Tversky's (Salehi et al. 2017). The exponent is gamma itself, at least 1, where the gradient stays
    finite; Abraham and Khan (2019) write the same exponent as 1/gamma.
    """
    hit, false_positive, false_negative, present = _overlap(labels, logits, valid)
    index = (hit + SMOOTH) / (hit + alpha * false_positive + beta * false_negative + SMOOTH)
    return _class_mean(ops.maximum(1.0 - index, 0.0) ** gamma, weights, present)


def class_weights(pixels: NDArray[np.int64], config: LossConfig, ignore: int | None) -> NDArray[np.float32]:
    """Weights (C,) from the pixels of each class, (C,), with a mean of 1 over a training pixel.

    Inverse frequency or its square root, no more than `weight_cap` times the smallest. A class without a pixel
    takes the largest weight; the ignored class has none.
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
    """-log p of the true class, (B, H, W); smoothing spreads a share of the truth over the live classes."""
    log_p = ops.log_softmax(logits, axis=-1)
    nll = -ops.squeeze(ops.take_along_axis(log_p, ops.expand_dims(labels, -1), axis=-1), -1)
    if not smoothing:
        return nll
    live = ops.cast(logits > -9e3, "float32")  # a class that is never predicted gets no share
    spread = -ops.sum(live * ops.where(live > 0, log_p, 0.0), -1) / ops.maximum(ops.sum(live, -1), 1.0)
    return (1.0 - smoothing) * nll + smoothing * spread


def _overlap(labels: Tensor, logits: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Soft TP, FP, FN of each class over the batch, and which classes it holds; all (C,)."""
    pixels = ops.expand_dims(valid, -1)
    truth = ops.one_hot(labels, logits.shape[-1], dtype="float32") * pixels
    probability = ops.softmax(logits, axis=-1) * pixels
    hit = ops.sum(truth * probability, (0, 1, 2))
    true, predicted = ops.sum(truth, (0, 1, 2)), ops.sum(probability, (0, 1, 2))
    return hit, predicted - hit, true - hit, ops.cast(true > 0, "float32")


def _class_mean(values: Tensor, weights: NDArray[np.float32], present: Tensor) -> Tensor:
    share = ops.convert_to_tensor(weights) * present
    return _ratio(ops.sum(share * values), ops.sum(share))


def _ratio(total: Tensor, weight: Tensor) -> Tensor:
    """total / weight, or 0 where nothing was weighed."""
    return ops.where(weight > 0, total / ops.maximum(weight, 1e-6), 0.0)
