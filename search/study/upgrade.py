"""Studies of an older version: their configurations are known by today's digests, so that none is trained twice."""

from search.space.space import digest
from storage.database.connection import Database
from storage.studies.configurations import list_trial_configurations, replace_digest
from storage.studies.study import study_ids
from trainer.configfile import parse_config
from trainer.errors import InputError


def upgrade_digests(db: Database) -> int:
    """Computes the digest of each trial's configuration anew, as fields that came later change it.

    Returns:
        How many digests changed. A configuration with a field that is no more keeps its own.
    """
    changed = 0
    with db.engine.begin() as connection:
        for study_id in study_ids(connection).values():
            for trial in list_trial_configurations(connection, study_id):
                try:
                    current = digest(parse_config(trial.config), trial.repeat)
                except InputError:
                    continue
                if current != trial.digest:
                    replace_digest(connection, study_id, trial.trial_id, trial.digest, current)
                    changed += 1
    return changed
