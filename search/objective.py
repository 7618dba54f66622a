"""One trial: its configuration is trained, its epochs are reported, its figures are kept, its ending is decided."""

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from search.assignment import RETRIES, STARTS, Assignment, HandedOn
from search.devicetime import DeviceTime
from search.ending import KILLER, NAN, OUT_OF_MEMORY, TOO_LARGE, Ending, failed, is_out_of_memory, one_line
from search.log import say
from search.patience import patiently
from search.record import describe, upload_pictures
from search.retry import wait_to_retry
from search.session import Session, trial_id
from search.weights import keep_weights
from storage.artifacts import checkpoint_key, remove_checkpoint
from storage.errors import LeaseLost, StorageError
from storage.lease import Claim
from trainer.checkpoint import CheckpointError
from trainer.config import TrainConfig
from trainer.errors import DivergedError, InputError

if TYPE_CHECKING:
    from trainer.fit import Epoch, Fitted

DEADLY_STARTS = 5


def run_trial(
    session: Session, claim: Claim, trial: optuna.Trial, config: TrainConfig, stop: threading.Event
) -> Ending:
    """Trains the trial's configuration, from its checkpoint where there is one, and says how it ended.

    Raises:
        LeaseLost: another worker has the trial; nothing more may be written of it.
        HandedOn: `stop` said so.
        InputError: the data or the device do not suit; the trial's own fault is an ending, not an exception.
        SQLAlchemyError, StorageInternalError: the database cannot be reached.
    """
    trial.set_user_attr("config", config.model_dump(mode="json"))
    trial.set_user_attr("worker", session.worker)
    trial.set_user_attr("device", session.device)
    if trial.user_attrs.get(STARTS, 0) >= DEADLY_STARTS:
        return Ending(TrialState.FAIL, cause=KILLER)
    assigned = Assignment(session, claim, trial, config, DeviceTime(trial), stop)
    ending = _attempt(assigned)
    while ending.state == TrialState.FAIL and wait_to_retry(assigned):
        ending = _attempt(assigned)
    if assigned.is_mine():
        patiently(assigned.held.keep)
    return ending


def _attempt(assigned: Assignment) -> Ending:
    trial = assigned.trial
    starts = trial.user_attrs.get(STARTS, 0)
    patiently(lambda: trial.set_user_attr(STARTS, starts + 1))
    assigned.session.beats.begin()
    try:
        return _exceeds(assigned) or _train(assigned)
    except DivergedError as error:
        return Ending(TrialState.PRUNED, cause=NAN, message=str(error))
    except (LeaseLost, SQLAlchemyError, StorageInternalError):
        raise
    except Exception as error:
        if isinstance(error, InputError) and not isinstance(error, CheckpointError):
            raise
        assigned.require_mine()
        # The worker lives to tell.
        patiently(lambda: trial.set_user_attr(STARTS, min(starts, trial.user_attrs[STARTS])))
        if assigned.stop.is_set():  # the trainer's Interrupted, or what it made of being stopped
            raise HandedOn from error
        return _ending(assigned, error)


def _ending(assigned: Assignment, error: Exception) -> Ending:
    """What an error makes of its trial, where nobody tries it again."""
    trial = assigned.trial
    if is_out_of_memory(error):
        trial.set_constraint("memory", 1.0)
        return Ending(TrialState.PRUNED, cause=OUT_OF_MEMORY, message=one_line(error))
    say("fails", trial.number, one_line(error), error)
    if isinstance(error, CheckpointError) and trial.user_attrs.get(RETRIES):  # read in vain twice: it is damaged
        with suppress(OSError, StorageError):  # then it is read in vain once more
            remove_checkpoint(assigned.session.artifacts, assigned.session.opened.plan.study.name, trial.number)
    return failed(error)


def _exceeds(assigned: Assignment) -> Ending | None:
    """The ending of a network with too many parameters; tells the sampler how far above or below it is."""
    session, trial = assigned.session, assigned.trial
    limit = session.opened.plan.constraints.parameters
    if limit is None:
        return None
    count = session.tools.count_parameters(assigned.config, session.dataset)
    if "parameters" not in trial.constraints:  # set before when the trial was handed on
        trial.set_constraint("parameters", (count - limit) / limit)
    if count <= limit:
        return None
    trial.set_user_attr("parameters", count)
    return Ending(TrialState.PRUNED, cause=TOO_LARGE, message=f"parameters must be at most {limit}; got {count}")


def _train(assigned: Assignment) -> Ending:
    session, trial = assigned.session, assigned.trial
    reported = set(session.db.storage.get_trial(trial_id(trial)).intermediate_values)

    def on_epoch(epoch: "Epoch") -> bool:
        session.beats.batch()  # validation and its last checkpoint may have taken as long as many
        assigned.require_mine()
        patiently(assigned.held.keep)
        if epoch.epoch < max(reported, default=0):  # a repeated one: its value stays, and the pruner has judged it
            return True
        if _report(trial, epoch, reported):
            patiently(assigned.get_further)
        return not patiently(trial.should_prune)

    fitted = _fit(assigned, on_epoch)
    assigned.require_mine()
    for epoch in fitted.history:  # one that a lost worker saved and did not come to report
        _report(trial, epoch, reported)
    describe(session, trial, fitted)
    upload_pictures(session, trial, fitted)
    if fitted.stopped == "caller":
        return Ending(TrialState.PRUNED)
    session.beats.batch()
    keep_weights(session, trial, fitted)
    return Ending(TrialState.COMPLETE, fitted.best.miou)


def _fit(assigned: Assignment, on_epoch: Callable[["Epoch"], bool]) -> "Fitted":
    """Trains on a checkpoint of this machine, which is pushed to where it is kept whenever the trainer wrote it."""
    session = assigned.session

    def push() -> None:
        if checkpoint.changed():
            assigned.require_not_lost()  # it must not replace that of the worker that has the trial by then
            checkpoint.push()

    def should_stop() -> bool:
        push()
        return assigned.should_stop()

    key = checkpoint_key(session.opened.plan.study.name, assigned.trial.number)
    with session.artifacts.local(key) as checkpoint:
        try:
            return session.tools.train(assigned.config, session.dataset, on_epoch, checkpoint.path, should_stop)
        finally:
            push()


def _report(trial: optuna.Trial, epoch: "Epoch", reported: set[int]) -> bool:
    """Whether the epoch was new. One that is repeated never overwrites what it gave the first time."""
    if epoch.epoch in reported or not math.isfinite(epoch.miou):
        return False
    patiently(lambda: trial.report(epoch.miou, epoch.epoch))
    reported.add(epoch.epoch)
    return True
