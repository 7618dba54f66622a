"""A worker's loop: claims a slot, trains its trial, tells the outcome, again, until the study's budget is spent."""

import gc
import threading
from contextlib import suppress
from dataclasses import replace
from random import uniform

import psutil
from optuna.trial import TrialState

from search.confirm.rounds import advance
from search.log import log_event, one_line
from search.reconnect import UNREACHABLE, waits_for_database
from search.study.failures import stop_after_failures, stopped_by_failures
from search.study.outcome import Outcome, failed
from search.worker.assignment import Assignment, HandedOn
from search.worker.context import Context
from search.worker.contract import DONE, FAILURES, GROWN, TOLD_TO_STOP
from search.worker.draw import Drawer, Drawn
from search.worker.held_trial import HeldTrial
from search.worker.notes import note_trial
from search.worker.results import sweep_files
from search.worker.trial import run_trial
from storage.errors import LeaseLost, StorageError
from storage.settings import Settings
from storage.studies.leases import budget_left, claim_slot, may_claim, release_owner
from storage.studies.study import STOP_NOW, stop_reason
from trainer.config import TrainConfig
from trainer.data.dataset import open_dataset
from trainer.errors import InputError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0  # between two looks of a worker without a trial
MOST_GROWTH_BYTES = 2**30  # since the first trial: TensorFlow keeps about 45 MB a model, whatever is cleared


def work(context: Context, stop: threading.Event) -> int:
    """Trains one trial after the other; returns the exit status."""
    drawer, pause_s = Drawer(context), FIRST_PAUSE_S
    first_size: int | None = None
    if reason := failure_reason(context):
        log_event("ends", cause=f"{reason}; `unet-search resume` lets it go on")
        return FAILURES
    while not stop.is_set():
        drawn = next_trial(context, drawer)
        if drawn is not None:
            pause_s = FIRST_PAUSE_S
            has_failed = train_drawn(context, drawn, stop)
            if has_failed and (reason := failure_reason(context)):
                log_event("ends", cause=reason)
                return FAILURES
            first_size = first_size or memory_bytes()
            if memory_bytes() - first_size > MOST_GROWTH_BYTES:
                log_event("has grown too large and makes way for a new one")
                return GROWN
        elif (status := final_status(context, drawer)) is not None:
            clear_up(context)
            return status
        else:  # trials of other workers may yet be handed on
            stop.wait(pause_s * uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return stopped_status(context)


@waits_for_database
def next_trial(context: Context, drawer: Drawer) -> Drawn | None:
    """A trial to train, if the budget and the space have one. One that cannot be drawn fails."""
    release_owner(context.db, context.owner)  # an attempt that the database cut off may have left a slot
    if not may_claim(context.db, context.opened.study_id):  # so that workers that wait do not queue for the lock
        return None
    claim = claim_slot(context.db, context.opened.study_id, context.owner, context.worker)
    if claim is None:
        return None
    try:
        return drawer.start(claim) if claim.trial_id is None else drawer.resume(claim)
    except LeaseLost as error:
        log_event("has lost its slot", cause=str(error))
        return None


@waits_for_database
def final_status(context: Context, drawer: Drawer) -> int | None:
    """The exit status when there is nothing left to do, now or later; None to ask again."""
    study_id = context.opened.study_id
    reason = stop_reason(context.db, study_id)
    if reason is not None:
        log_event("ends", cause=f"the study is stopped: {reason}")
        return FAILURES if stopped_by_failures(reason) else DONE
    if not is_done(context, drawer):
        return None
    advance(context.db, context.opened, context.artifacts)  # of a confirmation, whose next round may begin
    if not is_done(context, drawer):
        return None
    log_event("ends", cause="every trial is done")
    return DONE


def is_done(context: Context, drawer: Drawer) -> bool:
    """Whether no trial runs, and none can begin."""
    budget = budget_left(context.db, context.opened.study_id)
    return budget.running == 0 and (budget.free == 0 or drawer.exhausted())


def stopped_status(context: Context) -> int:
    """The exit status of a worker that was told to stop, by a signal or in the database."""
    with suppress(*UNREACHABLE):  # there is no time to wait for it
        if stop_reason(context.db, context.opened.study_id) == STOP_NOW:
            log_event("ends", cause=f"the study is stopped: {STOP_NOW}")
            return DONE
    log_event("ends", cause="told to stop")
    return TOLD_TO_STOP


def train_drawn(context: Context, drawn: Drawn, stop: threading.Event) -> bool:
    """Trains one trial to its outcome, unless it is handed on or lost; returns whether it failed.

    Raises InputError, and StorageError where the artifact store cannot be used.
    """
    held, config = drawn
    log_event("starts", held.number)
    try:
        if isinstance(config, Outcome):  # of a trial that cannot be drawn
            return finish(context, held, config)
        try:
            outcome = run_trial(Assignment(on_its_fold(context, config), held, config, stop))
        except InputError as error:
            finish(context, held, failed(error))
            raise
        finally:
            context.heartbeat.rest()
            gc.collect()  # networks refer to themselves in circles, and hold much memory
        return finish(context, held, outcome)
    except HandedOn:
        log_event("is handed on", held.number, "told to stop")
        held.release()
    except LeaseLost as error:
        log_event("is lost", held.number, str(error))
    except UNREACHABLE as error:  # nothing is lost but this attempt
        log_event("is put back", held.number, one_line(error))
        held.release()
    except StorageError as error:  # a later process may find the artifact store again
        log_event("is put back", held.number, str(error))
        held.release()
        raise
    return False


def on_its_fold(context: Context, config: TrainConfig) -> Context:
    """The context with the data as a configuration splits them, where that is not how the study does.

    Raises InputError where they cannot be split so.
    """
    if config.data.fold == context.opened.plan.base.data.fold:
        return context
    return replace(context, dataset=open_dataset(config.data, Settings().decoded_data))


def finish(context: Context, held: HeldTrial, outcome: Outcome) -> bool:
    """Tells a trial's outcome, and clears up after it; returns whether it failed. Raises LeaseLost."""
    note_trial(context, held, outcome)
    held.tell(outcome)
    log_event("ends", held.number, str(outcome))
    held.close()
    clear_up(context)
    return outcome.state == TrialState.FAIL


def clear_up(context: Context) -> None:
    """Removes files of finished trials that nobody needs."""
    with suppress(OSError, StorageError):  # what is left over costs space alone
        sweep_files(context)


@waits_for_database
def failure_reason(context: Context) -> str | None:
    """Why this worker has to stop after failures, if it has to."""
    return stop_after_failures(context.db, context.opened.study_id, context.worker)


def memory_bytes() -> int:
    """The process's resident memory."""
    return int(psutil.Process().memory_info().rss)
