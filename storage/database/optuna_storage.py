"""Optuna's storage on an engine of ours. Optuna takes a second to import, so that this is imported where it is used."""

import logging
from collections.abc import Container

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Engine, StaticPool, text
from typing_extensions import override

from storage.database.engine import HOUR_S, ISOLATION, patience
from storage.database.trial_rows import make_trials, select_trials, suits_optuna
from storage.errors import StorageError
from storage.settings import describe_url

_HAS_STUDY = text("select exists (select from studies where study_id = :study_id)")
_STUDY_OF = text("select study_id from trials where trial_id = :trial_id")
# Trials that the cache has not seen in their last state.
_TRIALS = text(
    select_trials("""
      select trial_id from trials where study_id = :study_id and state = any(cast(:states as trialstate[]))
        and (trial_id > :after or trial_id = any(:included))""")
)


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
        if not suits_optuna():
            with patience(HOUR_S):  # the objects of many thousand trials are made inside the transaction
                return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        names = [state.name for state in TrialState if states is None or state in states]
        row = {"study_id": study_id, "states": names, "after": trial_id_greater_than}
        row |= {"included": list(included_trial_ids)}
        with _create_scoped_session(self.scoped_session) as session:
            if not session.scalar(_HAS_STUDY, row):
                raise KeyError(f"a study must exist; got the id {study_id}")
            rows = session.execute(_TRIALS, row).all()
        return make_trials(rows)

    def study_of(self, trial_id: int) -> int:
        """The id of a trial's study. Raises KeyError."""
        with _create_scoped_session(self.scoped_session) as session:
            study_id: int | None = session.scalar(_STUDY_OF, {"trial_id": trial_id})
        if study_id is None:
            raise KeyError(f"a trial must exist; got the id {trial_id}")
        return study_id


class StudyCache(_CachedStorage):
    """Optuna's cache, which reads all trials of a study only for who asks for them: a worker never does."""

    def __init__(self, backend: SharedStorage) -> None:
        super().__init__(backend)
        self._shared = backend

    @override
    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Optuna's `ask` looks for waiting trials here; there are few of them, and the cache would read all others."""
        if states is None or [state for state in TrialState if state in states] != [TrialState.WAITING]:
            return super().get_all_trials(study_id, deepcopy, states)
        return self._shared.get_all_trials(study_id, deepcopy, states)

    @override
    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Of any trial; Optuna's cache knows only those that it has made or read."""
        if trial_id not in self._trial_id_to_study_id_and_number:
            self._learn(self._shared.study_of(trial_id), self._shared.get_trial(trial_id))
        super().set_trial_param(trial_id, param_name, param_value_internal, distribution)

    def _learn(self, study_id: int, trial: FrozenTrial) -> None:
        """Keeps an unfinished trial as one of this process's own, which Optuna reads again when it reads all."""
        with self._lock:
            if trial._trial_id not in self._trial_id_to_study_id_and_number:
                self._studies.setdefault(study_id, _StudyInfo())
                self._add_trials_to_cache(study_id, [trial])
