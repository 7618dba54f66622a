"""The formulas of the losses in NumPy, pixel by pixel and in float64."""

from itertools import pairwise
from typing import Any

import numpy as np

from trainer.config import LossConfig

MASKED = -1e4  # logit of a class that is never predicted


def expected(config: LossConfig, masks: Any, logits: Any, weights: Any, ignore: int | None) -> float:
    """The loss of masks (B, H, W) with logits (B, H, W, C); labels that are no class are not scored."""
    valid = masks < logits.shape[-1]
    if ignore is not None:
        valid &= masks != ignore
    labels, scores = masks[valid].astype(int), logits[valid].astype(np.float64)
    exponent = np.exp(scores - scores.max(-1, keepdims=True))
    p = exponent / exponent.sum(-1, keepdims=True)
    match config.name:
        case "cross_entropy":
            return pixel_mean(config, labels, scores, p, weights, 0)
        case "focal":
            return pixel_mean(config, labels, scores, p, weights, config.gamma)
        case "dice" | "lovasz" | "focal_tversky":
            return class_mean(config, labels, p, weights)
    region, pixel = {"dice_ce": ("dice", 0), "dice_focal": ("dice", config.gamma), "lovasz_ce": ("lovasz", 0)}[
        config.name
    ]
    first = class_mean(config.model_copy(update={"name": region}), labels, p, weights)
    return config.mix * first + (1 - config.mix) * pixel_mean(config, labels, scores, p, weights, pixel)


def pixel_mean(config: LossConfig, labels: Any, scores: Any, p: Any, weights: Any, gamma: float) -> float:
    """Weighted mean of (1 - p)**gamma * -log p, smoothed over the classes that are not masked."""
    e = config.label_smoothing
    total = weight = 0.0
    for y, logit, q in zip(labels, scores, p, strict=True):
        log = (1 - e) * -np.log(q[y])
        if e:
            log += e * np.mean([-np.log(q[c]) for c in range(len(q)) if logit[c] != MASKED])
        total += weights[y] * (1 - q[y]) ** gamma * log
        weight += weights[y]
    return float(total / weight)


def class_mean(config: LossConfig, labels: Any, p: Any, weights: Any) -> float:
    """Weighted mean of a region loss over the classes that are in the labels."""
    values, shares = [], []
    for c in np.unique(labels):
        truth, q = labels == c, p[:, c]
        tp, fp, fn = q[truth].sum(), q[~truth].sum(), (1 - q[truth]).sum()
        if config.name == "lovasz":
            values.append(lovasz_extension(truth, np.where(truth, 1 - q, q)))
        elif config.name == "dice":
            values.append(1 - (2 * tp + 1) / (2 * tp + fp + fn + 1))
        else:
            index = (tp + 1) / (tp + config.alpha * fp + (1 - config.alpha) * fn + 1)
            values.append((1 - index) ** config.gamma)
        shares.append(weights[c])
    return float(np.average(values, weights=shares))


def lovasz_extension(truth: Any, errors: Any) -> float:
    """The Jaccard loss of {pixels whose error is at least t}, integrated over t from 0 to 1: no sorting by pixel."""
    levels = np.concatenate([[0.0], np.unique(errors)])
    return sum((upper - lower) * jaccard_loss(truth, errors >= upper) for lower, upper in pairwise(levels))


def jaccard_loss(truth: Any, wrong: Any) -> float:
    """1 - IoU of a class where the prediction is the truth but in the wrong pixels."""
    predicted = truth ^ wrong
    return float(1 - (truth & predicted).sum() / (truth | predicted).sum())
