"""The thread that renews leases goes on whatever happens in it."""

import threading
import time
from uuid import uuid4

import optuna
import pytest

from search.worker import background
from search.worker.background import renewing
from storage.database.connection import Database
from storage.studies.leases import claim_slot, is_held

LEASE_S = 1.5


def test_leases_are_renewed_after_an_error_that_nobody_thought_of(
    db: Database, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [RuntimeError("generator raised StopIteration"), ValueError("of a driver")]
    asked = background.stops_now

    def fail_twice(*arguments: object) -> bool:
        if errors:
            raise errors.pop()
        return asked(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(background, "stops_now", fail_twice)
    monkeypatch.setattr(background, "ASK_S", 0.05)
    owner = uuid4()
    claim = claim_slot(db, study._study_id, owner, "host:0", LEASE_S)
    assert claim is not None
    with renewing(db, owner, threading.Event(), LEASE_S):
        time.sleep(2 * LEASE_S)
        other = claim_slot(db, study._study_id, uuid4(), "host:1")  # would take a slot whose lease has ended
        assert not errors and is_held(db, claim, owner)
        assert other is not None and other.slot != claim.slot
