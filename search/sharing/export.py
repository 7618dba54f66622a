"""The data of an export, such as `best.toml`, on a host without them. Imports no Optuna."""

import os

from search.sharing.fetch import Tell, fetch_data
from storage.artifacts.interface import Artifacts
from storage.artifacts.parts import list_copies, read_description
from storage.artifacts.store import find_artifacts
from storage.settings import Settings
from trainer.config import DataConfig
from trainer.data.cache.shared import SharedCopy, fields_of, read_shared
from trainer.data.progress import Progress


def borrow_by_fingerprint(
    data: DataConfig, fingerprint: str, settings: Settings, tell: Tell, progress: Progress
) -> DataConfig:
    """The data of an export; where they are not here, with the copy of the same data in the artifact store, if any.

    Raises InputError, StorageError where the copy cannot be used.
    """
    if is_here(data):
        return data
    artifacts = find_artifacts(settings)
    named = [name for name in list_copies(artifacts) if name.startswith(fingerprint[:32])]
    found = {name: copy for name in named if (copy := _read(artifacts, name)) is not None}
    asked = fingerprint, fields_of(data)
    copies = {name: copy for name, copy in found.items() if (copy.fingerprint, copy.fields) == asked}
    if len({copy.official for copy in copies.values()}) != 1:  # none, or different official splits
        return data
    folder = fetch_data(artifacts, next(iter(copies)), settings.decoded_data, tell, progress)
    return data.model_copy(update={"path": str(folder), "images": None, "masks": None})


def is_here(data: DataConfig) -> bool:
    """Whether there is something where the data of a configuration lie."""
    paths = (data.path,) if data.images is None else (data.images, data.masks)
    return all(path is not None and os.path.exists(os.path.expanduser(path)) for path in paths)


def _read(artifacts: Artifacts, name: str) -> SharedCopy | None:
    text = read_description(artifacts, name)
    return None if text is None else read_shared(text, name)
