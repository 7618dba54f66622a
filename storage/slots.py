"""The statements of `storage/lease.py`, named and described. All run under the study's lock unless they say otherwise.

The database's clock is `clock_timestamp()`: `now()` stands still while a transaction waits for the lock.
A slot is live while it has an owner and its lease lasts. It is nameless while its worker is between claim, or a
duplicate told FAIL, and the next `name_trial`: it takes a place of the budget though no trial of it runs.
"""

from sqlalchemy import text

EXPIRES = "clock_timestamp() + make_interval(secs => :lease_s)"
LIVE = "(s.owner is not null and s.expires >= clock_timestamp())"
TAKEN = """(
    select count(*) from trials t
    where t.study_id = :study_id and t.state in ('COMPLETE', 'PRUNED', 'RUNNING'))"""
NAMELESS = f"""(
    select count(*) from unet_search_slots s left join trials t on t.trial_id = s.trial_id
    where s.study_id = :study_id and {LIVE} and (t.trial_id is null or t.state = 'FAIL'))"""

BUDGET = text("select budget, stop_reason from unet_search_studies where study_id = :study_id")

# Slots that hold nothing: their trial ended, or their lease did before there was a trial. A live one whose trial was
# told FAIL stays, since its worker is about to draw again.
SWEEP = text(f"""
    delete from unet_search_slots s
    where s.study_id = :study_id and (
      (s.trial_id is null and not {LIVE})
      or exists (select from trials t where t.trial_id = s.trial_id
                 and (t.state in ('COMPLETE', 'PRUNED') or (t.state <> 'RUNNING' and not {LIVE}))))""")

# An interrupted trial, the oldest first. `skip locked`: its owner may be renewing the lease at this moment.
TAKE_OVER = text(f"""
    update unet_search_slots set slot = :slot, owner = :owner, worker = :worker, expires = {EXPIRES}
    where slot = (
      select s.slot from unet_search_slots s join trials t on t.trial_id = s.trial_id
      where s.study_id = :study_id and t.state = 'RUNNING' and not {LIVE}
      order by t.number limit 1 for update of s skip locked)
    returning slot, trial_id""")

# A running trial without a slot, unless a nameless slot lives: the trial may have come of that one's `ask`.
ADOPT = text(f"""
    insert into unet_search_slots (slot, study_id, trial_id, owner, worker, expires)
    select :slot, t.study_id, t.trial_id, :owner, :worker, {EXPIRES} from trials t
    where t.study_id = :study_id and t.state = 'RUNNING' and {NAMELESS} = 0
      and not exists (select from unet_search_slots s where s.trial_id = t.trial_id)
    order by t.number limit 1
    returning slot, trial_id""")

# A free place.
NEW = text(f"""
    insert into unet_search_slots (slot, study_id, owner, worker, expires)
    select :slot, :study_id, :owner, :worker, {EXPIRES}
    where {TAKEN} + {NAMELESS} < :budget
    returning slot, trial_id""")

NAME = text("update unet_search_slots set trial_id = :trial_id where slot = :slot")

# The trial of a lost slot: beyond the budget it must not run; within it, it waits to be adopted.
GIVE_UP_SURPLUS = text(f"""
    update trials set state = 'FAIL', datetime_complete = clock_timestamp() at time zone 'utc'
    where trial_id = :trial_id and state = 'RUNNING'
      and not exists (select from unet_search_slots s where s.trial_id = :trial_id)
      and {TAKEN} + {NAMELESS} > (select budget from unet_search_studies where study_id = :study_id)""")

# Without the study's lock: one slot, or all of an owner, guarded by their row locks.
IS_MINE = text("select exists (select from unet_search_slots where slot = :slot and owner = :owner)")
RENEW = text(f"update unet_search_slots set expires = {EXPIRES} where owner = :owner")
CLOSE = text("delete from unet_search_slots where slot = :slot and owner = :owner")
_OWN = "owner = :owner and (cast(:slot as uuid) is null or slot = :slot)"
DROP_NAMELESS = text(f"delete from unet_search_slots where {_OWN} and trial_id is null")
RELEASE = text(f"update unet_search_slots set owner = null, expires = clock_timestamp() where {_OWN}")

# One snapshot of a study's places, without its lock.
PLACES = text(f"""
    select budget, {TAKEN} as taken, {NAMELESS} as nameless,
      (select count(*) from trials t where t.study_id = :study_id and t.state = 'RUNNING') as running
    from unet_search_studies where study_id = :study_id""")
