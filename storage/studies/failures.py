"""How many trials in a row failed, by the worker and the host that trained them."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from storage.database.connection import Database
from storage.studies.attributes import NOT_TRAINED, attribute_key, study_attribute_key
from storage.studies.leases import LIVE

# The host of a worker called HOST:INDEX.
_HOST = "regexp_replace({worker}, ':[^:]*$', '')"

# Finished trials that count, with their worker: good ones (complete, or chosen by the pruner) and failed ones. What a
# configuration alone is to blame for, such as too little memory, is neither.
_OUTCOMES = f"""
    select trim(both '"' from w.value_json) as worker, t.number, t.state, t.datetime_complete, c.value_json as cause
    from trials t
    join trial_user_attributes w on w.trial_id = t.trial_id and w.key = {attribute_key("worker")}
    left join trial_user_attributes c on c.trial_id = t.trial_id and c.key = {attribute_key("cause")}
    where t.study_id = :study_id and t.number > :counted_to and case
      when t.state = 'FAIL' then c.value_json <> all(:not_trained)
      else t.state in ('COMPLETE', 'PRUNED') and c.value_json is null end"""

# For each worker, and for each host of which several workers fail, the failed trials since its last good one, with the
# cause of the latest.
_STREAKS = text(f"""
    with outcomes as ({_OUTCOMES}),
    named as (
      select worker as name, false as is_host, outcomes.* from outcomes
      union all select {_HOST.format(worker="worker")}, true, outcomes.* from outcomes),
    good as (select name, is_host, max(datetime_complete) as at from named where state <> 'FAIL' group by 1, 2)
    select name, is_host, count(*) as failures, min(datetime_complete) as since,
      (array_agg(cause order by datetime_complete desc, number desc))[1] as cause
    from named left join good using (name, is_host)
    where state = 'FAIL' and (at is null or datetime_complete > at) group by 1, 2
    having not is_host or count(distinct worker) > 1""")

# When each worker's last good trial ended.
_GOOD = text(f"""
    with outcomes as ({_OUTCOMES})
    select worker, max(datetime_complete) as at from outcomes where state <> 'FAIL' group by worker""")

# Workers with a live slot.
_AT_WORK = text(f"""
    select distinct s.worker from unet_search_slots s where s.study_id = :study_id and {LIVE}""")
_GET_COUNTED_TO = text(f"""
    select value_json from study_user_attributes
    where study_id = :study_id and key = {study_attribute_key("failures_counted_to")}""")


@dataclass(frozen=True)
class Streak:
    """Failed trials in a row."""

    failures: int
    cause: str  # of the latest
    since: datetime  # when the first of them ended


NO_STREAK = Streak(0, "", datetime.max)


@dataclass(frozen=True)
class Streaks:
    """The streaks of a study at one moment; who has none is missing."""

    workers: dict[str, Streak]
    hosts: dict[str, Streak]
    good: dict[str, datetime]  # when each worker's last good trial ended
    at_work: frozenset[str]  # workers with a live slot

    def since(self, moment: datetime) -> frozenset[str]:
        """Workers that are at work, or have ended a good trial since: between two trials a worker has no slot."""
        return self.at_work | {worker for worker, at in self.good.items() if at >= moment}

    def of(self, worker: str) -> Streak:
        """The longer one of a worker's own streak and its host's."""
        streaks = (self.workers.get(worker, NO_STREAK), self.hosts.get(host_of(worker), NO_STREAK))
        return max(streaks, key=lambda streak: streak.failures)


def host_of(worker: str) -> str:
    """The host of a worker called HOST:INDEX."""
    return worker.rpartition(":")[0] or worker


def read_streaks(db: Database, study_id: int) -> Streaks:
    """The streaks of failures of all workers and hosts of a study, since it was last resumed."""
    with db.engine.connect() as connection:
        counted_to = json.loads(connection.scalar(_GET_COUNTED_TO, {"study_id": study_id}) or "-1")
        not_trained = [json.dumps(cause) for cause in NOT_TRAINED]
        parameters = {"study_id": study_id, "not_trained": not_trained, "counted_to": counted_to}
        found = connection.execute(_STREAKS, parameters).all()
        good = {row.worker: row.at for row in connection.execute(_GOOD, parameters)}
        at_work = frozenset(connection.scalars(_AT_WORK, {"study_id": study_id}))
    streaks = {(row.is_host, row.name): Streak(row.failures, str(json.loads(row.cause)), row.since) for row in found}
    return Streaks(
        workers={name: streak for (is_host, name), streak in streaks.items() if not is_host},
        hosts={name: streak for (is_host, name), streak in streaks.items() if is_host},
        good=good,
        at_work=at_work,
    )
