"""Floating-point operations of a training step, counted layer by layer."""

from typing import Any

import keras
import numpy as np

PRODUCTS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.Dense)


def count_step_flops(model: keras.Model, batch: int) -> int:
    """Operations of the convolutions and dense layers in one step on `batch` images; a multiplication and an addition.

    Forward, and for the gradients of the kernel and of the input a product of the same size each. What is elementwise,
    1 to 2 % by TensorFlow's own count, is left out; so are the optimizer and the augmentation.
    """
    return sum(3 * batch * forward_flops(layer) for layer in model.layers if isinstance(layer, PRODUCTS))


def forward_flops(layer: Any) -> int:
    """Of one image in a convolution or dense layer: 2 for each weight of the kernel, at each place of its use."""
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    shape = (layer.input if transposed else layer.output).shape
    return int(2 * np.prod(shape[1:-1]) * np.prod(layer.kernel.shape))
