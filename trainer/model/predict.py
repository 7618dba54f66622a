"""Masks and probabilities of images of any size, predicted by a network, or by several together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, tee
from typing import Any, Literal, cast
from weakref import WeakKeyDictionary

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.data.pixels import Image, Pixels
from trainer.model.flips import VIEWS, Flips, flip_window
from trainer.model.windows import (
    Band,
    Grid,
    Probabilities,
    average_bands,
    cut_windows,
    find_mask,
    join_windows,
    make_grid,
)

PIXELS_AT_A_TIME = 64 * 64 * 128  # of a batch
MOST_IMAGES = 64

Window = tuple[Grid, NDArray[Any]]  # with the grid of its image
Head = Literal["classes", "probabilities"]

# What a network is followed by in the graph that is compiled. Kept for as long as the network, so that it is compiled
# once. Made of the network's own layers, so it always has its present weights.
_HEADS: WeakKeyDictionary[keras.Model, dict[Head, keras.Model]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Network:
    """A trained network as it predicts: images (B, h, w, C) -> logits (B, h, w, classes)."""

    model: keras.Model
    overlap: float = 0.5  # of the windows of larger images, as a share of their sides


def batch_size(shape: Sequence[int]) -> int:
    """How many images of a shape (H, W, C) are predicted at a time: 64 of 64x128, fewer of larger ones, at least 1."""
    return max(1, min(MOST_IMAGES, PIXELS_AT_A_TIME // (shape[0] * shape[1])))


def predict_images(
    model: keras.Model,
    images: Iterable[Image],
    overlap: float = 0.5,
    before_batch: Callable[[], object] = lambda: None,
    compiled: bool = True,
) -> Iterator[Pixels]:
    """The most likely class of each pixel of each image, (H, W) uint8 in the image's own size.

    An image larger than the model's is predicted in windows, see `predict_probabilities`; a smaller one is padded
    with 0. Images are read as they are needed, and as many windows as fill a batch are predicted together. Where no
    image of a batch is larger, only its masks leave the device.

    Args:
        model: takes images (B, h, w, C), gives logits (B, h, w, classes).
        images: (H, W, C) each, of any sizes.
        overlap: of neighbouring windows, as a share of their sides.
        before_batch: called before each batch.
        compiled: whether the network is compiled first, which takes a second or more, and pays from some batches on.
    """
    found = _predict_masks(model, _cut_batches(model, images, overlap), before_batch, compiled)
    for grid, windows in groupby(found, lambda pair: pair[0]):
        values = (window for _, window in windows)
        if grid.is_single:
            window = next(values)[: grid.height, : grid.width]
            yield (window if window.ndim == 2 else window.argmax(-1)).astype(np.uint8)
        else:
            yield find_mask(join_windows(grid, values), (grid.height, grid.width))


def predict_probabilities(
    networks: Sequence[Network],
    images: Iterable[Image],
    flips: Flips = "none",
    before_batch: Callable[[], object] = lambda: None,
) -> Iterator[Iterator[Band]]:
    """The probabilities of each image's classes in bands of rows: the first row, and (rows, W, classes), 0..1.

    They are the mean over all networks of the mean of the softmax over all windows that cover a pixel, each of which
    is seen in all its views. An image's bands must be taken before the next image is asked for.

    Memory does not grow with the height of an image: of each network there is a batch of windows, and one row of
    windows, (h, W, classes) float32. Images are kept until all networks have read them, at most a batch of them.

    Args:
        networks: of the same classes; the sizes of their windows may differ.
        images: (H, W, C) each, of any sizes; read as they are needed.
        flips: the views that each window is predicted in.
        before_batch: called before each batch of a network and a view.
    """
    copies = tee(images, len(networks))
    streams = [_predict_bands(network, own, flips, before_batch) for network, own in zip(networks, copies, strict=True)]
    yield from map(average_bands, zip(*streams, strict=True))


def _predict_masks(
    model: keras.Model, batches: Iterable[list[Window]], before_batch: Callable[[], object], compiled: bool
) -> Iterator[Window]:
    """Classes (h, w) of the windows of a batch without larger images, probabilities (h, w, classes) of others."""
    for batch in batches:
        head = _with_head(model, "classes" if all(grid.is_single for grid, _ in batch) else "probabilities")
        before_batch()
        windows = [window for _, window in batch]
        yield from zip(
            _grids(batch), _run(head, windows) if compiled else np.asarray(head(np.stack(windows))), strict=True
        )


def _predict_bands(
    network: Network, images: Iterable[Image], flips: Flips, before_batch: Callable[[], object]
) -> Iterator[Iterator[Band]]:
    """The bands of each image by one network."""
    batches = _cut_batches(network.model, images, network.overlap)
    found = _predict_views(network.model, batches, flips, before_batch)
    for grid, windows in groupby(found, lambda pair: pair[0]):
        yield join_windows(grid, (values for _, values in windows))


def _predict_views(
    model: keras.Model, batches: Iterable[list[Window]], flips: Flips, before_batch: Callable[[], object]
) -> Iterator[tuple[Grid, Probabilities]]:
    """The probabilities (h, w, classes) of all windows: means over their views."""
    head = _with_head(model, "probabilities")
    for batch in batches:
        sums: list[Probabilities] = []
        for steps in VIEWS[flips]:
            before_batch()
            found = _run(head, [flip_window(window, grid, steps) for grid, window in batch])
            back = [flip_window(values, grid, steps) for grid, values in zip(_grids(batch), found, strict=True)]
            sums = [before + values for before, values in zip(sums, back, strict=True)] if sums else back
        count = np.float32(len(VIEWS[flips]))
        yield from ((grid, values / count) for grid, values in zip(_grids(batch), sums, strict=True))


def _grids(batch: list[Window]) -> list[Grid]:
    return [grid for grid, _ in batch]


def _cut_batches(model: keras.Model, images: Iterable[Image], overlap: float) -> Iterator[list[Window]]:
    """The windows of all images in their order, as many at a time as fill a batch."""
    shape, dtype = tuple(model.inputs[0].shape[1:]), str(model.inputs[0].dtype)
    grids = ((image, make_grid(image, shape[:2], overlap)) for image in images)
    windows = ((grid, window) for image, grid in grids for window in cut_windows(image, grid, shape, dtype))
    while batch := list(islice(windows, batch_size(shape))):
        yield batch


def _run(model: keras.Model, windows: list[NDArray[Any]]) -> NDArray[Any]:
    """What a model gives for at most a batch of windows; it is always padded to its full size, to be traced once."""
    missing = [np.zeros_like(windows[0])] * (batch_size(windows[0].shape) - len(windows))
    return np.asarray(model.predict_on_batch(np.stack([*windows, *missing])))[: len(windows)]


def _with_head(model: keras.Model, head: Head) -> keras.Model:
    """A model that gives classes (B, h, w) uint8, or probabilities (B, h, w, classes) float32, in place of logits.

    The probability of a masked class, whose logit is -1e4, is exactly 0.
    """
    heads = _HEADS.setdefault(model, {})
    if head not in heads:
        logits = model.outputs[0]
        made = ops.cast(ops.argmax(logits, axis=-1), "uint8") if head == "classes" else ops.softmax(logits)
        heads[head] = keras.Model(model.inputs[0], made)
        heads[head].jit_compile = model.jit_compile
    return cast(keras.Model, heads[head])
