"""Masks of images, predicted by a network."""

import keras
import numpy as np

from trainer.data.pixels import Pixels
from trainer.errors import InputError

BATCH_SIZE = 64  # constant, so that the network is traced once


def predict_masks(model: keras.Model, images: Pixels) -> Pixels:
    """The most likely class of each pixel; (N, H, W, C) uint8 -> (N, H, W) uint8."""
    masks = np.empty(images.shape[:3], np.uint8)
    for start in range(0, len(images), BATCH_SIZE):
        chunk = images[start : start + BATCH_SIZE]
        padded = np.concatenate([chunk, np.zeros((BATCH_SIZE - len(chunk), *images.shape[1:]), np.uint8)])
        masks[start : start + len(chunk)] = np.asarray(model.predict_on_batch(padded)).argmax(-1)[: len(chunk)]
    return masks


def check_images(model: keras.Model, images: Pixels) -> None:
    """Raises InputError if images (N, H, W, C) have another shape than the model's training images."""
    wanted, got = tuple(model.inputs[0].shape[1:]), images.shape[1:]
    if wanted != got:
        raise InputError(f"images must be {_size(wanted)} as in training; got {_size(got)}; resize them")


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
