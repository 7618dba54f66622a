"""Keras's backend: chosen, checked and configured before Keras is imported."""

import logging
import os
from importlib.util import find_spec
from types import ModuleType

from trainer.errors import InputError

BACKENDS = ("tensorflow", "jax")
# TensorFlow's faster convolutions on x86; it turns them on itself only where the CPU has AVX-512 for networks.
ONEDNN = ("TF_ENABLE_ONEDNN_OPTS", "1")  # name and default of the variable


def choose_backend() -> str:
    """The backend of this process and its workers. Raises InputError where it is unknown or not installed."""
    backend = os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if backend not in BACKENDS:
        raise InputError(f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}; got {backend!r}")
    if find_spec(backend) is None:
        raise InputError(f"the backend must be installed; got {backend}, which is not; install it or set KERAS_BACKEND")
    return backend


def prepare_backend(device: str, deterministic: bool) -> None:
    """Sets the backend's environment variables, which it reads when Keras is imported. Raises InputError.

    Args:
        device: "cpu" hides all GPUs; "auto" and "gpu" leave them visible.
        deterministic: whether TensorFlow is to use deterministic kernels.
    """
    choose_backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else each takes the whole memory of a GPU at once
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    os.environ.setdefault(*ONEDNN)
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if deterministic:
        os.environ["TF_DETERMINISTIC_OPS"] = "1"


def import_trainer() -> tuple[ModuleType, ModuleType, ModuleType]:
    """Imports Keras; returns `trainer.training.backend`, `trainer.training.fit` and `trainer.result.save`.

    What TensorFlow's libraries print while they are loaded is discarded: without a GPU it is a page of warnings, and
    no setting turns it off. Errors are raised as exceptions all the same.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that each network is compiled anew
    stderr = os.dup(2)
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), 2)
    try:
        from trainer.result import save
        from trainer.training import backend, fit

        backend.devices("gpu")
        return backend, fit, save
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
