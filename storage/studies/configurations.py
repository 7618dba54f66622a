"""Which trial of a study has which configuration, so that none is trained twice."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from storage.database.connection import Database
from storage.studies.attributes import attribute_key

# Assigns a configuration to a trial unless it is assigned; returns the id of the trial that has it. Of two trials at
# once, the primary key decides.
_TAKE = text("""
    insert into unet_search_configurations as c (study_id, digest, trial_id) values (:study_id, :digest, :trial_id)
    on conflict (study_id, digest) do update set digest = excluded.digest
    returning trial_id""")
_RELEASE = text("delete from unet_search_configurations where trial_id = :trial_id")
# The first trial with the digest among its attributes, where waiting trials have it, too. A failed trial counts only
# if it took the configuration.
_FIND = text(f"""
    select t.number from trials t join trial_user_attributes a on a.trial_id = t.trial_id
    where t.study_id = :study_id and a.key = {attribute_key("digest")} and a.value_json = :value_json
      and (t.state <> 'FAIL' or exists (select from unet_search_configurations c where c.trial_id = t.trial_id))
    order by t.number limit 1""")
_HAD = text(f"""
    select exists (select from trials t join trial_user_attributes a on a.trial_id = t.trial_id
                   where t.study_id = :study_id and a.key = {attribute_key("digest")}
                     and a.value_json = :value_json)""")
_COUNT = text("select count(*) from unet_search_configurations where study_id = :study_id")
# The configuration of every trial that has one: the one that it was trained with, or waits to be trained with.
_GET_CONFIGURATIONS = text(f"""
    select t.trial_id, d.value_json as digest, coalesce(c.value_json, b.value_json) as config, r.value_json as repeat
    from trials t
    join trial_user_attributes d on d.trial_id = t.trial_id and d.key = {attribute_key("digest")}
    left join trial_user_attributes c on c.trial_id = t.trial_id and c.key = {attribute_key("config")}
    left join trial_user_attributes b on b.trial_id = t.trial_id and b.key = {attribute_key("base")}
    left join trial_user_attributes r on r.trial_id = t.trial_id and r.key = {attribute_key("repeat")}
    where t.study_id = :study_id and coalesce(c.value_json, b.value_json) is not null order by t.number""")
_SET_DIGEST = text(f"""
    update trial_user_attributes set value_json = :value_json
    where trial_id = :trial_id and key = {attribute_key("digest")}""")
# Unless another trial has the new digest.
_MOVE = text("""
    update unet_search_configurations c set digest = :digest
    where study_id = :study_id and digest = :before and trial_id = :trial_id
      and not exists (select from unet_search_configurations o where o.study_id = :study_id and o.digest = :digest)""")
# The digests of configurations that trials have, or wait to be trained with.
_GET_DIGESTS = text(f"""
    select digest from unet_search_configurations where study_id = :study_id
    union
    select trim(both '"' from a.value_json) from trials t join trial_user_attributes a on a.trial_id = t.trial_id
    where t.study_id = :study_id and t.state = 'WAITING' and a.key = {attribute_key("digest")}""")


def take_configuration(connection: Connection, study_id: int, digest: str, trial_id: int) -> bool:
    """Assigns a configuration, by its digest, to a trial; False where another trial of the study has it.

    A repetition for the same trial changes nothing and returns True.
    """
    holder = connection.scalar(_TAKE, {"study_id": study_id, "digest": digest, "trial_id": trial_id})
    return bool(holder == trial_id)


def release_configuration(connection: Connection, trial_id: int) -> None:
    """Makes the configuration of a trial that failed available to another one."""
    connection.execute(_RELEASE, {"trial_id": trial_id})


def find_configuration(connection: Connection, study_id: int, digest: str) -> int | None:
    """The number of the first trial that has the configuration or waits to be trained with it; None without one."""
    number: int | None = connection.scalar(_FIND, {"study_id": study_id, "value_json": json.dumps(digest)})
    return number


def had_configuration(connection: Connection, study_id: int, digest: str) -> bool:
    """Whether any trial has, waits for, or had the configuration, also one that failed and gave it back."""
    return bool(connection.scalar(_HAD, {"study_id": study_id, "value_json": json.dumps(digest)}))


def taken_digests(db: Database, study_id: int) -> set[str]:
    """The digests of all configurations that the study's trials have, or wait to be trained with."""
    with db.engine.connect() as connection:
        return set(connection.scalars(_GET_DIGESTS, {"study_id": study_id}))


@dataclass(frozen=True)
class TrialConfiguration:
    """A trial with its configuration, as tables, and the digest that it is known by."""

    trial_id: int
    config: dict[str, Any]
    digest: str
    repeat: int | None  # see `TrialAttributes`


def list_trial_configurations(connection: Connection, study_id: int) -> list[TrialConfiguration]:
    """The configurations of all trials of a study that were drawn or enqueued, by number."""
    rows = connection.execute(_GET_CONFIGURATIONS, {"study_id": study_id}).all()
    return [
        TrialConfiguration(
            row.trial_id,
            json.loads(row.config),
            json.loads(row.digest),
            None if row.repeat is None else int(row.repeat),
        )
        for row in rows
    ]


def replace_digest(connection: Connection, study_id: int, trial_id: int, before: str, digest: str) -> None:
    """Has a trial's configuration known by another digest."""
    row = {"study_id": study_id, "trial_id": trial_id, "before": before, "digest": digest}
    connection.execute(_MOVE, row)
    connection.execute(_SET_DIGEST, {"trial_id": trial_id, "value_json": json.dumps(digest)})


def count_configurations(db: Database, study_id: int) -> int:
    """How many different configurations the study has tried."""
    with db.engine.connect() as connection:
        return int(connection.scalar(_COUNT, {"study_id": study_id}) or 0)
