"""One trial that a worker trains: when to stop, and whether to try again after an error."""

import threading
from dataclasses import dataclass
from time import monotonic

from search.log import log_event
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.errors import StorageError
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig

RETRY_PAUSES_S = (2.0, 10.0)  # before each retry; there are as many
STORE_WAIT_S, STORE_PAUSE_S = 300.0, 2.0  # for the artifact store, in all and between two looks


class HandedOn(Exception):
    """The worker was told to stop: the trial stays RUNNING, and the next worker goes on with it."""


@dataclass(frozen=True)
class Assignment:
    """A trial with its configuration, in a worker's hands."""

    context: Context
    held: HeldTrial
    config: TrainConfig
    stop: threading.Event

    def should_stop(self) -> bool:
        """What the trainer asks before every batch; so the supervisor hears that the one before is done.

        Raises LeaseLost: the training of a trial that another worker has must not end with a last checkpoint.
        """
        self.context.heartbeat.batch()
        if not self.stop.is_set():
            return False
        self.held.require()
        return True

    def wait_for_store(self) -> bool:
        """Waits while the artifact store cannot be used; returns whether that was so, and may be why the trial failed.

        Raises HandedOn when told to stop, LeaseLost, and StorageError after STORE_WAIT_S.
        """
        was_away, deadline = False, monotonic() + STORE_WAIT_S
        while True:
            try:
                self.context.artifacts.check()
                return was_away
            except StorageError as error:
                if monotonic() > deadline:
                    raise
                if not was_away:
                    log_event("waits for the artifact store", self.held.number, str(error))
            was_away = True
            self.held.require()
            if self.stop.wait(STORE_PAUSE_S):
                raise HandedOn

    def wait_to_retry(self) -> bool:
        """Waits for the next try of a trial that data, disk or code made fail; False when it has had them all.

        Their number is kept with the trial, so that another worker does not begin to count again. Raises HandedOn when
        told to stop, and LeaseLost.
        """
        retries = self.held.attributes.retries
        if retries >= len(RETRY_PAUSES_S):
            return False
        pause_s = RETRY_PAUSES_S[retries]
        self.held.write(TrialAttributes(retries=retries + 1))
        log_event("is tried again", self.held.number, f"retry {retries + 1} of {len(RETRY_PAUSES_S)}, in {pause_s:g} s")
        if self.stop.wait(pause_s):
            raise HandedOn
        return True
