"""Which configurations a study has tried, so that none is trained twice by accident."""

import json

from sqlalchemy import Connection, text

from storage.database.connection import Database
from storage.studies.attributes import attribute_key

# The primary key decides a race: one of two trials gets in, the other sees whose it is.
TAKE = text("""
    insert into unet_search_configurations as c (study_id, digest, trial_id) values (:study_id, :digest, :trial_id)
    on conflict (study_id, digest) do update set digest = excluded.digest
    returning trial_id""")
# By its digest, which a waiting trial has too; one that failed before it took its configuration does not count.
FIND = text(f"""
    select t.number from trials t join trial_user_attributes a on a.trial_id = t.trial_id
    where t.study_id = :study_id and a.key = {attribute_key("digest")} and a.value_json = :value_json
      and (t.state <> 'FAIL' or exists (select from unet_search_configurations c where c.trial_id = t.trial_id))
    order by t.number limit 1""")
COUNT = text("select count(*) from unet_search_configurations where study_id = :study_id")


def take_configuration(connection: Connection, study_id: int, digest: str, trial_id: int) -> bool:
    """Assigns a configuration, by its digest, to a trial; False when another trial of the study has it.

    To be repeated as often as one likes: the first trial keeps it.
    """
    holder = connection.scalar(TAKE, {"study_id": study_id, "digest": digest, "trial_id": trial_id})
    return bool(holder == trial_id)


def find_configuration(connection: Connection, study_id: int, digest: str) -> int | None:
    """The number of the first trial that has a configuration or waits to be trained with it."""
    number: int | None = connection.scalar(FIND, {"study_id": study_id, "value_json": json.dumps(digest)})
    return number


def count_configurations(db: Database, study_id: int) -> int:
    """How many different configurations the study has tried."""
    with db.engine.connect() as connection:
        return int(connection.scalar(COUNT, {"study_id": study_id}) or 0)
