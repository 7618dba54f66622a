"""Optimizers, and the learning rate at each step."""

import math
from collections.abc import Sequence

import keras

from trainer.config import OptimizerConfig, ScheduleConfig


def make_optimizer(config: OptimizerConfig) -> keras.optimizers.Optimizer:
    """The optimizer at its highest learning rate; weight decay is decoupled and spares vectors."""
    rate, clip = config.learning_rate, config.clip_norm or None
    match config.name:
        case "adam":
            return keras.optimizers.Adam(rate, global_clipnorm=clip)
        case "adamw":
            optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, global_clipnorm=clip)
        case "lion":
            optimizer = keras.optimizers.Lion(rate, weight_decay=config.weight_decay or None, global_clipnorm=clip)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def learning_rate(
    config: ScheduleConfig, highest: float, step: int, steps: int, epochs: int, scores: Sequence[float]
) -> float:
    """The rate at a step, counted from 0 over the whole training.

    steps:   steps of an epoch
    scores:  mIoU of the epochs that are over; plateau reads its reductions from them, so it has no state
    """
    warmup = config.warmup * steps
    if step < warmup:
        return highest * (step + 1) / (warmup + 1)
    match config.name:
        case "constant":
            share = 1.0
        case "plateau":
            share = config.factor ** count_plateaus(scores, config.patience)
        case "cosine":
            progress = (step - warmup) / max(1.0, steps * epochs - warmup)
            share = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return highest * max(config.floor, share)


def count_plateaus(scores: Sequence[float], patience: int) -> int:
    """How often `patience` epochs in a row brought no better score."""
    best, waited, plateaus = -math.inf, 0, 0
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited == patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus
