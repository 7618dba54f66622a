"""A trial in one worker's hands: the only way in which a worker writes to it.

Every write is one transaction that first locks the trial's slot. Where another worker has the trial it raises
LeaseLost, and until it is committed nobody can take the trial over: check and write cannot be separated. Every write
waits while the database is unreachable, and does nothing when it is repeated because the reply to its commit was lost.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection

from search.reconnect import UNREACHABLE, waits_for_database
from search.space.axis import Value
from search.space.space import Space, draw
from search.study.outcome import KILLER, Outcome
from storage.artifacts.interface import Artifacts
from storage.artifacts.pictures import name_picture, write_picture
from storage.database.connection import Database
from storage.errors import LeaseLost, StorageError
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import release_configuration, take_configuration
from storage.studies.leases import Claim, close_slot, holding, is_held, release
from storage.studies.notes import write_note
from storage.studies.resampled import write_resampled
from trainer.config import TrainConfig


class HeldTrial:
    """A RUNNING trial of Optuna's, and the slot that holds it.

    Args:
        db: the study's database.
        claim: the slot, with the trial bound to it.
        owner: whose lease the slot carries.
        trial: Optuna's trial.
    """

    def __init__(self, db: Database, claim: Claim, owner: UUID, trial: optuna.Trial) -> None:
        self.claim = claim
        self.number = trial.number
        self._db, self._owner, self._trial = db, owner, trial
        self._id = trial._trial_id
        self._reported = dict(trial._cached_frozen_trial.intermediate_values)  # by epoch, whichever worker reported it
        self._device_s_before, self._begun = self.attributes.device_s, monotonic()

    @property
    def attributes(self) -> TrialAttributes:
        """The trial's attributes as this worker found and wrote them."""
        return TrialAttributes.read(self._trial.user_attrs)

    @property
    def last_epoch(self) -> int:
        """The last epoch that any worker reported; 0 before the first."""
        return max(self._reported, default=0)

    @waits_for_database
    def read(self) -> FrozenTrial:
        """The trial as it is in the database."""
        return self._storage.get_trial(self._id)

    def require(self) -> None:
        """Raises LeaseLost when another worker has the trial; while the database is away, none is known to have it."""
        with suppress(*UNREACHABLE):
            if not is_held(self._db, self.claim, self._owner):
                raise self._lost()

    def draw(self, space: Space, base: TrainConfig) -> dict[str, Value]:
        """The trial's value on each axis that applies, drawn now or by an earlier worker.

        Does not wait for the database, since Optuna's trial remembers what it failed to write: claim the trial again.
        Raises LeaseLost and UNREACHABLE.
        """
        with self._transaction():
            return draw(self._trial, space, base)

    @waits_for_database
    def take_configuration(self, digest: str) -> bool:
        """Assigns a configuration, by its digest, to the trial; False when another trial of the study has it."""
        with self._transaction() as connection:
            TrialAttributes(digest=digest).write(self._trial)
            return take_configuration(connection, self.claim.study_id, digest, self._id)

    @waits_for_database
    def write(self, attributes: TrialAttributes) -> None:
        """Writes those attributes that were given to the constructor of `attributes`."""
        with self._transaction():
            attributes.write(self._trial)

    @waits_for_database
    def write_resampled(self, values: Sequence[float]) -> None:
        """Writes the trial's value in each draw of the validation side."""
        with self._transaction():
            write_resampled(self._storage, self._id, values)

    @waits_for_database
    def constrain(self, name: str, value: float) -> None:
        """Tells the sampler how far the trial exceeds a limit, 0 or less where it does not; the first value stays."""
        with self._transaction():
            if name not in self._trial.constraints:
                self._trial.set_constraint(name, value)

    def report(self, values: Mapping[int, float]) -> None:
        """Reports values by epoch, and the time on the device so far. One that was reported before keeps its value.

        A new epoch resets the counts of starts and retries.
        """
        new = {epoch: value for epoch, value in values.items() if math.isfinite(value)}
        new = {epoch: value for epoch, value in new.items() if epoch not in self._reported}
        self._report(new)
        self._reported |= new
        # Optuna's trial would take a repeated `report` for done although its transaction failed, so that we write to
        # the storage ourselves, and tell the trial, which the pruner looks at, when all is committed.
        self._trial._cached_frozen_trial.intermediate_values.update(new)

    @waits_for_database
    def should_prune(self) -> bool:
        """Whether the pruner would end the trial, by the values that were reported."""
        return self._trial.should_prune()

    @waits_for_database
    def write_device_time(self) -> None:
        """Writes the time on the device up to now; a worker that is killed loses what came since."""
        with self._transaction():
            self._device_time().write(self._trial)

    @waits_for_database
    def write_note(self, note: str) -> None:
        """Replaces the note, Markdown, that the dashboard shows."""
        with self._transaction() as connection:
            write_note(connection, self.claim.study_id, note, self._id)

    def add_picture(self, artifacts: Artifacts, picture: Path) -> None:
        """Keeps a PNG with the trial, in place of an earlier one of that file name. Raises StorageError."""
        artifact_id, replaced = str(uuid4()), set[str]()
        write_picture(artifacts, artifact_id, picture)  # before a row names it
        try:
            self._name_picture(artifact_id, picture.name, replaced)
        except LeaseLost:
            replaced = {artifact_id}
            raise
        finally:
            with suppress(OSError, StorageError):  # what is left over costs space alone
                artifacts.remove(*replaced)

    @waits_for_database
    def tell(self, outcome: Outcome) -> None:
        """Writes why the trial ends, and finishes it.

        A PRUNED trial has its last reported value. A failed one gives its configuration back to the study, unless it
        killed its workers. Raises LeaseLost.
        """
        found = self._storage.get_trial(self._id)
        if found.state.is_finished():
            if outcome.is_of(found):  # by a call whose reply was lost
                return
            raise self._lost()
        with self._transaction() as connection:
            why = {"cause": outcome.cause, "message": outcome.message}
            TrialAttributes(**{key: value for key, value in why.items() if value is not None}).write(self._trial)
            if outcome.state == TrialState.FAIL and outcome.cause != KILLER:
                release_configuration(connection, self._id)
            self._trial.study.tell(self._trial, outcome.value, outcome.state)

    @waits_for_database
    def release(self) -> None:
        """Hands the trial on, unfinished; one that another worker has by now is left alone."""
        release(self._db, self.claim, self._owner)

    @waits_for_database
    def close(self) -> None:
        """Removes the slot of a finished trial; one that another worker has by now is left alone."""
        close_slot(self._db, self.claim, self._owner)

    @property
    def _storage(self) -> BaseStorage:
        return self._db.storage

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction that holds the slot; all of Optuna's calls in it are part of it.

        Raises LeaseLost where another worker has the trial, or somebody else has finished it.
        """
        with holding(self._db, self.claim, self._owner) as connection:
            try:
                yield connection
            except UpdateFinishedTrialError:
                raise self._lost() from None

    @waits_for_database
    def _report(self, new: Mapping[int, float]) -> None:
        with self._transaction():
            self._device_time().write(self._trial)
            for epoch, value in new.items():
                self._storage.set_trial_intermediate_value(self._id, epoch, value)
            if new and (self.attributes.starts or self.attributes.retries):
                TrialAttributes(starts=0, retries=0).write(self._trial)

    @waits_for_database
    def _name_picture(self, artifact_id: str, name: str, replaced: set[str]) -> None:
        """Adds the ids of earlier pictures of that name to `replaced`, over all repetitions."""
        with self._transaction():
            replaced |= name_picture(self._storage, self._id, artifact_id, name)

    def _device_time(self) -> TrialAttributes:
        return TrialAttributes(device_s=round(self._device_s_before + monotonic() - self._begun, 3))

    def _lost(self) -> LeaseLost:
        return LeaseLost(
            f"a trial must be this worker's alone; got trial {self.number}, which another one has or ended"
        )
