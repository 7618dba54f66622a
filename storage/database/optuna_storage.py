"""Optuna's storage on an engine of ours. Optuna takes a second to import, so that this is imported where it is used."""

import logging
from collections.abc import Container

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, StaticPool
from typing_extensions import override

from storage.database.engine import HOUR_S, ISOLATION, patience
from storage.errors import StorageError
from storage.settings import describe_url


class SharedStorage(RDBStorage):
    """Optuna's storage, which takes its connections and its time limits from our engine.

    Args:
        url: of the engine's database.
        engine: ours. While the storage is made it has one connection of the engine's, and no other.
        create: makes missing tables.
        check: refuses tables of another Optuna's version with StorageError.
    """

    def __init__(self, url: str, engine: Engine, create: bool = False, check: bool = True) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for every trial would break the live table
        logging.getLogger("alembic").setLevel(logging.WARNING)
        try:
            with engine.connect() as connection:
                ours = connection.connection.driver_connection
                briefly = {"poolclass": StaticPool, "creator": lambda: ours, "isolation_level": ISOLATION}
                super().__init__(url, briefly, skip_compatibility_check=not check, skip_table_creation=not create)
        except RuntimeError as error:
            if "no longer compatible" not in str(error):
                raise
            raise StorageError(
                f"the tables must be those of Optuna {optuna.__version__}; got another version's in "
                f"{describe_url(url)}; run `unet-search db upgrade` (or update Optuna)"
            ) from error
        self.engine = self._version_manager.engine = engine
        self.scoped_session.remove()
        self.scoped_session.configure(bind=engine)

    @override
    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        with patience(HOUR_S):  # the objects of many thousand trials are made inside the transaction, which locks none
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
