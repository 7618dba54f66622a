"""One trial that a worker trains: when to stop, and whether to try again after an error."""

import threading
from dataclasses import dataclass

from search.log import log_event
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig

RETRY_PAUSES_S = (2.0, 10.0)  # before each retry; there are as many


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
