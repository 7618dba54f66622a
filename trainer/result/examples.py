"""Images for checking an exported network: of the data that it was trained on, or else random ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.data.disk.read import read_image
from trainer.data.disk.resize import resize_image
from trainer.data.item import Source
from trainer.data.layout.discover import find_source
from trainer.errors import InputError

COUNT = 16
BLOCK = 8  # side of the squares of one colour in every second random image

Values = NDArray[Any]  # (H, W, C), as files store them: uint8 without a scale, else float32


def pick_images(config: DataConfig, shape: tuple[int, int, int]) -> tuple[list[Values], str]:
    """COUNT images of the size of a network's input (H, W, C), and what they are, for people.

    They are of the data's own validation side where it has one, else evenly spaced among all; larger ones are cut,
    smaller ones are padded. Where the data are not at hand they are random.
    """
    try:
        source = find_source(config)
        return _read_images(source, config, shape), f"images of {source.path.name}"
    except InputError:
        return _random_images(config, shape), "random images, since the data are not at hand"


def _read_images(source: Source, config: DataConfig, shape: tuple[int, int, int]) -> list[Values]:
    items = source.side("validation") or source.items
    count = min(COUNT, len(items))
    chosen = [items[index * len(items) // count] for index in range(count)]
    return [_fit(read_image(item.image), config, shape) for item in chosen]


def _fit(image: Values, config: DataConfig, shape: tuple[int, int, int]) -> Values:
    height, width, channels = shape
    if image.shape[2] != channels:
        image = np.repeat(image[..., :1], channels, axis=2)
    if not isinstance(config.scale, tuple):
        image = image.clip(0, 255)
    pixels = image.astype(_dtype(config))
    if config.resize is not None:
        pixels = resize_image(pixels, config.resize, config.fit)
    top, left = (max(0, have - want) // 2 for have, want in zip(pixels.shape[:2], (height, width), strict=True))
    cut = pixels[top : top + height, left : left + width]
    return np.pad(cut, ((0, height - cut.shape[0]), (0, width - cut.shape[1]), (0, 0)))


def _random_images(config: DataConfig, shape: tuple[int, int, int]) -> list[Values]:
    """Noise and squares in turn; with a scale some values lie outside of it, and one is no number."""
    random = np.random.default_rng(0)
    height, width, _ = shape
    images = []
    for index in range(COUNT):
        values: Values = random.uniform(0, 1, shape)
        if index % 2:
            values = np.kron(values[: height // BLOCK + 1, : width // BLOCK + 1], np.ones((BLOCK, BLOCK, 1)))
        images.append(values[:height, :width])
    if isinstance(config.scale, tuple):
        low, high = config.scale
        images = [(low + (values * 1.1 - 0.05) * (high - low)).astype(np.float32) for values in images]
        images[0][0, 0] = np.nan
        return images
    return [(values * 256).astype(np.uint8) for values in images]


def _dtype(config: DataConfig) -> type[np.generic]:
    return np.float32 if isinstance(config.scale, tuple) else np.uint8
