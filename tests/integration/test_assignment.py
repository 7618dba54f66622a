"""A worker that is told to stop: it may leave a last checkpoint only of a trial that is its own."""

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import optuna
import pytest
from sqlalchemy import create_engine

from search.assignment import Assignment
from search.devicetime import DeviceTime
from search.session import Session
from search.watchdog import Beats
from storage.database import Database
from storage.errors import LeaseLost
from storage.lease import claim_slot, name_trial, release_owner
from trainer.config import TrainConfig


@pytest.fixture
def assigned(db: Database, study: optuna.Study) -> Assignment:
    unused: Any = None
    session = Session(db, unused, unused, unused, unused, uuid4(), "host:0", "cpu", Beats(None))
    claim, trial = claim_slot(db, study._study_id, session.owner, session.worker), study.ask()
    assert claim is not None
    claim = name_trial(db, claim, trial._trial_id)
    return Assignment(session, claim, trial, TrainConfig(), DeviceTime(trial), threading.Event())


def lose(assigned: Assignment) -> None:
    session, claim = assigned.session, assigned.claim
    release_owner(session.db, session.owner)
    assert claim_slot(session.db, claim.study_id, uuid4(), "host:1") is not None


def test_it_stops_when_told(assigned: Assignment) -> None:
    assert not assigned.should_stop()
    assigned.stop.set()
    assert assigned.should_stop()


def test_a_trial_that_another_worker_has_is_not_stopped_but_lost(assigned: Assignment) -> None:
    lose(assigned)
    assert not assigned.should_stop()  # the next report finds out
    assigned.stop.set()
    with pytest.raises(LeaseLost, match="trial 0 has another one"):
        assigned.should_stop()


def test_it_stops_though_the_database_is_away(assigned: Assignment) -> None:
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:9/none")
    away = replace(assigned.session, db=Database("", engine))
    assigned.stop.set()
    assert replace(assigned, session=away).should_stop()
    engine.dispose()
