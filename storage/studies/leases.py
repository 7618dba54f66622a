"""Slots: places in a study's budget, each held by one worker under a lease, in a table of our own.

A claim is one short transaction under the study's lock; Optuna's `ask` follows outside it, then `bind_trial`. So
complete + pruned + running trials never exceed the budget, however many workers there are. A lease ends by the
database's clock. Once it has ended, or the slot was released, the next claim hands the same trial on. A slot that is
handed on gets a new uuid, so that whatever its last holder still tries fails.

The clock is `clock_timestamp()`: `now()` stands still while a transaction waits for the lock. A slot is live while it
has an owner and its lease lasts. A live slot is unbound while its worker is between claim and `bind_trial`, or has
told a duplicate FAIL and draws again: it counts towards the budget although no trial of it runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from storage.database.connection import Database, joined_transaction
from storage.database.schema import lock
from storage.errors import LeaseLost
from storage.studies.attributes import SURPLUS, attribute_key
from storage.studies.study import no_budget

LEASE_S = 60.0

_EXPIRES = "clock_timestamp() + make_interval(secs => :lease_s)"
LIVE = "(s.owner is not null and s.expires >= clock_timestamp())"
_TAKEN = """(
    select count(*) from trials t
    where t.study_id = :study_id and t.state in ('COMPLETE', 'PRUNED', 'RUNNING'))"""
_UNBOUND = f"""(
    select count(*) from unet_search_slots s left join trials t on t.trial_id = s.trial_id
    where s.study_id = :study_id and {LIVE} and (t.trial_id is null or t.state = 'FAIL'))"""

_GET_BUDGET = text("select budget, stop_reason from unet_search_studies where study_id = :study_id")

# Deletes slots that hold nothing: their trial has finished, or their lease ended before they had one. A live slot whose
# trial was told FAIL stays, since its worker is about to draw again.
_SWEEP = text(f"""
    delete from unet_search_slots s
    where s.study_id = :study_id and (
      (s.trial_id is null and not {LIVE})
      or exists (select from trials t where t.trial_id = s.trial_id
                 and (t.state in ('COMPLETE', 'PRUNED') or (t.state <> 'RUNNING' and not {LIVE}))))""")

# Takes over an interrupted trial, the oldest first. `skip locked` passes over a slot whose owner renews its lease or
# writes to its trial at this moment.
_TAKE_OVER = text(f"""
    update unet_search_slots set slot = :slot, owner = :owner, worker = :worker, expires = {_EXPIRES}
    where slot = (
      select s.slot from unet_search_slots s join trials t on t.trial_id = s.trial_id
      where s.study_id = :study_id and t.state = 'RUNNING' and not {LIVE}
      order by t.number limit 1 for update of s skip locked)
    returning slot, trial_id""")

# Takes a running trial without a slot, unless there is an unbound slot: the trial may have come of that one's `ask`.
_ADOPT = text(f"""
    insert into unet_search_slots (slot, study_id, trial_id, owner, worker, expires)
    select :slot, t.study_id, t.trial_id, :owner, :worker, {_EXPIRES} from trials t
    where t.study_id = :study_id and t.state = 'RUNNING' and {_UNBOUND} = 0
      and not exists (select from unet_search_slots s where s.trial_id = t.trial_id)
    order by t.number limit 1
    returning slot, trial_id""")

# Makes a new slot where the budget has room.
_NEW = text(f"""
    insert into unet_search_slots (slot, study_id, owner, worker, expires)
    select :slot, :study_id, :owner, :worker, {_EXPIRES}
    where {_TAKEN} + {_UNBOUND} < :budget
    returning slot, trial_id""")

_BIND = text("update unet_search_slots set trial_id = :trial_id where slot = :slot")

# Fails running trials without a slot that exceed the budget, the latest first: a lost reply makes Optuna create a
# trial twice, and a worker may die between `ask` and `bind_trial`. Those within the budget wait to be adopted.
# Nothing is done while there is an unbound slot, since one of the trials may have come of that one's `ask`.
_FAIL_SURPLUS = text(f"""
    with surplus as (
      update trials set state = 'FAIL', datetime_complete = clock_timestamp() at time zone 'utc'
      where trial_id in (
        select t.trial_id from trials t
        where t.study_id = :study_id and t.state = 'RUNNING'
          and not exists (select from unet_search_slots s where s.trial_id = t.trial_id)
        order by t.number desc
        limit case when {_UNBOUND} = 0 then greatest(0, {_TAKEN} - :budget) else 0 end)
      returning trial_id)
    insert into trial_user_attributes (trial_id, key, value_json)
    select trial_id, {attribute_key("cause")}, '"{SURPLUS}"' from surplus
    on conflict (trial_id, key) do update set value_json = excluded.value_json""")

# What follows runs without the study's lock, on one slot or all slots of an owner, guarded by their row locks.

# A key share lock makes a take-over skip the row, and lets the owner renew its lease meanwhile.
_HOLD = text("select from unet_search_slots where slot = :slot and owner = :owner for key share")
_IS_HELD = text("select exists (select from unet_search_slots where slot = :slot and owner = :owner)")
_RENEW = text(f"update unet_search_slots set expires = {_EXPIRES} where owner = :owner")
_CLOSE = text("delete from unet_search_slots where slot = :slot and owner = :owner")
_OWN = "owner = :owner and (cast(:slot as uuid) is null or slot = :slot)"
_DROP_UNBOUND = text(f"delete from unet_search_slots where {_OWN} and trial_id is null")
_RELEASE = text(f"update unet_search_slots set owner = null, expires = clock_timestamp() where {_OWN}")

# Whether a claim would do anything: a slot is free or interrupted, or a running trial has none.
_MAY_CLAIM = text(f"""
    select stop_reason is null and (
      {_TAKEN} + {_UNBOUND} < budget
      or exists (select from trials t left join unet_search_slots s on s.trial_id = t.trial_id
                 where t.study_id = :study_id and t.state = 'RUNNING' and not coalesce({LIVE}, false)
                   and (s.slot is not null or {_UNBOUND} = 0)))
    from unet_search_studies where study_id = :study_id""")

# One snapshot of what is left of a budget.
_BUDGET_LEFT = text(f"""
    select budget, {_TAKEN} as taken, {_UNBOUND} as unbound,
      (select count(*) from trials t where t.study_id = :study_id and t.state = 'RUNNING') as running
    from unet_search_studies where study_id = :study_id""")


@dataclass(frozen=True)
class Claim:
    """A slot that a worker got, with the interrupted trial in it; without one the worker asks for a new trial."""

    study_id: int
    slot: UUID
    trial_id: int | None  # Optuna's id, not the trial's number


@dataclass(frozen=True)
class Budget:
    """What is left of a budget. A worker ends when both are 0: a running trial may yet be handed on."""

    free: int
    running: int


def claim_slot(db: Database, study_id: int, owner: UUID, worker: str, lease_s: float = LEASE_S) -> Claim | None:
    """Takes an interrupted trial, or else a free slot; None when there is neither or the study was stopped.

    Args:
        owner: the process that holds the lease and renews it.
        worker: its name, for people.
        lease_s: seconds until others may take the slot over, unless the lease is renewed.
    """
    row = {"study_id": study_id, "slot": uuid4(), "owner": owner, "worker": worker, "lease_s": lease_s}
    with db.engine.begin() as connection:
        lock(connection, study_id)
        budget = _open_budget(connection, study_id)
        if budget is None:
            return None
        row |= {"budget": budget}
        connection.execute(_SWEEP, row)
        connection.execute(_FAIL_SURPLUS, row)
        for statement in (_TAKE_OVER, _ADOPT, _NEW):
            taken = connection.execute(statement, row).one_or_none()
            if taken is not None:
                return Claim(study_id, taken.slot, taken.trial_id)
    return None


def may_claim(db: Database, study_id: int) -> bool:
    """Whether `claim_slot` may find something, as far as can be seen without its lock; for workers that wait."""
    with db.engine.connect() as connection:
        return connection.scalar(_MAY_CLAIM, {"study_id": study_id}) is not False


def bind_trial(db: Database, claim: Claim, trial_id: int) -> Claim:
    """Binds the trial that came of `ask` to the slot; returns the claim with it.

    Raises:
        LeaseLost: the lease ended before, and the slot went to another worker. The caller leaves the trial alone: a
            later claim adopts it, or fails it where the budget has no room.
    """
    row = {"study_id": claim.study_id, "slot": claim.slot, "trial_id": trial_id}
    with db.engine.begin() as connection:
        lock(connection, claim.study_id)  # so that nobody adopts the trial at this moment
        bound = connection.execute(_BIND, row).rowcount == 1
    if not bound:
        raise LeaseLost(f"a trial must be bound before its slot's lease ends; got trial id {trial_id} too late")
    return replace(claim, trial_id=trial_id)


@contextmanager
def holding(db: Database, claim: Claim, owner: UUID) -> Iterator[Connection]:
    """A transaction during which nobody can take the slot over; all that Optuna writes in this thread is part of it.

    An ended lease that nobody took over still counts. A process that is stopped inside loses the transaction after
    the engine's IDLE_S, and with it all that it wrote.

    Raises:
        LeaseLost: another worker has the slot.
    """
    with joined_transaction(db) as connection:
        if connection.execute(_HOLD, {"slot": claim.slot, "owner": owner}).one_or_none() is None:
            raise LeaseLost(f"a slot must belong to the worker that writes; got {claim.slot}, which another one has")
        yield connection


def is_held(db: Database, claim: Claim, owner: UUID) -> bool:
    """Whether the slot is still this owner's; what depends on the answer and is written is to be inside `holding`."""
    with db.engine.connect() as connection:
        return bool(connection.scalar(_IS_HELD, {"slot": claim.slot, "owner": owner}))


def renew(db: Database, owner: UUID, lease_s: float = LEASE_S) -> int:
    """Extends all leases of the owner to `lease_s` seconds from now; returns how many there were.

    Raises SQLAlchemy's errors alone; the caller tries again until the lease has run out.
    """
    with db.engine.begin() as connection:
        return connection.execute(_RENEW, {"owner": owner, "lease_s": lease_s}).rowcount


def release(db: Database, claim: Claim, owner: UUID) -> None:
    """Releases the slot of an unfinished trial: it stays RUNNING in Optuna, and the next claim hands it on."""
    _release(db, owner, claim.slot)


def release_owner(db: Database, owner: UUID) -> None:
    """Releases all slots of an owner, such as a process that died."""
    _release(db, owner, None)


def close_slot(db: Database, claim: Claim, owner: UUID) -> None:
    """Removes the slot of a finished trial, after `tell`; one that another worker has by now is left alone."""
    with db.engine.begin() as connection:
        connection.execute(_CLOSE, {"slot": claim.slot, "owner": owner})


def budget_left(db: Database, study_id: int) -> Budget:
    """How many trials may still begin, and how many are running, unbound slots among them."""
    with db.engine.connect() as connection:
        row = connection.execute(_BUDGET_LEFT, {"study_id": study_id}).one_or_none()
    if row is None or row.budget is None:
        raise no_budget(study_id)
    return Budget(max(0, row.budget - row.taken - row.unbound), row.running + row.unbound)


def _open_budget(connection: Connection, study_id: int) -> int | None:
    """The number of trials; None for a stopped study."""
    row = connection.execute(_GET_BUDGET, {"study_id": study_id}).one_or_none()
    if row is None or (row.budget is None and row.stop_reason is None):
        raise no_budget(study_id)
    return None if row.stop_reason is not None else row.budget


def _release(db: Database, owner: UUID, slot: UUID | None) -> None:
    row = {"owner": owner, "slot": slot}
    with db.engine.begin() as connection:
        connection.execute(_DROP_UNBOUND, row)
        connection.execute(_RELEASE, row)
