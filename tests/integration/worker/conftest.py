"""A trial in a worker's hands, on a real database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

import optuna
import psycopg2
import pytest

from search.worker.held_trial import HeldTrial
from storage.database.connection import Database
from storage.studies.leases import bind_trial, claim_slot

FIRST, SECOND = UUID(int=1), UUID(int=2)  # owners
Hold = Callable[..., HeldTrial]


@pytest.fixture
def hold(db: Database, study: optuna.Study) -> Hold:
    """Claims a slot for an owner, and holds its trial: a new one, or the one that is handed on."""

    def hold_trial(owner: UUID = FIRST, lease_s: float = 60.0) -> HeldTrial:
        claim = claim_slot(db, study._study_id, owner, f"worker {owner.int}", lease_s)
        assert claim is not None, "there must be something to claim"
        if claim.trial_id is not None:
            return HeldTrial(db, claim, owner, optuna.Trial(study, claim.trial_id))
        trial = study.ask()
        return HeldTrial(db, bind_trial(db, claim, trial._trial_id), owner, trial)

    return hold_trial


@pytest.fixture
def lost_replies(db: Database) -> Callable[[int], AbstractContextManager[None]]:
    """`lost_replies(count)`: so many of Optuna's commits are done, and the connection breaks before the reply."""

    @contextmanager
    def losing(count: int) -> Iterator[None]:
        dialect = db.storage._backend.engine.dialect  # type: ignore[attr-defined]
        commit, left = dialect.do_commit, [None] * count

        def commit_and_break(connection: Any) -> None:
            commit(connection)
            if left:
                left.pop()
                connection.close()
                raise psycopg2.OperationalError("server closed the connection unexpectedly")

        dialect.do_commit = commit_and_break
        try:
            yield
        finally:
            del dialect.do_commit
        assert not left, "fewer commits than replies that were to be lost"

    return losing
