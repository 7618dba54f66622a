"""What a model file would take in memory, found before anything of it is built."""

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras

from trainer.errors import InputError


def check_size(path: Path) -> None:
    """Refuses a model.keras that declares more weights than its file has bytes, or unpacks to more than it holds.

    A file of some hundred bytes could otherwise have Keras fill all memory. Keras packs nothing it saves, and keeps a
    weight in one byte or more. Raises what Keras raises where it cannot read the configuration.
    """
    held = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > held:
            raise InputError(f"model.keras must be stored unpacked; got {unpacked:,} bytes in {held:,} of {path}")
        config = json.loads(archive.read("config.json"))
    # In a thread of its own: Keras keeps what a scope leaves unset, and this thread's next scope would draw it.
    with ThreadPoolExecutor(1) as pool:
        weights = pool.submit(_count_weights, config).result()
    if weights > held:
        raise InputError(
            f"model.keras must hold the weights of its layers; got {held:,} bytes for {weights:,} of them in {path}"
        )


def _count_weights(config: dict[str, Any]) -> int:
    with keras.StatelessScope(initialize_variables=False):  # shapes alone
        return int(keras.saving.deserialize_keras_object(config, safe_mode=True).count_params())
