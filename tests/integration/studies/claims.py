"""Two owners, and what they do in one line."""

from uuid import UUID, uuid4

import optuna
from sqlalchemy import text

from storage.database.connection import Database
from storage.studies.leases import Claim, bind_trial, claim_slot

A, B = uuid4(), uuid4()


def claim(db: Database, study: optuna.Study, owner: UUID, **kwargs: float) -> Claim | None:
    return claim_slot(db, study._study_id, owner, f"worker {owner}", **kwargs)


def begin_trial(db: Database, study: optuna.Study, owner: UUID, **kwargs: float) -> tuple[Claim, optuna.Trial]:
    taken = claim(db, study, owner, **kwargs)
    assert taken is not None and taken.trial_id is None
    trial = study.ask()
    return bind_trial(db, taken, trial._trial_id), trial


def end_leases(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("update unet_search_slots set expires = clock_timestamp() - interval '1 second'"))
