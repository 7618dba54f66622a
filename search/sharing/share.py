"""Puts a copy of a study's data into the artifact store, for hosts that lack them."""

from dataclasses import dataclass
from pathlib import Path

from search.format import format_bytes
from search.sharing.progress import count_mib
from search.study.study import OpenStudy
from storage.artifacts.bucket import Bucket
from storage.artifacts.interface import Artifacts
from storage.artifacts.parts import list_copies, send_copy
from storage.artifacts.store import find_artifacts
from storage.database.connection import Database
from storage.settings import Settings
from storage.studies.attributes import StudyAttributes
from storage.studies.copies import copies_held, remove_unused
from trainer.config import DataConfig
from trainer.data.cache.shared import SharedCopy, describe_copy
from trainer.data.dataset import open_dataset
from trainer.data.progress import Progress
from trainer.errors import InputError


@dataclass(frozen=True)
class Offer:
    """Data of this host that are to be in the artifact store."""

    copy: SharedCopy
    folder: Path  # of the decoded copy
    artifacts: Artifacts


def offer_data(data: DataConfig, settings: Settings, share: bool | None) -> Offer | None:
    """What of the data is to be shared; None where nothing is.

    Args:
        data: with all that was found in them; they are decoded already.
        settings: of the run.
        share: whether to share; None where the store is a bucket and other hosts can join, since DATABASE_URL is set.
    """
    artifacts = find_artifacts(settings)
    if not (isinstance(artifacts, Bucket) and settings.database_url is not None if share is None else share):
        return None
    dataset = open_dataset(data, settings.decoded_data)
    assert dataset.folder is not None
    return Offer(describe_copy(dataset, data), dataset.folder, artifacts)


def send_data(db: Database, opened: OpenStudy, offer: Offer, progress: Progress) -> str | None:
    """Sends what the store lacks of the study's copy of the data; returns what to tell people, None where it was whole.

    Raises StorageError, and InputError where the decoded copy cannot be read.
    """
    recorded, artifacts = opened.shared, offer.artifacts
    with copies_held(db):  # what is seen here is removed by nobody, since the study has it
        whole = list_copies(artifacts)
    if recorded in whole:
        return None
    if recorded != offer.copy.name:
        StudyAttributes(shared=offer.copy.name).write(opened.study)
        remove_unused(db, artifacts, recorded)
        with copies_held(db):
            whole = list_copies(artifacts)
        if offer.copy.name in whole:
            return None
    files = [offer.folder / name for name in offer.copy.files]
    tell = count_mib("MiB of data sent to the artifact store", progress)
    try:
        sent = send_copy(artifacts, offer.copy.name, files, offer.copy.to_json(), tell)
    except OSError as error:
        raise InputError(
            f"the decoded copy of the data must be readable; got {error.strerror or error} in {offer.folder}; remove "
            "that folder, and run the same command again"
        ) from None
    return f"a copy of the data is in {artifacts}: {format_bytes(sent)} sent; hosts that lack them take it from there"
