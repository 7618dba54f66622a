"""Images in, masks out."""

import keras
import numpy as np

from trainer.dataset import Pixels

BATCH = 64  # images at once; always this many, so that the network is traced once


def predict_masks(model: keras.Model, images: Pixels) -> Pixels:
    """The most likely class of each pixel; (N, H, W, C) uint8 -> (N, H, W) uint8."""
    masks = np.empty(images.shape[:3], np.uint8)
    for start in range(0, len(images), BATCH):
        chunk = images[start : start + BATCH]
        padded = np.concatenate([chunk, np.zeros((BATCH - len(chunk), *images.shape[1:]), np.uint8)])
        masks[start : start + len(chunk)] = np.asarray(model.predict_on_batch(padded)).argmax(-1)[: len(chunk)]
    return masks
