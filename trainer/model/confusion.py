"""Confusion matrices of images counted where the network runs, so that no logits leave the device."""

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, cast

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.data.pixels import Image, Pixels
from trainer.model.predict import batch_size
from trainer.model.windows import cut_windows, make_grid

Matrix = NDArray[np.int64]  # (C, C), rows true, columns predicted
Counter = Callable[[Iterable[Image], Iterable[Pixels], Callable[[], object]], Iterator[Matrix]]

_NO_CLASS = 256  # label of the padding: 255 may be a class


def make_counter(network: keras.Model, classes: int, ignore: int | None, images: int | None = None) -> Counter:
    """Returns `count(images, masks, before_batch)`, which gives one confusion matrix (C, C) an image, in order.

    They are those of `metrics.count_confusion` for the masks that `predict_images` gives: without the pixels whose
    true label is `ignore` or no class. Only the counts leave the device. The graph is built once, and compiled at the
    first call by the network's `jit_compile`; the network's weights may change between calls. An image is read as its
    batch needs it, and `before_batch` is called before each batch. ValueError is raised for an image larger than the
    network's, and where images and masks are not equally many.

    Args:
        network: takes images (B, h, w, C), gives logits (B, h, w, classes).
        classes: labels of masks from 0 to `classes - 1` are counted.
        ignore: a label that is not.
        images: how many will be counted at a time, so that the last batch is about as full as the others.
    """
    shape, dtype = tuple(network.inputs[0].shape[1:]), str(network.inputs[0].dtype)
    size = batch_size(shape)
    if images:
        size = math.ceil(images / math.ceil(images / size))
    model = _build(network, size, classes, ignore)

    def count(
        images: Iterable[Image], masks: Iterable[Pixels], before_batch: Callable[[], object] = lambda: None
    ) -> Iterator[Matrix]:
        pairs = zip(images, masks, strict=True)
        while chunk := list(islice(pairs, size)):
            batch = np.zeros((size, *shape), dtype)
            labels = np.full((size, *shape[:2]), _NO_CLASS, np.int32)
            for (image, mask), values, truth in zip(chunk, batch, labels, strict=False):
                values[:] = _pad(image, shape, dtype)
                truth[: mask.shape[0], : mask.shape[1]] = mask
            before_batch()
            counted = np.asarray(model.predict_on_batch([batch, labels]))
            yield from counted[: len(chunk)].astype(np.int64)

    return count


def _pad(image: Image, shape: tuple[int, int, int], dtype: str) -> NDArray[Any]:
    grid = make_grid(image, shape[:2], 0)
    if not grid.is_single:
        raise ValueError(
            f"images must be at most {shape[0]}x{shape[1]} to be counted; got {image.shape[0]}x{image.shape[1]}"
        )
    return next(cut_windows(image, grid, shape, dtype))


def _build(network: keras.Model, size: int, classes: int, ignore: int | None) -> keras.Model:
    """Images (B, h, w, C) and masks (B, h, w) int32 -> counts (B, classes, classes) int32; B is fixed."""
    images = keras.Input(batch_shape=(size, *network.inputs[0].shape[1:]), dtype=network.inputs[0].dtype)
    masks = keras.Input(batch_shape=(size, *network.inputs[0].shape[1:3]), dtype="int32")
    found = ops.cast(ops.argmax(network(images), axis=-1), "int32")
    counts = ops.less(masks, classes)
    if ignore is not None:
        counts = ops.logical_and(counts, ops.not_equal(masks, ignore))
    # Each pixel adds 1 to one cell, those that do not count to a last one: memory grows with the pixels alone, where
    # one-hot vectors would take 256 numbers a pixel. Whole numbers, so that no order of adding changes the sums.
    first = np.arange(size, dtype=np.int32)[:, None, None] * classes**2
    cells = ops.where(counts, masks * classes + found + first, size * classes**2)
    ones = ops.reshape(ops.ones_like(cells), (-1,))
    summed = ops.segment_sum(ones, ops.reshape(cells, (-1,)), num_segments=size * classes**2 + 1)
    counted = ops.slice(summed, (0,), (size * classes**2,))
    model = keras.Model([images, masks], ops.reshape(counted, (size, classes, classes)))
    model.jit_compile = network.jit_compile
    return cast(keras.Model, model)
