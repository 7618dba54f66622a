"""Checks the size that a model file would have in memory, before Keras allocates it."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from trainer.errors import InputError


def check_size(path: Path) -> None:
    """Raises InputError if a model.keras declares more weights than the file has bytes, or is compressed.

    Otherwise Keras could allocate all memory for a file of a few hundred bytes. Keras does not compress what it saves,
    and stores a weight in at least one byte. Raises Keras's own errors if it cannot read the configuration.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > size:
            raise InputError(f"model.keras must be stored unpacked; got {unpacked:,} bytes in {size:,} of {path}")
        config = json.loads(archive.read("config.json"))
    # In a thread of its own: Keras stores uninitialised variables per thread, and the next scope would initialise them.
    with ThreadPoolExecutor(1) as pool:
        weights = pool.submit(_count_weights, config).result()
    if weights > size:
        raise InputError(
            f"model.keras must hold the weights of its layers; got {size:,} bytes for {weights:,} of them in {path}"
        )


def _count_weights(config: dict[str, Any]) -> int:
    """Number of weights of a serialised model."""
    with keras.StatelessScope(initialize_variables=False):  # shapes only
        return int(keras.saving.deserialize_keras_object(config, safe_mode=True).count_params())
