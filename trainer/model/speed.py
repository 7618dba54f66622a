"""How fast a network is on the device that it runs on."""

from time import perf_counter

import keras
import numpy as np
from keras import ops

from trainer.cost import Speed
from trainer.data.dataset import Dataset
from trainer.model.predict import batch_size
from trainer.model.windows import make_grid

BATCH = 32
ROUNDS = 3  # of both batch sizes in turn, so that what else the machine does for a while hits neither all the time
LEAST_CALLS, LEAST_S = 3, 0.25  # that are timed of each batch size in a round


def measure_speed(network: keras.Model, dataset: Dataset, overlap: float, jit_compile: bool) -> Speed:
    """Milliseconds an image from raw pixels to classes, both in the computer's memory. Weights make no difference.

    Each figure is that of the fastest of several calls, since other processes can only make one slower. An image that
    is larger than the network's takes as many windows as a prediction cuts of it: those of the median image.

    Args:
        network: images (B, h, w, C) -> logits (B, h, w, classes).
        dataset: the images that it is meant for.
        overlap: of the windows of larger ones.
        jit_compile: whether XLA compiles it; JAX always does.
    """
    classes = keras.Model(network.inputs[0], ops.cast(ops.argmax(network.outputs[0], axis=-1), "uint8"))
    classes.jit_compile = True if keras.backend.backend() == "jax" else jit_compile
    shape = tuple(network.inputs[0].shape[1:])
    windows = count_windows(dataset, shape[:2], overlap)
    sizes = 1, min(BATCH, batch_size(shape))
    rounds = [[_time_window(classes, size) for size in sizes] for _ in range(ROUNDS)]
    single, batched = map(min, zip(*rounds, strict=True))
    return Speed(round(1000 * windows * single, 3), round(1000 * windows * batched, 3))


def count_windows(dataset: Dataset, side: tuple[int, int], overlap: float) -> float:
    """How many windows of this height and width a prediction cuts of the median image."""
    sizes, counts = np.unique(dataset.table.sizes, axis=0, return_counts=True)
    grids = [make_grid(np.broadcast_to(np.uint8(0), (*size, 1)), side, overlap) for size in sizes.tolist()]
    return float(np.median(np.repeat([len(grid.tops) * len(grid.lefts) for grid in grids], counts)))


def _time_window(model: keras.Model, batch: int) -> float:
    """Seconds a window, of the fastest of several calls after the first, which may compile."""
    image = model.inputs[0]
    pixels = np.random.default_rng(0).integers(0, 256, (batch, *image.shape[1:])).astype(image.dtype)
    np.asarray(model.predict_on_batch(pixels))
    calls: list[float] = []
    while len(calls) < LEAST_CALLS or sum(calls) < LEAST_S:
        begun = perf_counter()
        np.asarray(model.predict_on_batch(pixels))  # as NumPy, for which the device must have done it
        calls.append(perf_counter() - begun)
    return min(calls) / batch
