"""The networks as Keras models, from raw pixels to class logits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from trainer.config import ModelConfig, TrainConfig
from trainer.data.dataset import Dataset
from trainer.model.blocks import Tensor, class_map, insert_masked_class
from trainer.model.branch import branch
from trainer.model.dual import dual
from trainer.model.pixels import scale_pixels
from trainer.model.shape import padded_size

SUPERVISED_LEVELS = 3  # of the decoder, the finest included; deeper ones see too little of an image's edges

Padding = tuple[tuple[int, int], tuple[int, int]]  # pixels above and below, left and right


def build_networks(
    config: ModelConfig,
    shape: tuple[int, int, int],
    classes: int,
    masked: int | None = None,
    dtype: Literal["uint8", "float32"] = "uint8",
    momentum: float = 0.9,
) -> tuple[keras.Model, keras.Model]:
    """The network that is saved and the one that is trained: functional, uncompiled models of the same layers.

    Both take images (B, H, W, C) of values 0..255. The first gives logits (B, H, W, classes) in float32. It has only
    built-in layers and `keras.ops`, so that a saved model loads in safe mode without this package. The second is the
    same object, or with `deep_supervision` (Lee et al. 2015) it gives (B, K, H, W, classes): the first one's logits,
    then a class map of each deeper level of the decoder, enlarged to H x W; K = min(`depth`, 3). Beside a coarse
    U-Net these levels are the fine one's.

    Args:
        config: the network.
        shape: (H, W, C) of the images. A size that cannot be halved often enough is padded within the network.
        classes: number of classes, the masked one included.
        masked: the masked class, such as an ignored background: its logit is -1e4, so it is never predicted.
        dtype: of the images; float32 where their files have more than 8 bits.
        momentum: share that the running statistics of batch normalisation keep of themselves at each step, in 0..1.
    """
    with _precision(config.precision):
        image = keras.Input(shape, dtype=dtype, name="image")
        padding = _padding(config, shape)
        learned = classes if masked is None else classes - 1
        pixels = _pad(scale_pixels(image, config), padding)
        full, levels = (branch if config.fusion == "none" else dual)(pixels, config, learned)
        logits = _finish(full, padding, masked)
        network = keras.Model(image, logits, name="unet")
        _set_momentum(network, momentum)
        if not config.deep_supervision:
            return network, network
        # After the network, whose first weights are thereby those without these maps.
        maps = [
            _finish(_enlarge(class_map(x, learned), config.stem * 2**level), padding, masked)
            for level, x in enumerate(levels[:SUPERVISED_LEVELS])
            if level
        ]
        return network, keras.Model(image, ops.stack([logits, *maps], axis=1), name="supervised_unet")


def build_model(
    config: ModelConfig,
    shape: tuple[int, int, int],
    classes: int,
    masked: int | None = None,
    dtype: Literal["uint8", "float32"] = "uint8",
) -> keras.Model:
    """The first of `build_networks`: (B, H, W, C) of values 0..255 -> (B, H, W, classes) float32 logits."""
    return build_networks(config, shape, classes, masked, dtype)[0]


@contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Layers that are made meanwhile compute by this policy."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


def _padding(config: ModelConfig, shape: tuple[int, int, int]) -> Padding | None:
    """What an image lacks at the bottom and right of a size that the network can halve; None if nothing."""
    height, width = padded_size(config, *shape[:2])
    added = ((0, height - shape[0]), (0, width - shape[1]))
    return added if any(map(any, added)) else None


def _pad(pixels: Tensor, padding: Padding | None) -> Tensor:
    """The pixels, with zeros around them: mid-grey, or the image's mean if images are standardised."""
    return layers.ZeroPadding2D(padding)(pixels) if padding else pixels


def _finish(logits: Tensor, padding: Padding | None, masked: int | None) -> Tensor:
    """Logits of the learned classes, without the padding, with the masked class."""
    cropped = layers.Cropping2D(padding, dtype="float32")(logits) if padding else logits
    return cropped if masked is None else insert_masked_class(cropped, masked)


def _enlarge(logits: Tensor, factor: int) -> Tensor:
    """Height and width times the factor, interpolated between the centres of pixels."""
    return layers.UpSampling2D(factor, interpolation="bilinear", dtype="float32")(logits)


def _set_momentum(network: keras.Model, momentum: float) -> None:
    """Sets it in all layers at once: it depends on the training's length alone, so `ModelConfig` does not know it."""
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum


def build_untrained(config: TrainConfig, dataset: Dataset) -> keras.Model:
    """The network that a training of this configuration on these data begins with, but for its weights."""
    dtype: Literal["uint8", "float32"] = "uint8" if dataset.images[0].dtype == np.uint8 else "float32"
    return build_model(config.model, dataset.shape, dataset.classes, config.masked_class, dtype)


def count_trainable(model: keras.Model) -> int:
    """Number of trainable parameters: all but the running statistics of batch normalisation."""
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
