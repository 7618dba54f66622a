"""The choice of an artifact store: the folder or bucket of UNET_SEARCH_ARTIFACTS, or a folder in the run's."""

from pathlib import Path

from storage.artifacts.bucket import SCHEME, open_bucket
from storage.artifacts.folder import Folder
from storage.artifacts.interface import Artifacts
from storage.errors import StorageError
from storage.settings import Settings, mask_url


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
    """The chosen store, without a check that it can be used."""
    folder = artifacts_folder(settings)
    return open_bucket(settings.artifacts or "") if folder is None else Folder(folder)


def open_artifacts(settings: Settings) -> Artifacts:
    """The chosen store. Raises StorageError where it cannot be written."""
    artifacts = find_artifacts(settings)
    artifacts.check()
    return artifacts
