"""Losses of the regions of the classes in a batch: Dice, focal Tversky and Lovász-softmax.

Shapes and symbols as in `trainer/training/losses.py`. Each is a mean over the classes c that have a true pixel in the
batch, with weights w[c]; the false positives of the other classes are false negatives of these.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.training.pixel_losses import power, weighted_mean

Tensor = Any
SMOOTH = 1.0  # pixels added to numerator and denominator, so that a class of few pixels has a stable score
BINS = 2**14  # of the errors in `lovasz`


def dice(truth: Tensor, log_p: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """Soft Dice loss: 1 - (2 TP_c + s) / (2 TP_c + FP_c + FN_c + s), mean over the classes.

    TP, FP and FN are sums of probabilities over the batch (Milletari et al. 2016), s is SMOOTH.
    """
    true_positive, false_positive, false_negative, present = _soft_counts(truth, log_p)
    score = (2 * true_positive + SMOOTH) / (2 * true_positive + false_positive + false_negative + SMOOTH)
    return weighted_mean(1.0 - score, ops.multiply(weights, present))


def focal_tversky(truth: Tensor, log_p: Tensor, weights: NDArray[np.float32], alpha: float, gamma: float) -> Tensor:
    """Focal Tversky loss: (1 - (TP_c + s) / (TP_c + alpha FP_c + (1 - alpha) FN_c + s))**gamma, mean over the classes.

    The Tversky index is that of Salehi et al. (2017). Abraham and Khan (2019) write the exponent as 1/gamma, with
    gamma = 4/3, and give false negatives the weight 0.7: gamma = 0.75 and alpha = 0.3 here.
    """
    true_positive, false_positive, false_negative, present = _soft_counts(truth, log_p)
    missed = alpha * false_positive + (1.0 - alpha) * false_negative
    return weighted_mean(power(missed / (true_positive + missed + SMOOTH), gamma), ops.multiply(weights, present))


def lovasz(truth: Tensor, log_p: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """Lovász-softmax (Berman et al. 2018) of the whole batch, mean over the classes.

    For a class c the error m_i of a pixel is 1 - p_i[c] where c is true and p_i[c] elsewhere. In falling order of the
    errors, the loss is sum_i m_i * (J_i - J_{i-1}), where J_i is the Jaccard loss, 1 - IoU, if the first i pixels were
    wrong and the others right. So it is 1 - IoU for hard predictions, and between them convex in the errors.

    The errors are counted in BINS steps in place of sorting, which would take as long as the network. Errors of one bin
    are taken as equal: their pixels share what J rises by from the first to the last of them.
    """
    valid = ops.sum(truth, 0)
    errors = valid * ops.abs(truth - ops.exp(log_p))
    values = ops.sum(errors * _jaccard_rises(ops.stop_gradient(errors), truth, valid), -1)
    return weighted_mean(values, ops.multiply(weights, _is_present(truth)))


def _jaccard_rises(errors: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """J_i - J_{i-1} of each pixel in `lovasz`, (C, N), from its error, whether c is true, whether it is valid, (N,)."""
    classes = errors.shape[0]
    bins = ops.clip(ops.cast((1.0 - errors) * (BINS - 1), "int32"), 0, BINS - 1)  # NaN too, so that the loss is NaN
    rows = 2 * ops.expand_dims(ops.arange(classes, dtype="int32"), -1) + ops.cast(truth, "int32")
    places = ops.reshape(rows * BINS + bins, (-1,))  # in tables of (C, 2, BINS)
    counts = ops.segment_sum(ops.reshape(valid * ops.ones_like(truth), (-1,)), places, 2 * BINS * classes)
    rises = _bin_rises(*ops.unstack(ops.reshape(counts, (classes, 2, BINS)), axis=1))
    return ops.reshape(ops.take(ops.reshape(rises, (-1,)), places), (classes, -1))


def _bin_rises(false: Tensor, true: Tensor) -> Tensor:
    """What a pixel of a bin adds to the Jaccard loss, if it is of another class and if of the class: (C, 2, BINS).

    `false` and `true`, (C, BINS), are the numbers of such pixels. A wrong pixel of the class leaves the intersection I,
    another one enters the union U. With t and f of them, I / U falls by (t U + f I) / (U (U + f)), in which each has
    the mean of its share if it came first and if last. No difference of quotients, which rounding would spoil.
    """
    size = ops.sum(true, -1, keepdims=True)
    intersection = size - ops.cumsum(true, -1)
    union = ops.maximum(size + ops.cumsum(false, -1), 1.0)  # 0 for a class without a true pixel, which does not count
    union_before = ops.maximum(union - false, 1.0)
    of_true = (union + union_before) / (2.0 * union * union_before)
    of_false = (2.0 * intersection + true) / (2.0 * union * union_before)
    return ops.stack([of_false, of_true], 1)


def _soft_counts(truth: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Soft TP, FP, FN of each class over the batch, and whether it has a true pixel, 0 or 1; all (C,).

    FP and FN are sums of their own, not differences of sums, so that rounding never makes them negative.
    """
    valid, probability = ops.sum(truth, 0), ops.exp(log_p)
    found = truth * probability
    true_positive, false_positive = ops.sum(found, -1), ops.sum(valid * probability - found, -1)
    return true_positive, false_positive, ops.sum(truth - found, -1), _is_present(truth)


def _is_present(truth: Tensor) -> Tensor:
    """Whether a class has a true pixel, 0 or 1, (C,)."""
    return ops.cast(ops.any(truth > 0, -1), "float32")
