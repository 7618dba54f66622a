"""Networks applied to images one by one, as they are read: each gets a mask of its own size."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.lib.format import open_memmap

from trainer.config import DataConfig
from trainer.data.item import Item
from trainer.data.pixels import Image, Pixels
from trainer.errors import InputError
from trainer.files import atomic_write
from trainer.model.flips import Flips
from trainer.model.predict import Network, predict_images, predict_probabilities
from trainer.model.windows import Band
from trainer.result.images import read_input
from trainer.result.restore import restore_mask
from trainer.result.save import load_result


def load_networks(folders: Sequence[Path]) -> list[Network]:
    """The networks of results that predict together. Raises InputError where one of them does not fit the first."""
    networks = []
    for folder in folders:
        model, config = load_result(folder)
        networks.append(Network(model, config.data.overlap))
        for what, count in (("channels", input_channels), ("classes", output_classes)):
            first, this = count(networks[0].model), count(model)
            if this != first:
                raise InputError(
                    f"networks that predict together must have the same {what}; got {first} in {folders[0]} and {this} "
                    f"in {folder}; predict with each of them alone"
                )
    return networks


def input_channels(model: keras.Model) -> int:
    """The channels of the images that a network takes."""
    return int(model.inputs[0].shape[-1])


def output_classes(model: keras.Model) -> int:
    """The classes that a network gives logits of."""
    return int(model.outputs[0].shape[-1])


def predict_items(
    networks: Sequence[Network],
    items: Iterable[Item],
    data: DataConfig,
    flips: Flips = "none",
    probabilities: Sequence[Path] | None = None,
) -> Iterator[Pixels]:
    """The most likely class of each pixel of each image, (H, W) uint8 in the image's own size.

    An image is read when a network is ready for it. For memory see `predict_probabilities` and `restore_mask`.

    Args:
        networks: whose probabilities are averaged, as `load_networks` gives them.
        items: the images.
        data: of the networks.
        flips: the mirrored views that are averaged, too.
        probabilities: a file an image, which gets the probabilities of its classes as npy, (H, W, C) float16.

    Raises:
        InputError: an image cannot be used.
        OSError: probabilities cannot be written.
    """
    sizes: deque[tuple[int, int]] = deque()  # of the images that were read, and have no mask yet

    def read() -> Iterator[Image]:
        for item in items:
            image, size = read_input(item, data, input_channels(networks[0].model))
            sizes.append(size)
            yield image

    if len(networks) == 1 and flips == "none" and data.resize is None and probabilities is None:
        yield from predict_images(networks[0].model, read(), networks[0].overlap)
        return
    classes = output_classes(networks[0].model)
    paths = None if probabilities is None else iter(probabilities)
    for bands in predict_probabilities(networks, read(), flips):
        size = sizes.popleft()
        if paths is None:
            yield restore_mask(bands, size, classes, data)
        else:
            yield _write_probabilities(bands, size, classes, data, next(paths))


def _write_probabilities(
    bands: Iterator[Band], size: tuple[int, int], classes: int, data: DataConfig, path: Path
) -> Pixels:
    """Writes an image's probabilities, by bands of rows or class by class; returns its mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as partial:
        target = open_memmap(partial, "w+", np.float16, (*size, classes))
        _allocate(partial)
        mask = restore_mask(bands, size, classes, data, target)
        target.flush()
    return mask


def _allocate(path: Path) -> None:
    """Takes the space of a mapped file now: on a full disk, writing to the mapping would kill the process."""
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
