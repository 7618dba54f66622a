"""Runs exported networks, each by a runtime of its format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Runtime = Callable[[NDArray[Any]], NDArray[np.float32]]  # images (N, H, W, C) -> logits (N, H, W, classes)


def open_runtime(name: str, path: Path) -> Runtime:
    """The network in a file or folder of a format, loaded anew. Raises the errors of the format's library."""
    return {"onnx": _open_onnx, "tflite": _open_litert, "savedmodel": _open_saved_model}[name](path)


def _open_onnx(path: Path) -> Runtime:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(["logits"], {"image": images})[0])


def _open_litert(path: Path) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(images: NDArray[Any]) -> NDArray[np.float32]:
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(given))

    return run


def _open_saved_model(path: Path) -> Runtime:
    layer = keras.layers.TFSMLayer(str(path), call_endpoint="serve")
    return lambda images: np.asarray(layer(images))
