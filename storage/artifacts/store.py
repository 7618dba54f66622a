"""Pictures, checkpoints and weights of trials, in a folder or bucket that all hosts of a study share.

Pictures lie in the place itself, as Optuna names them, and the dashboard shows them; checkpoints lie in
checkpoints/STUDY/NUMBER, weights in weights/STUDY/NUMBER.keras.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, text

from storage.artifacts.bucket import SCHEME, open_bucket
from storage.artifacts.folder import Folder
from storage.artifacts.local import Local
from storage.errors import StorageError
from storage.settings import Settings, mask_url

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

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


class Artifacts(Protocol):
    """The artifact store; `str` of it is for people. A folder's faults are OSErrors, a bucket's StorageErrors."""

    @property
    def store(self) -> "ArtifactStore":
        """Optuna's view of it."""

    def check(self, room_mib: int = 1) -> None:
        """Writes a probe and removes it; a StorageError where that fails, or a folder has less room."""

    def local(self, key: str) -> AbstractContextManager[Local]:
        """The file, there or not, as one of this machine."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """The file's content; FileNotFoundError where there is none."""

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The keys of the folder's own files, with their numbers of bytes; a missing folder has none."""

    def remove(self, *keys: str) -> None:
        """Removes files, and folders with what is left in them; those that are missing are no error."""

    def without_empty_folders(self, keys: Iterable[str]) -> AbstractContextManager[None]:
        """Removes folders that were made for files meanwhile and are still empty at the end."""


def artifacts_folder(settings: Settings) -> Path | None:
    """The folder of UNET_SEARCH_ARTIFACTS, or `artifacts` in the run's; it need not exist. None for a bucket."""
    given = settings.artifacts
    if given is None:
        return settings.dir.expanduser().absolute() / "artifacts"
    if given.startswith(SCHEME):
        return None
    if "://" in given:
        raise StorageError(
            f"UNET_SEARCH_ARTIFACTS must be a folder or s3://BUCKET/PREFIX; got {mask_url(given)!r}; "
            "mount another share as a folder that all hosts see"
        )
    return Path(given).expanduser().absolute()


def find_artifacts(settings: Settings) -> Artifacts:
    """The place of UNET_SEARCH_ARTIFACTS, or `artifacts` in the run's folder; whether it can be used is not known."""
    folder = artifacts_folder(settings)
    return open_bucket(settings.artifacts or "") if folder is None else Folder(folder)


def open_artifacts(settings: Settings) -> Artifacts:
    """The same; a StorageError when it cannot be written."""
    artifacts = find_artifacts(settings)
    artifacts.check()
    return artifacts


def checkpoint_key(study: str, number: int) -> str:
    """The key of a trial's checkpoint.

    Args:
        study: the study's name, any text.
        number: the trial's number, 0 or more.
    """
    return f"checkpoints/{folder_name(study)}/{number}"


def remove_checkpoint(artifacts: Artifacts, study: str, number: int) -> None:
    """Removes the trial's checkpoint, if there is one."""
    artifacts.remove(checkpoint_key(study, number))


def folder_name(study: str) -> str:
    """A study's name as that of a folder: neither a slash nor .. may lead elsewhere."""
    return quote(study, safe=" ").replace(".", "%2E") or "%"


def study_folders(study: str) -> list[str]:
    """The folders that trials of the study make."""
    return [f"{kind}/{folder_name(study)}" for kind in FOLDERS]


def artifact_ids(connection: Connection, study_id: int) -> list[str]:
    """The names of the files that Optuna keeps with the study and its trials; some may be missing."""
    return [name for name in connection.scalars(ARTIFACT_IDS, {"study_id": study_id}) if IS_ID.fullmatch(name)]


def study_files(connection: Connection, artifacts: Artifacts, studies: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """By study, the keys of its pictures, checkpoints and weights that are there, with their numbers of bytes.

    studies: names and ids
    """
    pictures = artifacts.sizes()
    files = {}
    for name, study_id in studies.items():
        files[name] = {key: pictures[key] for key in artifact_ids(connection, study_id) if key in pictures}
        for folder, pattern in zip(study_folders(name), FOLDERS.values(), strict=True):
            kept = artifacts.sizes(folder).items()
            files[name] |= {key: size for key, size in kept if pattern.fullmatch(key.rpartition("/")[2])}
    return files


def weights_key(study: str, number: int) -> str:
    """The key of a trial's weights."""
    return f"weights/{folder_name(study)}/{number}.keras"


def list_weights(artifacts: Artifacts, study: str) -> dict[int, str]:
    """The keys of the weights that are there, by their trial's number."""
    found = {key: key.rpartition("/")[2] for key in artifacts.sizes(f"weights/{folder_name(study)}")}
    return {int(name.removesuffix(".keras")): key for key, name in found.items() if FOLDERS["weights"].fullmatch(name)}
