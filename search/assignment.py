"""A trial in a worker's hands: whose it is, whether to go on, and how often it was tried in vain."""

import threading
from contextlib import suppress
from dataclasses import dataclass

import optuna

from search.devicetime import DeviceTime
from search.patience import AWAY, patiently
from search.session import Session
from storage.errors import LeaseLost
from storage.lease import Claim, is_mine
from trainer.config import TrainConfig

STARTS = "starts"  # user attribute: how often the trial was begun and its worker died, since it last got further
RETRIES = "retries"  # user attribute: how often it was tried again after an error, since it last got further


class HandedOn(Exception):
    """The worker was told to stop: the trial stays RUNNING, and the next worker goes on with it."""


@dataclass(frozen=True)
class Assignment:
    """One trial of one worker."""

    session: Session
    claim: Claim
    trial: optuna.Trial
    config: TrainConfig
    held: DeviceTime
    stop: threading.Event

    def is_mine(self) -> bool:
        """Whether the trial may still be written; to be asked before every report."""
        return patiently(self._is_mine)

    def require_mine(self) -> None:
        """Raises LeaseLost when another worker has the trial."""
        if not self.is_mine():
            raise self._lost()

    def require_not_lost(self) -> None:
        """The same, but while the database is away, nobody is known to have it."""
        with suppress(*AWAY):
            if not self._is_mine():
                raise self._lost()

    def should_stop(self) -> bool:
        """What the trainer asks before every batch; so the supervisor hears that the one before is done.

        Raises LeaseLost: a trial that another worker has by now must not be stopped with a last checkpoint.
        """
        self.session.beats.batch()
        if not self.stop.is_set():
            return False
        self.require_not_lost()  # the database may have been told to stop too
        return True

    def get_further(self) -> None:
        """Counts anew, once the trial has an epoch that it never had before."""
        for count in (STARTS, RETRIES):
            if self.trial.user_attrs.get(count):
                self.trial.set_user_attr(count, 0)

    def _is_mine(self) -> bool:
        return is_mine(self.session.db, self.claim, self.session.owner)

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"a trial must be this worker's to be written; trial {self.trial.number} has another one")
