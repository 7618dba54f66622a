"""Pictures and checkpoints of trials, in a folder that all hosts of a study share.

Pictures lie in the folder itself, as Optuna names them, and the dashboard shows them; checkpoints lie in
checkpoints/STUDY/NUMBER.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from storage.errors import StorageError
from storage.files import check_writable
from storage.settings import Settings, mask_url

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.artifacts import FileSystemArtifactStore

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
    name = quote(study, safe=" ").replace(".", "%2E")  # neither a slash nor .. may lead elsewhere
    folder = artifacts.root / "checkpoints" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / str(number)


def remove_checkpoint(artifacts: Artifacts, study: str, number: int) -> None:
    """Removes the trial's checkpoint, file or folder, if there is one."""
    path = checkpoint_path(artifacts, study, number)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"the folder must be writable; got {folder} ({error.strerror or error}); {WHAT_TO_DO}")
