"""The optimizer on joined variables against Keras's own, which updates each variable by itself."""

from typing import Any

import keras
import numpy as np
import pytest

from tests.training.test_average import batch
from trainer.config import ModelConfig, OptimizerConfig
from trainer.model.unet import build_networks
from trainer.training.flat import FlatOptimizer
from trainer.training.optimizer import make_optimizer
from trainer.training.step import make_step

SHARED: dict[str, Any] = {"global_clipnorm": 0.5, "use_ema": True, "ema_momentum": 0.75}
DECAY = 0.1
KERAS = {
    "adam": lambda: keras.optimizers.Adam(0.01, **SHARED),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=DECAY, **SHARED),
    "lion": lambda: keras.optimizers.Lion(0.01, weight_decay=DECAY, **SHARED),
}


def train_steps(optimizer: keras.optimizers.Optimizer, steps: int = 4) -> tuple[list[Any], list[Any]]:
    """The trainable variables after some steps, and their averages."""
    keras.utils.set_random_seed(0)
    trained = build_networks(ModelConfig(depth=1, width=4, stem=1, dropout=0), (8, 8, 1), 2)[1]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(optimizer, loss, jit_compile="auto")
    optimizer.build(trained.trainable_variables)
    for step in range(steps):
        make_step(trained)(*batch(step))()
    last = [np.asarray(variable.numpy()) for variable in trained.trainable_variables]
    if isinstance(optimizer, FlatOptimizer):
        return last, [average for _, average in optimizer.read_averages()]
    optimizer.finalize_variable_values(trained.trainable_variables)
    return last, [np.asarray(variable.numpy()) for variable in trained.trainable_variables]


@pytest.mark.parametrize("name", ["adam", "adamw", "lion"])
def test_it_does_what_keras_does_variable_by_variable(name: Any) -> None:
    """Weight decay of kernels only, clipping, averages."""
    config = OptimizerConfig(name=name, learning_rate=0.01, weight_decay=DECAY, clip_norm=0.5)
    plain = KERAS[name]()
    plain.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    for found, expected in zip(train_steps(make_optimizer(config, 0.75)), train_steps(plain), strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_its_state_is_two_vectors_a_moment() -> None:
    optimizer = make_optimizer(OptimizerConfig(name="adamw"), 0.75)
    train_steps(optimizer, 2)
    assert sum(len(variable.shape) == 1 for variable in optimizer.variables) == 2 * 3  # two moments and the average
    assert int(optimizer.iterations) == 2
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25


def test_variables_set_from_outside_count() -> None:
    """A checkpoint sets them, not the vectors."""
    variables = [keras.Variable(np.zeros(2), name="kernel"), keras.Variable(np.zeros((1, 3)), name="bias")]
    optimizer = FlatOptimizer(keras.optimizers.SGD(1.0), undecayed=("bias",))
    optimizer.build(variables)
    optimizer.apply([np.ones(2, "float32"), np.ones((1, 3), "float32")])
    variables[1].assign(np.full((1, 3), 7.0))
    optimizer.apply([np.ones(2, "float32"), np.ones((1, 3), "float32")])
    assert [np.asarray(variable.numpy()).tolist() for variable in variables] == [[-2, -2], [[6, 6, 6]]]
