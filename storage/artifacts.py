"""Pictures and checkpoints of trials, in a folder that all hosts of a study share.

Pictures lie in the folder itself, as Optuna names them, and the dashboard shows them; checkpoints lie in
checkpoints/STUDY/NUMBER.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Connection, text

from storage.errors import StorageError
from storage.files import check_writable
from storage.settings import Settings, mask_url

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.artifacts import FileSystemArtifactStore

IS_ID = re.compile(r"[0-9A-Fa-f-]{1,64}")  # Optuna's ids are UUIDs; whatever else a row says, it leads nowhere else
# What trials keep in FOLDER/STUDY, and how it is called there: by the trial's number.
FOLDERS = {"checkpoints": re.compile(r"[0-9]{1,10}"), "weights": re.compile(r"[0-9]{1,10}\.keras")}

# What Optuna or its dashboard keeps with a study or its trials; what the dashboard removed is null.
ARTIFACT_IDS = text("""
    select distinct substring(key from '[^:]*$') from (
      select key, value_json from study_system_attributes where study_id = :study_id
      union all
      select a.key, a.value_json from trial_system_attributes a join trials t using (trial_id)
      where t.study_id = :study_id) named
    where key ~ '^(dashboard:)?artifacts:' and value_json <> 'null' order by 1""")

WHAT_TO_DO = "free some space or give another folder with UNET_SEARCH_ARTIFACTS"


@dataclass(frozen=True)
class Artifacts:
    """The folder, and Optuna's view of it."""

    root: Path
    store: "FileSystemArtifactStore"


def artifacts_folder(settings: Settings) -> Path:
    """The folder of UNET_SEARCH_ARTIFACTS, or `artifacts` in the run's folder; it need not exist."""
    given = settings.artifacts
    if given is None:
        return settings.dir.expanduser().absolute() / "artifacts"
    if "://" in given:
        raise StorageError(
            f"UNET_SEARCH_ARTIFACTS must be a folder; got {mask_url(given)!r}; "
            "mount the bucket or share as a folder that all hosts see"
        )
    return Path(given).expanduser().absolute()


def open_artifacts(settings: Settings) -> Artifacts:
    """Opens UNET_SEARCH_ARTIFACTS, or `artifacts` in the run's folder; a StorageError when it cannot be written."""
    from optuna.artifacts import FileSystemArtifactStore

    root = artifacts_folder(settings)
    check_writable(root, WHAT_TO_DO)
    return Artifacts(root, FileSystemArtifactStore(root))


def upload_picture(artifacts: Artifacts, trial: "Trial", picture: Path) -> str:
    """Keeps a PNG with a trial, which must be RUNNING; gives Optuna's id of it."""
    from optuna.artifacts import upload_artifact

    try:
        return upload_artifact(
            artifact_store=artifacts.store, file_path=str(picture), study_or_trial=trial, mimetype="image/png"
        )
    except OSError as error:
        raise _unwritable(artifacts.root, error) from error


def checkpoint_path(artifacts: Artifacts, study: str, number: int) -> Path:
    """Where the trial's checkpoint is, or shall be; its folder exists.

    Args:
        study: the study's name, any text.
        number: the trial's number, 0 or more.
    """
    folder = artifacts.root / "checkpoints" / folder_name(study)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / str(number)


def folder_name(study: str) -> str:
    """A study's name as that of a folder: neither a slash nor .. may lead elsewhere."""
    return quote(study, safe=" ").replace(".", "%2E") or "%"


def study_folders(root: Path, study: str) -> list[Path]:
    """The folders that trials of the study have made."""
    folders = [root / kind / folder_name(study) for kind in FOLDERS]
    return [folder for folder in folders if os.path.isdir(folder)]  # False, too, for a name too long for a folder


def artifact_ids(connection: Connection, study_id: int) -> list[str]:
    """The names of the files that Optuna keeps with the study and its trials; some may be missing."""
    return [name for name in connection.scalars(ARTIFACT_IDS, {"study_id": study_id}) if IS_ID.fullmatch(name)]


def study_files(connection: Connection, root: Path, study_id: int, name: str) -> Iterator[Path]:
    """The study's pictures, checkpoints and weights, as far as they are there."""
    paths = [root / artifact for artifact in artifact_ids(connection, study_id)]
    for folder in study_folders(root, name):
        pattern = FOLDERS[folder.parent.name]
        paths += sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))
    yield from filter(os.path.isfile, paths)


def remove_checkpoint(artifacts: Artifacts, study: str, number: int) -> None:
    """Removes the trial's checkpoint, file or folder, if there is one."""
    path = checkpoint_path(artifacts, study, number)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"the folder must be writable; got {folder} ({error.strerror or error}); {WHAT_TO_DO}")
