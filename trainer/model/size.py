"""The size of a network, from its graph alone: the same under any backend, on any device."""

import math
from typing import Any

import keras
import numpy as np

from trainer.cost import Size

MIB = 2**20


def measure_size(network: keras.Model) -> Size:
    """The number of parameters, and the memory that a prediction of one image takes.

    The memory is that of the weights, and of the tensors that are alive at once at the worst moment: layers run in
    Keras's order, each gives a new tensor, and a tensor is freed after its last use. A runtime that fuses layers
    needs less; workspaces of convolutions and the runtime itself come on top.

    Args:
        network: functional; images (B, H, W, C) of a fixed size -> any outputs.
    """
    weights = sum(_count_bytes(weight.shape, weight.dtype) for weight in network.weights)
    return Size(int(network.count_params()), round((weights + _peak_bytes(network)) / MIB, 3))


def _peak_bytes(network: keras.Model) -> int:
    """The most bytes of tensors that are alive at once, for one image."""
    steps = [(keras.tree.flatten(layer.input), keras.tree.flatten(layer.output)) for layer in network.operations]
    last_use = {id(tensor): step for step, (read, _) in enumerate(steps) for tensor in read}
    last_use |= {id(tensor): len(steps) for tensor in network.outputs}
    alive = peak = 0
    for step, (read, given) in enumerate(steps):
        alive += sum(map(_image_bytes, given))
        peak = max(peak, alive)
        freed = {id(tensor): tensor for tensor in read if last_use[id(tensor)] == step}
        alive -= sum(map(_image_bytes, freed.values()))
    return peak


def _image_bytes(tensor: Any) -> int:
    return _count_bytes(tensor.shape[1:], tensor.dtype)


def _count_bytes(shape: tuple[int, ...], dtype: str) -> int:
    return math.prod(shape) * np.dtype(dtype).itemsize  # Keras registers bfloat16 with NumPy
