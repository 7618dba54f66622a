"""Which files of studies and their trials the artifact store has."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import checkpoints_folder, is_picture_id, is_trial_file, study_folders, weights_folder

# The ids of the files that Optuna or its dashboard attached to the study or its trials. A removed one's value is null.
_FILE_IDS = text("""
    select distinct substring(key from '[^:]*$') from (
      select key, value_json from study_system_attributes where study_id = :study_id
      union all
      select a.key, a.value_json from trial_system_attributes a join trials t using (trial_id)
      where t.study_id = :study_id) attributes
    where key ~ '^(dashboard:)?artifacts:' and value_json <> 'null' order by 1""")


def picture_ids(connection: Connection, studies: Mapping[str, int]) -> dict[str, list[str]]:
    """The ids of the pictures that belong to studies, by study name, whether they exist or not.

    Args:
        connection: to the database of the studies.
        studies: ids of studies by name.
    """
    return {
        name: list(filter(is_picture_id, connection.scalars(_FILE_IDS, {"study_id": study_id})))
        for name, study_id in studies.items()
    }


def study_files(artifacts: Artifacts, pictures: Mapping[str, list[str]]) -> dict[str, dict[str, int]]:
    """The existing pictures, checkpoints and weights of studies. It may take long, so that no transaction is open.

    Args:
        artifacts: the studies' artifact store.
        pictures: the ids of their pictures by study name.

    Returns:
        By study name, the files' numbers of bytes by key.
    """
    existing = artifacts.sizes()
    files = {}
    for name, ids in pictures.items():
        files[name] = {key: existing[key] for key in ids if key in existing}
        for folder in study_folders(name):
            files[name] |= {key: size for key, size in artifacts.sizes(folder).items() if is_trial_file(key)}
    return files


def list_weights(artifacts: Artifacts, study: str) -> dict[int, str]:
    """The keys of a study's weights, by the trial's number."""
    return _by_number(artifacts, weights_folder(study))


def list_checkpoints(artifacts: Artifacts, study: str) -> dict[int, str]:
    """The keys of a study's checkpoints, by the trial's number."""
    return _by_number(artifacts, checkpoints_folder(study))


def _by_number(artifacts: Artifacts, folder: str) -> dict[int, str]:
    keys = filter(is_trial_file, artifacts.sizes(folder))
    return {int(key.rpartition("/")[2].removesuffix(".keras")): key for key in keys}
