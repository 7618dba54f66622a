"""Which trial of a study has which configuration, so that none is trained twice."""

import json

from sqlalchemy import Connection, text

from storage.database.connection import Database
from storage.studies.attributes import attribute_key

# Assigns a configuration to a trial unless it is assigned; returns the id of the trial that has it. Of two trials at
# once, the primary key decides.
_TAKE = text("""
    insert into unet_search_configurations as c (study_id, digest, trial_id) values (:study_id, :digest, :trial_id)
    on conflict (study_id, digest) do update set digest = excluded.digest
    returning trial_id""")
# The first trial with the digest among its attributes, where waiting trials have it, too. A failed trial counts only
# if it took the configuration.
_FIND = text(f"""
    select t.number from trials t join trial_user_attributes a on a.trial_id = t.trial_id
    where t.study_id = :study_id and a.key = {attribute_key("digest")} and a.value_json = :value_json
      and (t.state <> 'FAIL' or exists (select from unet_search_configurations c where c.trial_id = t.trial_id))
    order by t.number limit 1""")
_COUNT = text("select count(*) from unet_search_configurations where study_id = :study_id")


def take_configuration(connection: Connection, study_id: int, digest: str, trial_id: int) -> bool:
    """Assigns a configuration, by its digest, to a trial; False where another trial of the study has it.

    A repetition for the same trial changes nothing and returns True.
    """
    holder = connection.scalar(_TAKE, {"study_id": study_id, "digest": digest, "trial_id": trial_id})
    return bool(holder == trial_id)


def find_configuration(connection: Connection, study_id: int, digest: str) -> int | None:
    """The number of the first trial that has the configuration or waits to be trained with it; None without one."""
    number: int | None = connection.scalar(_FIND, {"study_id": study_id, "value_json": json.dumps(digest)})
    return number


def count_configurations(db: Database, study_id: int) -> int:
    """How many different configurations the study has tried."""
    with db.engine.connect() as connection:
        return int(connection.scalar(_COUNT, {"study_id": study_id}) or 0)
