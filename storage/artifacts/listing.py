"""Which files of studies and their trials the artifact store has."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import is_picture_id, is_trial_file, study_folders, weights_folder

# The ids of the files that Optuna or its dashboard attached to the study or its trials. A removed one's value is null.
_FILE_IDS = text("""
    select distinct substring(key from '[^:]*$') from (
      select key, value_json from study_system_attributes where study_id = :study_id
      union all
      select a.key, a.value_json from trial_system_attributes a join trials t using (trial_id)
      where t.study_id = :study_id) attributes
    where key ~ '^(dashboard:)?artifacts:' and value_json <> 'null' order by 1""")


def study_files(connection: Connection, artifacts: Artifacts, studies: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The existing pictures, checkpoints and weights of studies.

    Args:
        connection: to the database of the studies.
        artifacts: their artifact store.
        studies: ids of studies by name.

    Returns:
        By study name, the files' numbers of bytes by key.
    """
    pictures = artifacts.sizes()
    files = {}
    for name, study_id in studies.items():
        ids = filter(is_picture_id, connection.scalars(_FILE_IDS, {"study_id": study_id}))
        files[name] = {key: pictures[key] for key in ids if key in pictures}
        for folder in study_folders(name):
            files[name] |= {key: size for key, size in artifacts.sizes(folder).items() if is_trial_file(key)}
    return files


def list_weights(artifacts: Artifacts, study: str) -> dict[int, str]:
    """The keys of a study's weights, by the trial's number."""
    keys = filter(is_trial_file, artifacts.sizes(weights_folder(study)))
    return {int(key.rpartition("/")[2].removesuffix(".keras")): key for key in keys}
