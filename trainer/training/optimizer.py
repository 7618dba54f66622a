"""Optimizers and learning rate schedules."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from trainer.config import OptimizerConfig, ScheduleConfig
from trainer.training.flat import FlatOptimizer


def make_optimizer(config: OptimizerConfig, momentum: float = 0.0) -> FlatOptimizer:
    """The optimizer at its highest learning rate; it averages the weights with a momentum, unless that is 0.

    Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) or Lion (Chen et al. 2023). Weight decay is
    decoupled, and does not apply to biases and the scales and offsets of normalisations. The gradient is clipped to a
    global norm of `clip_norm` (Pascanu et al. 2013), or not at all for 0.
    """
    rate, clip = config.learning_rate, config.clip_norm or None
    shared: dict[str, Any] = {"global_clipnorm": clip, "use_ema": bool(momentum), "ema_momentum": momentum}
    match config.name:
        case "adam":
            optimizer = keras.optimizers.Adam(rate, **shared)
        case "adamw":
            optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, **shared)
        case "lion":
            optimizer = keras.optimizers.Lion(rate, weight_decay=config.weight_decay or None, **shared)
    if hasattr(optimizer, "_all_reduce_sum_gradients"):
        # Keras sums gradients over replicas, of which there is one. TensorFlow keeps the graph of such a sum, and so of
        # each training, until the process ends: github.com/tensorflow/tensorflow/issues/97697.
        optimizer._all_reduce_sum_gradients = lambda pairs: pairs
    return FlatOptimizer(optimizer, undecayed=("bias", "gamma", "beta"))


def learning_rate(
    config: ScheduleConfig, highest: float, step: int, steps: int, epochs: int, scores: Sequence[float]
) -> float:
    """The learning rate at a step.

    It rises linearly during warm-up. Then `constant` is the highest rate, `cosine` half a cosine from it down to 0
    (Loshchilov and Hutter 2017), `plateau` multiplies it by `factor` at each plateau; none is below `floor` times it.

    Args:
        config: the schedule.
        highest: the rate after warm-up.
        step: counted from 0 over the whole training.
        steps: number of steps of the whole training.
        epochs: number of epochs of the training.
        scores: values of the finished epochs; plateaus are counted in them, so that the schedule has no state.
    """
    warmup = config.warmup * steps / epochs
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    match config.name:
        case "constant":
            share = 1.0
        case "plateau":
            share = config.factor ** count_plateaus(scores, config.patience)
        case "cosine":
            progress = (step - warmup) / max(1.0, steps - warmup)
            share = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return highest * max(config.floor, share)


def count_plateaus(scores: Sequence[float], patience: int) -> int:
    """Number of plateaus: runs of `patience` epochs without a better score, each counted from the end of the last."""
    best, waited, plateaus = -math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
