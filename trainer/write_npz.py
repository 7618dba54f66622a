"""npz files written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import InputError


def write_npz(path: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    """Writes the arrays compressed; until the last byte lies on disk, `path` is what it was before."""
    # the process id, so that two that write the same file do not write into each other's
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None
    finally:
        with suppress(OSError):  # already in place, or never begun
            partial.unlink()
    return path
