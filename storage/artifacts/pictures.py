"""Pictures of trials as Optuna's dashboard knows them: files in the artifact store, named by system attributes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.artifacts.folder import unwritable
from storage.artifacts.interface import Artifacts
from storage.artifacts.record import PREFIX, ArtifactRecord, read_record

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


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
    """The file name and the id of each of a trial's pictures.

    Those that the dashboard removed are left out, and records that neither Optuna nor its dashboard writes.
    """
    for key, value in system_attrs.items():
        record = _find_record(key, value)
        if record is not None:
            yield record.filename, record.artifact_id


def _find_record(key: str, value: Any) -> ArtifactRecord | None:
    """The record in a system attribute, if it is one."""
    if not key.startswith(PREFIX):
        return None
    try:
        return read_record(key.removeprefix(PREFIX), value)
    except ValueError:
        return None
