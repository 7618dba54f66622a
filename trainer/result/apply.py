"""A network applied to images one by one, as they are read: each gets a mask of its own size."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.lib.format import open_memmap

from trainer.config import DataConfig
from trainer.data.disk.resize import unresize
from trainer.data.item import Item
from trainer.data.pixels import Image, Pixels
from trainer.files import atomic_write
from trainer.model.predict import predict_images, predict_probabilities
from trainer.result.images import read_input


def input_channels(model: keras.Model) -> int:
    """The channels of the images that a network takes."""
    return int(model.inputs[0].shape[-1])


def predict_items(model: keras.Model, items: Iterable[Item], data: DataConfig) -> Iterator[Pixels]:
    """The most likely class of each pixel of each image, (H, W) in the image's own size.

    An image is read when the network is ready for it. Raises InputError for one that cannot be used.
    """
    sizes: deque[tuple[int, int]] = deque()

    def read() -> Iterator[Image]:
        for item in items:
            image, size = read_input(item, data, input_channels(model))
            sizes.append(size)
            yield image

    for mask in predict_images(model, read(), data.overlap):
        yield _restore(mask, sizes.popleft(), data)


def write_probabilities(model: keras.Model, item: Item, data: DataConfig, path: Path) -> Pixels:
    """Writes the probabilities of an image's classes as npy, (H, W, C) float16; returns its mask, as `predict_items`.

    They are written by bands of rows. Raises InputError, and OSError.
    """
    image, size = read_input(item, data, input_channels(model))
    bands = predict_probabilities(model, image, data.overlap)
    mask = np.empty(image.shape[:2], np.uint8)
    with atomic_write(path) as partial:
        target = open_memmap(partial, "w+", np.float16, (*size, int(model.outputs[0].shape[-1])))
        _allocate(partial)
        whole = target if data.resize is None else np.empty((*mask.shape, target.shape[2]), np.float32)
        for first, band in bands:
            whole[first : first + len(band)] = band
            mask[first : first + len(band)] = band.argmax(-1)
        if data.resize is not None:
            for label in range(target.shape[2]):
                target[..., label] = unresize(whole[..., label], size, data.fit)
        target.flush()
    return _restore(mask, size, data)


def _restore(mask: Pixels, size: tuple[int, int], data: DataConfig) -> Pixels:
    return mask if data.resize is None else unresize(mask, size, data.fit)


def _allocate(path: Path) -> None:
    """Takes the space of a mapped file now: on a full disk, writing to the mapping would kill the process."""
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
