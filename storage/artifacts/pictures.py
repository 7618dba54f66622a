"""Pictures of trials as Optuna's dashboard knows them: files in the artifact store, named by system attributes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.artifacts.folder import unwritable
from storage.artifacts.interface import Artifacts

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

PREFIX = "artifacts:"  # begins the keys of Optuna's system attributes that name files, before the file's id


def write_picture(artifacts: Artifacts, artifact_id: str, picture: Path) -> None:
    """Copies a picture into the store; nothing names it yet. Raises StorageError."""
    try:
        with picture.open("rb") as content:
            artifacts.store.write(artifact_id, content)
    except OSError as error:
        raise unwritable(artifacts, error) from error


def name_picture(storage: "BaseStorage", trial_id: int, artifact_id: str, name: str) -> set[str]:
    """Makes a stored PNG the trial's picture of that file name; returns the ids of those that it replaces."""
    from optuna.artifacts import ArtifactMeta

    earlier = {key for named, key in list_pictures(storage.get_trial_system_attrs(trial_id)) if named == name}
    replaced = earlier - {artifact_id}
    for key in replaced:
        storage.set_trial_system_attr(trial_id, PREFIX + key, json.dumps(None))  # as the dashboard removes one
    meta = ArtifactMeta(artifact_id=artifact_id, filename=name, mimetype="image/png", encoding=None)
    storage.set_trial_system_attr(trial_id, PREFIX + artifact_id, json.dumps(vars(meta)))
    return replaced


def list_pictures(system_attrs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The file name and the id of each of a trial's pictures, those left out that the dashboard removed."""
    for key, value in system_attrs.items():
        if key.startswith(PREFIX) and (meta := json.loads(value)) is not None:
            yield meta["filename"], meta["artifact_id"]
