"""Optimizers step by step against their formulas in NumPy, and the learning rate at each step."""

from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import OptimizerConfig, ScheduleConfig
from trainer.training.optimizer import count_plateaus, learning_rate, make_optimizer

STEPS, EPOCHS = 10, 5  # of an epoch; of a training
RATE = 0.1


def gradients() -> list[list[Any]]:
    """Three gradients of a kernel and three vectors, with norms of 0.5, 5 and 2 over all four."""
    generator = np.random.default_rng(0)
    drawn = [[generator.normal(size=(2, 3)), *generator.normal(size=(3, 3))] for _ in range(3)]
    norms = [np.sqrt(sum((part**2).sum() for part in parts)) for parts in drawn]
    return [[part * norm / old for part in parts] for parts, norm, old in zip(drawn, (0.5, 5, 2), norms, strict=True)]


def apply(config: OptimizerConfig) -> list[Any]:
    """The kernel and the vectors after the three steps, all 1 before."""
    names = ("kernel", "bias", "gamma", "beta")
    variables = [
        keras.Variable(np.ones(part.shape), name=name) for name, part in zip(names, gradients()[0], strict=True)
    ]
    optimizer = make_optimizer(config)
    for parts in gradients():
        optimizer.apply([keras.ops.convert_to_tensor(part, "float32") for part in parts], variables)
    return [np.asarray(variable) for variable in variables]


def expected(config: OptimizerConfig) -> list[Any]:
    """The same by the papers' formulas."""
    weights: list[Any] = [np.ones(part.shape) for part in gradients()[0]]
    first, second = ([np.zeros(part.shape) for part in gradients()[0]] for _ in range(2))
    for step, parts in enumerate(gradients(), start=1):
        norm = np.sqrt(sum((part**2).sum() for part in parts))
        scale = min(1.0, config.clip_norm / norm) if config.clip_norm else 1.0
        for index, gradient in enumerate(part * scale for part in parts):
            if config.name != "adam" and index == 0:  # the vectors are spared
                weights[index] = weights[index] * (1 - RATE * config.weight_decay)
            if config.name == "lion":
                weights[index] = weights[index] - RATE * np.sign(0.9 * first[index] + 0.1 * gradient)
                first[index] = 0.99 * first[index] + 0.01 * gradient
            else:
                first[index] = 0.9 * first[index] + 0.1 * gradient
                second[index] = 0.999 * second[index] + 0.001 * gradient**2
                mean, variance = first[index] / (1 - 0.9**step), second[index] / (1 - 0.999**step)
                weights[index] = weights[index] - RATE * mean / (np.sqrt(variance) + 1e-7)
    return weights


@pytest.mark.parametrize("clip_norm", [0, 1])
@pytest.mark.parametrize("weight_decay", [0, 0.5])
@pytest.mark.parametrize("name", ["adam", "adamw", "lion"])
def test_an_optimizer_steps_by_its_formula(name: Any, weight_decay: float, clip_norm: float) -> None:
    config = OptimizerConfig(name=name, learning_rate=RATE, weight_decay=weight_decay, clip_norm=clip_norm)
    for found, wanted in zip(apply(config), expected(config), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_rate_that_is_set_is_that_of_the_next_step() -> None:
    """As training sets it before each step."""
    variable = keras.Variable(np.ones(3), name="bias")
    optimizer = make_optimizer(OptimizerConfig(name="lion", learning_rate=RATE))
    for rate in (0.01, 0.002):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.ones(3)], [variable])
    np.testing.assert_allclose(np.asarray(variable), 1 - 0.012, rtol=1e-5)


def rates(schedule: ScheduleConfig, scores: tuple[float, ...] = ()) -> list[float]:
    return [learning_rate(schedule, 1.0, step, STEPS * EPOCHS, EPOCHS, scores) for step in range(STEPS * EPOCHS)]


def test_the_rate_rises_evenly_through_the_warm_up() -> None:
    found = rates(ScheduleConfig(name="constant", warmup=2))
    assert found[:20] == pytest.approx([(step + 1) / 21 for step in range(20)])
    assert found[20:] == [1.0] * 30


def test_cosine_falls_from_the_highest_rate_to_the_floor() -> None:
    falling = rates(ScheduleConfig(name="cosine", warmup=1, floor=0.05))[10:]
    cosine = [0.5 * (1 + np.cos(np.pi * step / 40)) for step in range(40)]
    assert falling == pytest.approx(np.maximum(cosine, 0.05))
    assert falling[0] == 1.0
    assert falling[-1] == 0.05


def test_plateau_lowers_the_rate_each_time_patience_runs_out() -> None:
    plateau = ScheduleConfig(name="plateau", warmup=0, factor=0.5, patience=2)
    assert rates(plateau, (0.5, 0.4))[30] == 1.0
    assert rates(plateau, (0.5, 0.4, 0.5))[30] == 0.5
    assert rates(plateau, (0.5, 0.4, 0.5, 0.4, 0.3))[40] == 0.25
    assert rates(plateau, (0.5,) * 41)[40] == 0.01  # the floor


@pytest.mark.parametrize(
    ("scores", "plateaus"),
    [((), 0), ((0.1, 0.2, 0.3), 0), ((0.3, 0.2, 0.1), 1), ((0.3, 0.2, 0.4, 0.1, 0.1), 1), ((0.3,) * 5, 2)],
)
def test_plateaus_are_counted_from_the_scores(scores: tuple[float, ...], plateaus: int) -> None:
    assert count_plateaus(scores, 2) == plateaus
