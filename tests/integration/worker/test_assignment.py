"""A worker that is told to stop: it may leave a last checkpoint only of a trial that is its own."""

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import optuna
import pytest
from sqlalchemy import create_engine

from search.worker.assignment import Assignment
from search.worker.context import Context
from search.worker.heartbeat import Heartbeat
from search.worker.held_trial import HeldTrial
from storage.database.connection import Database
from storage.errors import LeaseLost
from storage.studies.leases import Claim, bind_trial, claim_slot, release_owner
from trainer.config import TrainConfig

OWNER = uuid4()


@pytest.fixture
def trial(study: optuna.Study) -> optuna.Trial:
    return study.ask()


@pytest.fixture
def claim(db: Database, study: optuna.Study, trial: optuna.Trial) -> Claim:
    claim = claim_slot(db, study._study_id, OWNER, "host:0")
    assert claim is not None
    return bind_trial(db, claim, trial._trial_id)


@pytest.fixture
def assignment(db: Database, claim: Claim, trial: optuna.Trial) -> Assignment:
    unused: Any = None
    context = Context(db, unused, unused, unused, unused, OWNER, "host:0", "cpu", Heartbeat(None))
    return Assignment(context, HeldTrial(db, claim, OWNER, trial), TrainConfig(), threading.Event())


def test_it_stops_when_told(assignment: Assignment) -> None:
    assert not assignment.should_stop()
    assignment.stop.set()
    assert assignment.should_stop()


def test_a_trial_that_another_worker_has_is_not_stopped_but_lost(db: Database, assignment: Assignment) -> None:
    release_owner(db, OWNER)
    assert claim_slot(db, assignment.held.claim.study_id, uuid4(), "host:1") is not None
    assert not assignment.should_stop()  # the next report finds out
    assignment.stop.set()
    with pytest.raises(LeaseLost, match="got trial 0, which another one has"):
        assignment.should_stop()


def test_it_stops_though_the_database_is_away(assignment: Assignment, claim: Claim, trial: optuna.Trial) -> None:
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:9/none")
    held = HeldTrial(Database("", engine), claim, OWNER, trial)
    assignment.stop.set()
    assert replace(assignment, held=held).should_stop()
    engine.dispose()
