"""One worker process: claims a slot, trains its trial, tells, again, until the study has no place left.

Started by `search/pool.py` as `python -m search.worker` with DATABASE_URL and the engine's settings in its environment.
Exit status: 0 done, 2 bad input (one line on standard error), 3 stopped by failures, 75 grown too
large and to be started again, 143 told to stop.
"""

import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from optuna.trial import TrialState

from search.assignment import HandedOn
from search.drawing import Drawer, Drawn
from search.ending import describe, failed, one_line, stop_after_failures, stopped_by_failures, tell
from search.engine import choose_engine
from search.growth import Growth
from search.lifeline import TOLD_TO_STOP, catch_signals, follow_parent, renewing
from search.log import refusal, say, start_log
from search.notebook import note_trial
from search.objective import run_trial
from search.order import Order, parse
from search.patience import AWAY, connect_patiently, patiently
from search.plan import question
from search.session import Session
from search.study import open_study
from search.tools import load_tools
from search.watchdog import Beats, standard_input
from search.weights import sweep_weights
from storage.artifacts import open_artifacts, remove_checkpoint
from storage.database import Database
from storage.errors import LeaseLost, StorageError
from storage.lease import Claim, claim_slot, close, is_mine, places_left, release, release_owner
from storage.settings import Settings
from storage.study import STOP_NOW, freeze_question, stop_reason
from trainer.dataset import open_dataset
from trainer.errors import InputError

DONE, BAD_INPUT, FAILURES, GROWN = 0, 2, 3, 75
POLL_S = 1.0  # while other workers' trials may yet be handed on


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one worker to its end; gives the exit status."""
    order = parse(argv)
    stop = threading.Event()
    catch_signals(stop)
    try:
        start_log(order.worker)
        say("starts", cause=f"{order.device}, process {os.getpid()}")
        db = connect_patiently(os.environ.get("DATABASE_URL", ""), stop)
        follow_parent(stop, db, order.owner)
        with renewing(db, order.owner, stop):
            return work(open_session(db, order), stop)
    except (InputError, StorageError) as error:
        if stop.is_set():
            return TOLD_TO_STOP
        # The supervisor shows the log's last line.
        print(refusal(str(error), order.worker), file=sys.stderr, flush=True)  # noqa: T201
        return BAD_INPUT


def open_session(db: Database, order: Order) -> Session:
    """Everything that the worker needs, checked against the study's question."""
    opened = open_study(db, order.study, order.data)
    artifacts = open_artifacts(Settings())
    dataset = open_dataset(opened.plan.base.data)
    asked = question(opened.plan, dataset.fingerprint, choose_engine(), order.deterministic)
    freeze_question(db, opened.study_id, asked)
    tools = load_tools(order.tools)
    if order.gpu:
        tools.require_gpu()
    beats = Beats(standard_input())
    return Session(db, opened, dataset, artifacts, tools, order.owner, order.worker, order.device, beats)


def work(session: Session, stop: threading.Event) -> int:
    """The loop; gives the exit status."""
    drawer, growth = Drawer(session), Growth()
    while not stop.is_set():
        drawn = patiently(lambda: _next(session, drawer))
        if drawn is not None:
            _run(session, drawn, stop)
            if growth.exceeds_limit():
                say("has grown too large and makes way for a new one")
                return GROWN
        elif (status := patiently(lambda: _finished(session, drawer))) is not None:
            return status
        else:
            stop.wait(POLL_S)
    return _told_to_stop(session)


def _told_to_stop(session: Session) -> int:
    """The exit status of a worker that was told to stop, by a signal or in the database."""
    with suppress(*AWAY):  # there is no time to wait for it
        if stop_reason(session.db, session.opened.study_id) == STOP_NOW:
            say("ends", cause=f"the study is stopped: {STOP_NOW}")
            return DONE
    say("ends", cause="told to stop")
    return TOLD_TO_STOP


def _next(session: Session, drawer: Drawer) -> Drawn | None:
    """A trial to train, if a slot is free and the space has one."""
    release_owner(session.db, session.owner)  # what an attempt that the database cut off may have left
    claim = claim_slot(session.db, session.opened.study_id, session.owner, session.worker)
    if claim is None:
        return None
    try:
        return drawer.start(claim) if claim.trial_id is None else drawer.go_on(claim)
    except LeaseLost as error:
        say("has lost its slot", cause=str(error))
        return None


def _finished(session: Session, drawer: Drawer) -> int | None:
    """The exit status when there is nothing left to do, now or later; None to ask again."""
    study_id = session.opened.study_id
    reason = stop_reason(session.db, study_id)
    if reason is not None:
        say("ends", cause=f"the study is stopped: {reason}")
        return FAILURES if stopped_by_failures(reason) else DONE
    places = places_left(session.db, study_id)
    if places.running == 0 and (places.free == 0 or drawer.exhausted()):
        say("ends", cause="every trial is done")
        return DONE
    return None


def _run(session: Session, drawn: Drawn, stop: threading.Event) -> None:
    claim, trial, config = drawn
    say("starts", trial.number)
    try:
        ending = run_trial(session, claim, trial, config, stop)
    except HandedOn:
        say("is handed on", trial.number, "told to stop")
        patiently(lambda: release(session.db, claim, session.owner))
        return
    except LeaseLost as error:
        say("is lost", trial.number, str(error))
        return
    except AWAY as error:  # in a call that does not wait for it: nothing is lost but this attempt
        say("is put back", trial.number, one_line(error))
        patiently(lambda: release(session.db, claim, session.owner))
        return
    except InputError as error:
        note_trial(session, claim, trial, failed(error))
        tell(trial, failed(error))
        _clear(session, claim, trial.number)
        raise
    finally:
        session.beats.rest()
    note_trial(session, claim, trial, ending)
    if patiently(lambda: is_mine(session.db, claim, session.owner)):
        patiently(lambda: tell(trial, ending))
        say("ends", trial.number, describe(ending))
        _clear(session, claim, trial.number)
        if ending.state == TrialState.FAIL and (reason := _stop_after_failures(session)):
            say("stops the study", cause=reason)


def _stop_after_failures(session: Session) -> str | None:
    return patiently(lambda: stop_after_failures(session.db, session.opened))


def _clear(session: Session, claim: Claim, number: int) -> None:
    patiently(lambda: close(session.db, claim, session.owner))
    with suppress(OSError, StorageError):  # the trial is told: what is left over costs space alone
        remove_checkpoint(session.artifacts, session.opened.plan.study.name, number)
        patiently(lambda: sweep_weights(session))


if __name__ == "__main__":
    sys.exit(main())
