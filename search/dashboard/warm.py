"""Reads all trials into the storage's cache, so that the first page need not wait for them."""

from threading import Thread

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError


def warm_cache(storage: BaseStorage) -> None:
    """Begins to read, in a thread of its own. A database that is away is no error here: a page will say so."""
    Thread(target=_read_all, args=(storage,), name="warm-cache", daemon=True).start()


def _read_all(storage: BaseStorage) -> None:
    try:
        for study in storage.get_all_studies():
            storage.get_all_trials(study._study_id, deepcopy=False)
    except (StorageInternalError, SQLAlchemyError, KeyError):  # KeyError: a study was deleted meanwhile
        pass
