"""A worker that is told to stop: it may leave a last checkpoint only of a trial that is its own."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
import pytest
from sqlalchemy import create_engine

from search.worker import assignment as module
from search.worker.assignment import Assignment, HandedOn
from search.worker.context import Context
from search.worker.heartbeat import Heartbeat
from search.worker.held_trial import HeldTrial
from storage.artifacts.folder import Folder
from storage.database.connection import Database
from storage.errors import LeaseLost, StorageError
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
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "artifacts")


@pytest.fixture
def assignment(db: Database, claim: Claim, trial: optuna.Trial, store: Folder) -> Assignment:
    unused: Any = None
    context = Context(db, unused, unused, store, unused, OWNER, "host:0", "cpu", Heartbeat(None))
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


def test_a_store_that_is_there_is_not_waited_for(assignment: Assignment) -> None:
    assert not assignment.wait_for_store()


def test_a_store_that_is_away_is_waited_for(
    assignment: Assignment, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.root.touch()  # as where a file system is not mounted
    looks = list[None]()

    def come_back_at_the_third_look(pause_s: float) -> bool:
        looks.append(None)
        if len(looks) == 3:
            store.root.unlink()
        return False

    monkeypatch.setattr(assignment.stop, "wait", come_back_at_the_third_look)
    assert assignment.wait_for_store()
    assert len(looks) == 3 and store.root.is_dir()


def test_who_waits_for_the_store_hands_the_trial_on_when_told(assignment: Assignment, store: Folder) -> None:
    store.root.touch()
    assignment.stop.set()
    with pytest.raises(HandedOn):
        assignment.wait_for_store()


def test_a_store_that_stays_away_is_an_error(
    assignment: Assignment, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORE_WAIT_S", -1.0)
    store.root.touch()
    with pytest.raises(StorageError):
        assignment.wait_for_store()
