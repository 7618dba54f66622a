"""npz files, written whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import InputError
from trainer.whole import written_whole


def write_npz(path: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    """Writes the arrays compressed; until the last byte lies on disk, `path` is what it was before."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"a file must be writable; got {path}: {error.strerror or error}; choose another") from None
    return path
