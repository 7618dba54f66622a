"""The backend that Keras runs on, and what it sees."""

import keras

from trainer.errors import InputError


def backend_name() -> str:
    """`tensorflow` or `jax`."""
    return str(keras.backend.backend())


def devices(kind: str) -> list[str]:
    """Devices of a kind, "gpu" or "cpu", that the backend can use."""
    try:
        return list(keras.distribution.list_devices(kind))
    except RuntimeError:  # JAX, where there is none
        return []


def require_gpu() -> None:
    """Refuses to go on where the backend sees no GPU, rather than training on the CPU unasked."""
    if not devices("gpu"):
        raise InputError(
            f"a worker meant for a GPU needs one that {backend_name()} can use; it sees none; "
            "check the driver and the backend's CUDA libraries, or ask for the CPU with --device cpu"
        )
