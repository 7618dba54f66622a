"""The random numbers of one batch, drawn where they are used: a function of a seed alone."""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

import keras
from keras import ops
from typing_extensions import override

Tensor = Any
ImageChange = Callable[[Tensor, "Draws"], Tensor]  # images (B, H, W, C), float32 of 0..255
PairChange = Callable[[Tensor, Tensor, "Draws"], tuple[Tensor, Tensor]]  # and masks (B, H, W), int32
MOST = 96  # numbers an image; all transforms together take some sixty


class Draws:
    """Numbers for each image of a batch, (B, 1, 1), one after another, and fields of any shape.

    Args:
        seed: whole number, a tensor () of 31 bits.
        batch: images in the batch.
    """

    def __init__(self, seed: Tensor, batch: int) -> None:
        self._seed, self._streams = seed, count()
        # At once, as each draw takes several kernels of a device.
        self._numbers = iter(ops.unstack(keras.random.uniform((MOST, batch, 1, 1), seed=self._key())))

    def uniform(self, low: Tensor = 0.0, high: Tensor = 1.0) -> Tensor:
        """A number of a range for each image."""
        return low + (high - low) * next(self._numbers)

    def whole(self, low: Tensor, high: Tensor) -> Tensor:
        """A whole number of a range, both ends included, as float32."""
        return ops.minimum(ops.floor(self.uniform(low, high + 1)), high)

    def happens(self, probability: float) -> Tensor:
        """True with a probability."""
        return next(self._numbers) < probability

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        """Independent numbers of mean 0 and deviation 1."""
        flat = keras.random.normal((math.prod(shape),), seed=self._key())  # XLA takes seconds to compile four axes
        return ops.reshape(flat, shape)

    def _key(self) -> "_Given":
        pair = ops.stack([ops.cast(self._seed, "int32"), ops.convert_to_tensor(next(self._streams), "int32")])
        return _Given(ops.cast(pair, "uint32") if keras.backend.backend() == "jax" else pair)


class _Given(keras.random.SeedGenerator):  # type: ignore[misc] # Keras has no types
    """A seed that is a tensor and no state: as seeds, Keras takes Python's whole numbers and generators alone."""

    def __init__(self, pair: Tensor) -> None:
        self._pair = pair

    @override
    def next(self, ordered: bool = True) -> Tensor:
        return self._pair


def for_pixels(numbers: Tensor) -> Tensor:
    """(B, 1, 1) -> (B, 1, 1, 1), for images with channels."""
    return ops.expand_dims(numbers, -1)
