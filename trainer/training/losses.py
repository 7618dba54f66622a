"""The loss of a configuration: of integer masks and logits, written with `keras.ops` only; and the class weights.

y_i is the label of pixel i and p_i its softmax, (C,). Only valid pixels count: those whose label is a class and not the
ignore label. A batch without any has loss 0 and gradient 0.

The loss gets masks (B, H, W) and logits (B, H, W, C). Its formulas get, for the N pixels of the batch, `truth` (C, N),
1 at the label of a valid pixel, else 0; `log_p` (C, N); and weights (C,), indexed by class. With the classes first,
sums over them are many times as fast on a CPU.

The formulas are in `pixel_losses.py`, where a class's weight is that of its pixels, and in `region_losses.py`, where it
is that of the class in the mean over the classes of the batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.config import LossConfig
from trainer.training.pixel_losses import cross_entropy, focal
from trainer.training.region_losses import dice, focal_tversky, lovasz

Tensor = Any


def make_loss(
    config: LossConfig, weights: NDArray[np.float32] | Sequence[float], ignore: int | None
) -> Callable[[Tensor, Tensor], Tensor]:
    """Returns the configured `loss(masks, logits)`, a scalar of 0 or more, computed in float32.

    Logits of deep supervision, (B, K, H, W, C), have K class maps: the loss is the mean of theirs, where the first
    weighs 1, the second 1/2, the third 1/4 and so on (as in nnU-Net).

    Args:
        config: the loss and its parameters.
        weights: (C,), indexed by class.
        ignore: label of pixels that do not count, or None.
    """
    table = np.asarray(weights, np.float32)

    def loss(masks: Tensor, logits: Tensor) -> Tensor:
        labels = ops.reshape(ops.cast(masks, "int32"), (-1,))
        truth = labels == ops.expand_dims(ops.arange(len(table), dtype="int32"), -1)  # padded pixels have no class
        if ignore is not None:
            truth = ops.logical_and(truth, labels != ignore)
        truth = ops.cast(truth, "float32")
        if len(logits.shape) == 4:
            return _compute(config, truth, _log_softmax(logits), table)
        shares = 0.5 ** np.arange(logits.shape[1])
        losses = [_compute(config, truth, _log_softmax(logits[:, k]), table) for k in range(len(shares))]
        return ops.sum(ops.stack(losses) * ops.convert_to_tensor(shares / shares.sum(), "float32"))

    return loss


def _log_softmax(logits: Tensor) -> Tensor:
    """The logarithms of the probabilities, (C, N) float32, from (B, H, W, C)."""
    values = ops.transpose(ops.reshape(ops.cast(logits, "float32"), (-1, logits.shape[-1])))
    values = values - ops.stop_gradient(ops.max(values, 0, keepdims=True))
    return values - ops.log(ops.sum(ops.exp(values), 0, keepdims=True))


def _compute(config: LossConfig, truth: Tensor, log_p: Tensor, weights: NDArray[np.float32]) -> Tensor:
    """The loss by its name: a pixel loss, a region loss, or mix * region + (1 - mix) * pixel loss."""
    pixel = region = None
    match config.name:
        case "cross_entropy" | "dice_ce" | "lovasz_ce":
            pixel = cross_entropy(truth, log_p, weights, config.label_smoothing)
        case "focal" | "dice_focal":
            pixel = focal(truth, log_p, weights, config.gamma, config.label_smoothing)
    match config.name:
        case "dice" | "dice_ce" | "dice_focal":
            region = dice(truth, log_p, weights)
        case "lovasz" | "lovasz_ce":
            region = lovasz(truth, log_p, weights)
        case "focal_tversky":
            region = focal_tversky(truth, log_p, weights, config.alpha, config.gamma)
    if pixel is None or region is None:
        return region if pixel is None else pixel
    return config.mix * region + (1.0 - config.mix) * pixel


def class_weights(
    pixels: NDArray[np.int64] | NDArray[np.float64], config: LossConfig, ignore: int | None
) -> NDArray[np.float32]:
    """Weights of the classes, (C,), from their numbers of training pixels, (C,); the mean over all scored pixels is 1.

    A class weighs share**-`weight_exponent`, by its share of the scored pixels, times what makes that mean 1, and at
    most `weight_cap`; what a cap takes away the other classes get. So a larger exponent never weighs the rarest class
    less: where the cap is a ratio to the smallest weight, it does, as the middle classes rise. A class without pixels
    has the largest weight, the ignored class weight 0.
    """
    counted = np.asarray(pixels, np.float64).copy()
    scored = np.ones(len(counted), bool)
    if ignore is not None and ignore < len(counted):
        scored[ignore], counted[ignore] = False, 0
    total = max(counted.sum(), 1)
    shares = counted / total
    weights = np.where(scored, np.maximum(shares, 1 / total) ** -config.weight_exponent, 0)
    weights /= (weights * shares).sum() or 1
    for _ in weights:  # a round raises what is not capped, so that it may be in the next one
        capped = weights >= config.weight_cap
        kept = (weights * shares)[~capped].sum() or 1
        weights = np.where(capped, config.weight_cap, weights * (1 - config.weight_cap * shares[capped].sum()) / kept)
    return np.asarray(weights, np.float32)
