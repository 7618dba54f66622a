"""The backend that Keras runs on, and its devices."""

import keras

from trainer.errors import InputError


def backend_name() -> str:
    """`tensorflow` or `jax`."""
    return str(keras.backend.backend())


def devices(kind: str) -> list[str]:
    """Names of the devices of a kind, "gpu" or "cpu", that the backend can use."""
    try:
        return list(keras.distribution.list_devices(kind))
    except RuntimeError:  # JAX, where there is none
        return []


def require_gpu() -> None:
    """Raises InputError if the backend sees no GPU, so that training does not fall back to the CPU by itself."""
    if not devices("gpu"):
        raise InputError(
            f"a worker meant for a GPU needs one that {backend_name()} can use; it sees none; "
            "check the driver and the backend's CUDA libraries, or ask for the CPU with --device cpu"
        )
