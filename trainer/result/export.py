"""Exports a trained network to a format of other programs, and checks that it gives the same masks there."""

import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from trainer.config import DataConfig
from trainer.errors import InputError, printable
from trainer.files import atomic_write
from trainer.result.agreement import Agreement, Network, compare
from trainer.result.described import describe
from trainer.result.formats import FORMATS, Format, description_path
from trainer.result.runtimes import open_runtime
from trainer.training.backend import backend_name

INPUT, OUTPUT = "image", "logits"
MAX_SHOWN = 200  # characters of a reason
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Keras colours its messages for terminals
MIXED = "mixed_"  # start of the names of Keras's policies of 16 bits


def export_network(
    model: keras.Model, config: DataConfig, name: str, out: Path, images: Sequence[NDArray[Any]], origin: str
) -> Agreement:
    """Writes a network to `out` in a format of FORMATS, and how it is used to a JSON file beside it.

    It takes the values that files have, `data.scale` included, and computes in float32. Before it stands at `out`, the
    format's own runtime has given the masks of the network for all images; otherwise nothing is left.

    Args:
        model: of a result's folder: (B, H, W, C) of 0..255 -> (B, H, W, classes).
        config: of its data.
        name: of the format.
        out: the file, which is replaced, or the folder, which must not exist.
        images: for the check: (H, W, C) each, as `pick_images` gives them.
        origin: what they are, for people.

    Raises:
        InputError: the network cannot be exported, or its masks differ.
        OSError: it cannot be written.
    """
    wanted = FORMATS[name]
    if backend_name() != "tensorflow":
        raise InputError(f"an export needs Keras on tensorflow; got {backend_name()}; set KERAS_BACKEND=tensorflow")
    network = in_float32(model)
    with _complete(wanted, out) as partial, atomic_write(description_path(out)) as described:
        with _explained(name, out), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converters, about each other
            _write(with_scale(network, config.scale), wanted, partial)
            found = compare(_scaled(network, config.scale), open_runtime(name, partial), images, wanted.batch or 2)
        if found.wrong:
            raise InputError(
                f"an export must give the masks of model.keras; got another class in {found.wrong:,} of "
                f"{found.pixels:,} pixels by --format {name}; use another format"
            )
        description = describe(name, out, config, tuple(model.outputs[0].shape), tuple(model.inputs[0].shape))
        checked = {"images": found.images, "from": origin, "largest_difference_of_logits": found.largest}
        described.write_text(json.dumps(description | {"checked": checked}, indent=2) + "\n", "utf-8")
    return found


def in_float32(model: keras.Model) -> keras.Model:
    """The same network without mixed precision, which other runtimes do not have; the model itself if it has none."""
    config = keras.saving.serialize_keras_object(model)
    plain = _replace_policies(config)
    if plain == config:
        return model
    network = keras.saving.deserialize_keras_object(plain, safe_mode=True)
    network.set_weights(model.get_weights())
    return network


def _replace_policies(value: Any) -> Any:
    """A serialised network with float32 for every mixed policy."""
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy" and value["config"]["name"].startswith(MIXED):
            return value | {"config": value["config"] | {"name": "float32"}}
        return {key: _replace_policies(part) for key, part in value.items()}
    return type(value)(map(_replace_policies, value)) if isinstance(value, list | tuple) else value


def with_scale(network: keras.Model, scale: Any) -> keras.Model:
    """The network with the scale of its data in front, if they have one: (B, H, W, C) float32, as files store them."""
    if not isinstance(scale, tuple):
        return network
    low, high = scale
    values = keras.Input(network.inputs[0].shape[1:], dtype="float32", name=INPUT)
    pixels = (values - low) * (255 / (high - low))
    # Compared with itself, which finds what is no number in all formats; other conditions become products in ONNX.
    pixels = ops.where(ops.not_equal(pixels, pixels), ops.zeros_like(pixels), pixels)
    pixels = ops.minimum(ops.maximum(pixels, 0.0), 255.0)
    return keras.Model(values, network(pixels), name=network.name)


def _scaled(network: keras.Model, scale: Any) -> Network:
    """The same by NumPy: the reference of the check."""

    def run(images: NDArray[Any]) -> NDArray[Any]:
        if isinstance(scale, tuple):
            low, high = scale
            images = np.nan_to_num((images - np.float32(low)) * np.float32(255 / (high - low))).clip(0, 255)
        return np.asarray(network.predict_on_batch(images))

    return run


def _write(network: keras.Model, wanted: Format, path: Path) -> None:
    given = network.inputs[0]
    signature = [keras.InputSpec(shape=(wanted.batch, *given.shape[1:]), dtype=given.dtype, name=INPUT)]
    network.export(str(path), format=wanted.keras, verbose=False, input_signature=signature)
    if wanted.keras == "onnx":
        _name_tensors(path)


def _name_tensors(path: Path) -> None:
    """Gives input, output and their first dimension plain names in an ONNX file."""
    import onnx

    graph = (file := onnx.load(path)).graph
    names = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for tensor in (graph.input[0], graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
        tensor.name = names[tensor.name]
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    onnx.checker.check_model(file)
    onnx.save(file, path)


@contextmanager
def _complete(wanted: Format, out: Path) -> Iterator[Path]:
    """A path to write to, which becomes `out` at the end of the block, but not after an error."""
    if wanted.suffix:
        with atomic_write(out) as partial:
            yield partial
        return
    folder = Path(mkdtemp(prefix=".partial-", dir=out.parent))
    try:
        yield folder / out.name
        os.rename(folder / out.name, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(name: str, out: Path) -> Iterator[None]:
    """Turns the errors of converters and runtimes, which are of many kinds, into an InputError."""
    try:
        yield
    except (InputError, MemoryError, OSError):
        raise
    except Exception as error:
        reason = printable(" ".join(_COLOURS.sub("", str(error)).split()))[:MAX_SHOWN]
        raise InputError(f"a network must suit --format {name}; got {out}: {reason}; use another format") from None
