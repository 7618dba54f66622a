"""Slots: places of a study's budget, each held by one worker under a lease, in a table of our own.

A claim is one short transaction under the study's lock; Optuna's `ask` follows outside it, then `name_trial`. So
complete + pruned + running trials never exceed the budget, however many workers there are. A lease ends by the
database's clock; then, or when its slot was released, the next claim hands the same trial on. A slot that moves gets
a new uuid: whatever its last holder still tries fails.
"""

from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from sqlalchemy import Connection

from storage import slots
from storage.database import Database
from storage.errors import LeaseLost
from storage.schema import lock
from storage.study import no_budget

LEASE_S = 60.0


@dataclass(frozen=True)
class Claim:
    """What a worker got: a slot, and in it the interrupted trial to go on with, or None to `ask` for a new one."""

    study_id: int
    slot: UUID
    trial_id: int | None  # Optuna's id, not the trial's number


@dataclass(frozen=True)
class Places:
    """What is left of a budget. A worker ends when both are 0; while something runs it may yet be handed on."""

    free: int
    running: int


def claim_slot(db: Database, study_id: int, owner: UUID, worker: str, lease_s: float = LEASE_S) -> Claim | None:
    """Takes an interrupted trial, or else a free place; None when there is neither or the study was stopped.

    Args:
        owner: the process that holds the lease and renews it.
        worker: its name, for people.
        lease_s: seconds until others may take the slot, unless renewed.
    """
    row = {"study_id": study_id, "slot": uuid4(), "owner": owner, "worker": worker, "lease_s": lease_s}
    with db.engine.begin() as connection:
        lock(connection, study_id)
        budget = _open_budget(connection, study_id)
        if budget is None:
            return None
        connection.execute(slots.SWEEP, row)
        for statement in (slots.TAKE_OVER, slots.ADOPT, slots.NEW):
            taken = connection.execute(statement, row | {"budget": budget}).one_or_none()
            if taken is not None:
                return Claim(study_id, taken.slot, taken.trial_id)
    return None


def name_trial(db: Database, claim: Claim, trial_id: int) -> Claim:
    """Writes into the slot which trial came of `ask`; gives the claim with it.

    Raises:
        LeaseLost: the lease ended before, and the slot went to others. The caller leaves the trial alone: the next
            claim goes on with it, or it was told FAIL here because the budget has no room for it.
    """
    row = {"study_id": claim.study_id, "slot": claim.slot, "trial_id": trial_id}
    with db.engine.begin() as connection:
        lock(connection, claim.study_id)  # so that nobody adopts the trial at this moment
        named = connection.execute(slots.NAME, row).rowcount == 1
        if not named:
            connection.execute(slots.GIVE_UP_SURPLUS, row)
    if not named:
        raise LeaseLost(f"a slot must be named before its lease ends; got trial id {trial_id} too late; claim again")
    return replace(claim, trial_id=trial_id)


def is_mine(db: Database, claim: Claim, owner: UUID) -> bool:
    """Whether the slot is still this owner's: an ended lease that nobody took counts. To ask before report and tell."""
    with db.engine.connect() as connection:
        return bool(connection.scalar(slots.IS_MINE, {"slot": claim.slot, "owner": owner}))


def renew(db: Database, owner: UUID, lease_s: float = LEASE_S) -> int:
    """Extends all leases of the owner to `lease_s` seconds from now; gives how many there were.

    Raises SQLAlchemy's errors alone; the caller tries again until the lease has run out.
    """
    with db.engine.begin() as connection:
        return connection.execute(slots.RENEW, {"owner": owner, "lease_s": lease_s}).rowcount


def release(db: Database, claim: Claim, owner: UUID) -> None:
    """Gives the slot back unfinished: its trial stays RUNNING in Optuna, and the next claim goes on with it."""
    _let_go(db, owner, claim.slot)


def release_owner(db: Database, owner: UUID) -> None:
    """Releases all slots of an owner, such as a process that died."""
    _let_go(db, owner, None)


def close(db: Database, claim: Claim, owner: UUID) -> None:
    """Removes the slot of a finished trial, after `tell`; a slot that another has by now is left alone."""
    with db.engine.begin() as connection:
        connection.execute(slots.CLOSE, {"slot": claim.slot, "owner": owner})


def places_left(db: Database, study_id: int) -> Places:
    """How many trials may still begin, and how many are under way (slots between claim and `ask` among them)."""
    with db.engine.connect() as connection:
        row = connection.execute(slots.PLACES, {"study_id": study_id}).one_or_none()
    if row is None or row.budget is None:
        raise no_budget(study_id)
    return Places(max(0, row.budget - row.taken - row.nameless), row.running + row.nameless)


def _open_budget(connection: Connection, study_id: int) -> int | None:
    """The number of trials; None for a stopped study."""
    row = connection.execute(slots.BUDGET, {"study_id": study_id}).one_or_none()
    if row is None or (row.budget is None and row.stop_reason is None):
        raise no_budget(study_id)
    return None if row.stop_reason is not None else row.budget


def _let_go(db: Database, owner: UUID, slot: UUID | None) -> None:
    row = {"owner": owner, "slot": slot}
    with db.engine.begin() as connection:
        connection.execute(slots.DROP_NAMELESS, row)
        connection.execute(slots.RELEASE, row)
