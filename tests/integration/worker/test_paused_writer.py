"""A worker that is stopped (SIGSTOP) exactly between the check of its lease and the write overwrites nothing."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import optuna
import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.study.outcome import Outcome
from search.worker.held_trial import HeldTrial
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from storage.studies.leases import Claim, claim_slot, renew
from storage.studies.study import set_budget
from tests.integration.worker.conftest import FIRST, SECOND, Hold
from tests.integration.worker.paused_writer import CALLS

PATIENCE_S = 60.0
LONG_S, SHORT_S = 600, 1  # until the server ends the transaction of a process that stands still


@contextmanager
def paused(db: Database, claim: Claim, call: str, idle_s: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the claim's slot and has stopped between check and write; killed at the end."""
    arguments = [db.url, claim.slot, claim.study_id, claim.trial_id, call, idle_s]
    command = [sys.executable, "-m", "tests.integration.worker.paused_writer", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
            yield process
        finally:
            process.kill()


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "this never happened"
        time.sleep(0.02)


def resume(process: "subprocess.Popen[str]") -> str:
    """Lets the process go on to its end; returns what it says of its call."""
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    return out.strip()


def the_trial(study: optuna.Study) -> FrozenTrial:
    (trial,) = study.get_trials(deepcopy=False)
    return trial


@pytest.fixture
def first(db: Database, study: optuna.Study, hold: Hold) -> HeldTrial:
    """The only trial of the budget, under a lease that has ended."""
    set_budget(db, study._study_id, 1)
    return hold(FIRST, lease_s=0.0)


@pytest.mark.parametrize("call", CALLS)
def test_the_new_holders_writes_stay(
    db: Database, study: optuna.Study, first: HeldTrial, call: str, hold: Hold
) -> None:
    with paused(db, first.claim, call, SHORT_S) as process:
        taken: list[Claim] = []

        def take_over() -> bool:
            claim = claim_slot(db, study._study_id, SECOND, "second")
            taken.extend([claim] if claim else [])
            return claim is not None

        wait_for(take_over)  # once the server has ended the transaction of the stopped process
        assert taken[0].trial_id == first.claim.trial_id
        second = HeldTrial(db, taken[0], SECOND, optuna.Trial(study, the_trial(study)._trial_id))
        second.report({1: 0.875})
        second.write(TrialAttributes(worker="second"))
        if call == "tell":
            second.tell(Outcome(TrialState.COMPLETE, 0.5))
        before = the_trial(study)
        assert resume(process) == "lost"
    assert the_trial(study) == before
    assert before.user_attrs == {"worker": "second", "device_s": before.user_attrs["device_s"]}


@pytest.mark.parametrize("call", CALLS)
def test_nobody_takes_the_trial_over_between_check_and_write(
    db: Database, study: optuna.Study, first: HeldTrial, call: str
) -> None:
    with paused(db, first.claim, call, LONG_S) as process:
        assert claim_slot(db, study._study_id, SECOND, "second") is None
        assert resume(process) == "written"
    trial = the_trial(study)
    written = {
        "report": trial.intermediate_values == {1: 0.125},
        "attribute": trial.user_attrs.get("worker") == "first",
        "tell": (trial.state, trial.user_attrs.get("cause")) == (TrialState.PRUNED, "nan"),
    }
    assert written[call]
    after = claim_slot(db, study._study_id, SECOND, "second")
    assert (after is None) == (call == "tell")  # what is over is not handed on, and the budget is spent


def test_a_lease_is_renewed_while_its_owner_writes(db: Database, first: HeldTrial) -> None:
    with paused(db, first.claim, "report", LONG_S) as process:
        assert renew(db, FIRST) == 1  # does not wait for the write
        assert resume(process) == "written"
