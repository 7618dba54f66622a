"""Checks the size that a model file would have in memory, and what its layers give, before Keras allocates it."""

import json
import math
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from trainer.data.memory import check_memory
from trainer.errors import InputError
from trainer.model.predict import batch_size

MAX_CONFIG_BYTES = 1 << 21  # of the description of the layers; that of a large network has 200,000
VALUE_BYTES = 4


def check_size(path: Path) -> None:
    """Raises InputError for a model.keras that takes far more memory than its file does.

    It declares more weights than the file has bytes, is compressed, or has layers whose output for a batch of images
    does not fit in memory. Otherwise Keras could allocate all memory for a file of a few hundred bytes. Keras does not
    compress what it saves, and stores a weight in at least one byte. Raises Keras's own errors if it cannot read the
    configuration.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > size:
            raise InputError(f"model.keras must be stored unpacked; got {unpacked:,} bytes in {size:,} of {path}")
        described = archive.getinfo("config.json").file_size
        if described > MAX_CONFIG_BYTES:
            raise InputError(
                f"model.keras must describe layers in at most {MAX_CONFIG_BYTES:,} bytes; got {described:,} in {path}"
            )
        config = json.loads(archive.read("config.json"))
    # In a thread of its own: Keras stores uninitialised variables per thread, and the next scope would initialise them.
    with ThreadPoolExecutor(1) as pool:
        values, images = pool.submit(_measure, config, size, path).result()
    check_memory(values * images * VALUE_BYTES, f"what a layer of {path} takes and gives for {images} images")


def _measure(config: dict[str, Any], size: int, path: Path) -> tuple[int, int]:
    """The most values that a layer of a serialised model takes and gives, and the images in a batch.

    Raises InputError where it has more weights than `size`, the bytes of its file.
    """
    with keras.StatelessScope(initialize_variables=False):  # shapes only
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        if (weights := int(model.count_params())) > size:
            raise InputError(
                f"model.keras must hold the weights of its layers; got {size:,} bytes for {weights:,} of them in {path}"
            )
        return max(map(_count_values, _list_nodes(model)), default=0), batch_size(_image_shape(model))


def _image_shape(model: Any) -> tuple[int, ...]:
    """(H, W, C) of the images that a model takes."""
    shapes = [tuple(tensor.shape[1:]) for tensor in getattr(model, "inputs", ())]
    if len(shapes) != 1 or len(shapes[0]) != 3 or not all(shapes[0]):
        raise InputError(f"model.keras must take images (height, width, channels); got {shapes or 'no network'}")
    return shapes[0]


def _list_nodes(model: Any) -> Iterator[Any]:
    """The calls of all layers of a model and of the models in it."""
    for layer in model.operations if isinstance(model, keras.Function) else getattr(model, "layers", ()):
        yield from layer._inbound_nodes
        if isinstance(layer, keras.Model):
            yield from _list_nodes(layer)


def _count_values(node: Any) -> int:
    shapes = [tensor.shape[1:] for tensor in (*node.input_tensors, *node.outputs)]
    if any(side is None for shape in shapes for side in shape):
        raise InputError(f"model.keras must be for images of one size; got a layer {node.operation.name!r} of any size")
    return sum(math.prod(shape) for shape in shapes)
