"""Layers in NumPy, for comparison with parts of a network whose weights are known."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

Array = Any  # (B, H, W, C)
Weights = dict[tuple[int, ...], tuple[Any, Any]]


def build(part: Callable[..., Any], *shapes: tuple[int, int, int]) -> tuple[keras.Model, Weights]:
    """A model of one part, with random weights, and the kernels and biases of its layers by the kernels' shapes."""
    inputs = [keras.Input(shape) for shape in shapes]
    model = keras.Model(inputs if len(inputs) > 1 else inputs[0], part(*inputs))
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0, 1, w.shape) - 0.4 for w in model.get_weights()])
    layers = [layer for layer in model.layers if hasattr(layer, "kernel")]
    weights = {tuple(layer.kernel.shape): (np.asarray(layer.kernel), np.asarray(layer.bias)) for layer in layers}
    assert len(weights) == len(layers), "two kernels have one shape"
    return model, weights


def draw(*shapes: tuple[int, ...]) -> list[Any]:
    """Normally distributed tensors."""
    generator = np.random.default_rng(1)
    return [generator.normal(size=shape).astype(np.float32) for shape in shapes]


def conv(x: Array, weights: tuple[Any, Any], dilation: int = 1) -> Array:
    """A convolution with zero padding; the kernel is (K, K, C, F) with odd K."""
    kernel, bias = weights
    size, (height, width) = kernel.shape[0], x.shape[1:3]
    margin = dilation * (size // 2)
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    shifts = np.ndindex(size, size)
    return bias + sum(
        padded[:, row * dilation :][:, :height, column * dilation :][:, :, :width] @ kernel[row, column]
        for row, column in shifts
    )


def dense(x: Array, weights: tuple[Any, Any]) -> Array:
    """A dense layer over the last axis."""
    return x @ weights[0] + weights[1]


def relu(x: Array) -> Array:
    """Elementwise max(x, 0)."""
    return np.maximum(x, 0)


def leaky_relu(x: Array) -> Array:
    """Elementwise x where it is positive, and a hundredth of it elsewhere."""
    return np.where(x > 0, x, x / 100)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"relu": relu, "leaky_relu": leaky_relu}


def sigmoid(x: Array) -> Array:
    """Elementwise 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def channel_weights(x: Array, squeeze: tuple[Any, Any], excite: tuple[Any, Any]) -> Array:
    """Squeeze and excitation: (B, H, W, C) -> (B, 1, 1, C)."""
    return sigmoid(dense(relu(dense(x.mean((1, 2), keepdims=True), squeeze)), excite))


def enlarge(x: Array, factor: int) -> Array:
    """Height and width times the factor: each new pixel is interpolated between the centres of the nearest old ones."""
    for axis in (1, 2):
        size = x.shape[axis]
        centres = np.clip((np.arange(factor * size) + 0.5) / factor - 0.5, 0, size - 1)
        lower = np.minimum(centres.astype(int), max(0, size - 2))
        share = np.expand_dims(centres - lower, tuple(range(1, x.ndim - axis)))
        x = x.take(lower, axis) * (1 - share) + x.take(np.minimum(lower + 1, size - 1), axis) * share
    return x


def depth_to_space(x: Array) -> Array:
    """Each pixel's channels become four pixels, row by row; (B, H, W, 4C) -> (B, 2H, 2W, C)."""
    batch, height, width, channels = x.shape
    squares = x.reshape(batch, height, width, 2, 2, channels // 4).swapaxes(2, 3)
    return squares.reshape(batch, 2 * height, 2 * width, channels // 4)
