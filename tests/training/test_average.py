"""Averaged weights against the recursion of their definition."""

from itertools import pairwise
from typing import Any

import keras
import numpy as np
import pytest

from trainer.config import ModelConfig, OptimizerConfig
from trainer.model.unet import build_networks
from trainer.training.average import average_weights, limit_momentum
from trainer.training.optimizer import make_optimizer
from trainer.training.step import make_step

MOMENTUM, STEPS = 0.75, 6


def batch(step: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(step)
    masks = generator.integers(0, 2, (4, 8, 8)).astype(np.uint8)
    return (masks[..., None] * 100 + generator.integers(0, 100, (4, 8, 8, 1))).astype(np.uint8), masks


@pytest.fixture(scope="module")
def trained() -> dict[str, Any]:
    """A network with batch normalisation after some steps, and what each step left."""
    keras.utils.set_random_seed(0)
    config = ModelConfig(depth=1, width=4, stem=1, dropout=0, se=False)
    network, trained = build_networks(config, (8, 8, 1), 2, momentum=MOMENTUM)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(make_optimizer(OptimizerConfig(learning_rate=0.05), MOMENTUM), loss, jit_compile="auto")
    trained.optimizer.build(trained.trainable_variables)
    weights, losses = [network.get_weights()], []
    for step in range(STEPS):
        trained.reset_metrics()
        losses.append(make_step(trained)(*batch(step))())
        weights.append(network.get_weights())
        if step == 0:
            first = [np.asarray(variable.numpy()) for variable in trained.trainable_variables]
    return {"first": first, "network": network, "trained": trained, "weights": weights, "losses": losses}


def test_weights_are_means_of_the_later_steps_and_the_network_stays(trained: dict[str, Any]) -> None:
    network = trained["network"]
    found = average_weights(network, trained["trained"].optimizer, trained["first"], MOMENTUM, STEPS)
    shares = np.array([MOMENTUM ** (STEPS - step) for step in range(2, STEPS + 1)])
    for index, weight in enumerate(network.weights):
        if "moving" not in weight.path:
            later = np.stack([weights[index] for weights in trained["weights"][2:]])
            expected = np.tensordot(shares / shares.sum(), later, 1)
            np.testing.assert_allclose(found[index], expected, rtol=1e-3, atol=1e-5)
    for one, other in zip(network.get_weights(), trained["weights"][-1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_statistics_are_those_of_the_batches_whatever_they_started_from(trained: dict[str, Any]) -> None:
    """The running values are r <- m r + (1 - m) b, from 0 and 1; what the batches gave is found again step by step."""
    network = trained["network"]
    found = average_weights(network, trained["trained"].optimizer, trained["first"], MOMENTUM, STEPS)
    checked = 0
    for index, weight in enumerate(network.weights):
        if "moving" not in weight.path:
            continue
        running = [weights[index] for weights in trained["weights"]]
        batches = [(new - MOMENTUM * old) / (1 - MOMENTUM) for old, new in pairwise(running)]
        shares = np.array([MOMENTUM ** (STEPS - 1 - step) for step in range(STEPS)])
        expected = np.tensordot(shares / shares.sum(), np.stack(batches), 1)
        np.testing.assert_allclose(found[index], expected, rtol=1e-3, atol=1e-4)
        checked += 1
    assert checked >= 4


def test_a_step_tells_the_mean_loss_since_the_reset(trained: dict[str, Any]) -> None:
    model = trained["trained"]
    model.optimizer.learning_rate = 0.0
    model.reset_metrics()
    step = make_step(model)
    alone = []
    for index in range(3):
        model.reset_metrics()
        alone.append(make_step(model)(*batch(index))())
    model.reset_metrics()
    step, reads = make_step(model), []
    for index in range(3):
        reads.append(step(*batch(index)))
    assert reads[-1]() == pytest.approx(np.mean(alone), rel=1e-4)
    assert np.ptp(alone) > 1e-4


@pytest.mark.parametrize(
    ("average", "steps", "momentum"), [(0.99, 10_000, 0.99), (0.99, 100, 0.9), (0.99, 5, 0), (0, 9, 0)]
)
def test_averages_span_at_most_a_tenth_of_the_training(average: float, steps: int, momentum: float) -> None:
    assert limit_momentum(average, steps) == pytest.approx(momentum)


def test_after_one_step_the_average_is_that_step() -> None:
    keras.utils.set_random_seed(0)
    network, trained = build_networks(ModelConfig(depth=1, width=4, stem=1, norm="none"), (8, 8, 1), 2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(make_optimizer(OptimizerConfig(), MOMENTUM), loss)
    make_step(trained)(*batch(0))()
    first = [np.asarray(variable.numpy()) for variable in trained.trainable_variables]
    for one, other in zip(
        average_weights(network, trained.optimizer, first, MOMENTUM, 1), network.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
