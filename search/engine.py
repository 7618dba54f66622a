"""Which engine Keras runs on, known before Keras is imported."""

import os
from importlib.util import find_spec

from trainer.errors import InputError

ENGINES = ("tensorflow", "jax")


def choose_engine() -> str:
    """The engine that this process and its workers use; refused where it is not installed."""
    engine = os.environ.get("KERAS_BACKEND") or ENGINES[0]
    if engine not in ENGINES:
        raise InputError(f"KERAS_BACKEND must be one of {', '.join(ENGINES)}; got {engine!r}")
    if find_spec(engine) is None:
        raise InputError(f"the engine must be installed; got {engine}, which is not; install it or set KERAS_BACKEND")
    return engine
