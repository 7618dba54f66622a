"""Masks of images of any size, predicted by a network."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Image, Pixels
from trainer.model.windows import Grid, Probabilities, cut_windows, join_windows, make_grid

PIXELS_AT_A_TIME = 64 * 64 * 128  # of a batch
MOST_IMAGES = 64


def batch_size(shape: Sequence[int]) -> int:
    """How many images of a shape (H, W, C) are predicted at a time: 64 of 64x128, fewer of larger ones, at least 1."""
    return max(1, min(MOST_IMAGES, PIXELS_AT_A_TIME // (shape[0] * shape[1])))


def predict_images(
    model: keras.Model,
    images: Iterable[Image],
    overlap: float = 0.5,
    before_batch: Callable[[], object] = lambda: None,
) -> Iterator[Pixels]:
    """The most likely class of each pixel of each image, (H, W) uint8 in the image's own size.

    An image larger than the model's is predicted in windows, see `predict_probabilities`; a smaller one is padded
    with 0. Images are read as they are needed, and as many windows as fill a batch are predicted together.

    Args:
        model: takes images (B, h, w, C), gives logits (B, h, w, classes).
        images: (H, W, C) each, of any sizes.
        overlap: of neighbouring windows, as a share of their sides.
        before_batch: called before each batch.
    """
    for grid, found in groupby(_predict_windows(model, images, overlap, before_batch), lambda pair: pair[0]):
        mask = np.empty((grid.height, grid.width), np.uint8)
        logits = (values for _, values in found)
        if grid.is_single:
            mask[:] = next(logits)[: grid.height, : grid.width].argmax(-1)
        else:
            for first, probabilities in join_windows(grid, logits):
                mask[first : first + len(probabilities)] = probabilities.argmax(-1)
        yield mask


def predict_probabilities(
    model: keras.Model, image: Image, overlap: float = 0.5
) -> Iterator[tuple[int, Probabilities]]:
    """The probabilities of an image's classes in bands of rows: the first row, and (rows, W, classes), 0..1.

    They are the mean of the softmax over all windows that cover a pixel. Memory does not grow with the image's height.
    """
    found = _predict_windows(model, [image], overlap, lambda: None)
    first = next(found)
    yield from join_windows(first[0], (values for _, values in chain([first], found)))


def _predict_windows(
    model: keras.Model, images: Iterable[Image], overlap: float, before_batch: Callable[[], object]
) -> Iterator[tuple[Grid, NDArray[np.float32]]]:
    """The logits (h, w, classes) of all windows of all images, in their order, each with the grid of its image."""
    shape, dtype = tuple(model.inputs[0].shape[1:]), str(model.inputs[0].dtype)
    grids = ((image, make_grid(image, shape[:2], overlap)) for image in images)
    windows = ((grid, window) for image, grid in grids for window in cut_windows(image, grid, shape, dtype))
    while chunk := list(islice(windows, batch_size(shape))):
        before_batch()
        logits = _predict_batch(model, [window for _, window in chunk])
        yield from ((grid, values) for (grid, _), values in zip(chunk, logits, strict=True))


def _predict_batch(model: keras.Model, images: list[NDArray[Any]]) -> NDArray[np.float32]:
    """The logits of at most a batch of images; it is always padded to its full size, so that it is traced once."""
    missing = [np.zeros_like(images[0])] * (batch_size(images[0].shape) - len(images))
    return np.asarray(model.predict_on_batch(np.stack([*images, *missing])))[: len(images)]
