"""Lists the studies of a database with their sizes, and deletes one. By SQL alone, without Optuna."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import study_folders
from storage.artifacts.listing import picture_ids, study_files
from storage.database.connection import Database, translate_errors
from storage.database.schema import lock
from storage.errors import StorageError
from storage.studies.copies import copy_sizes, remove_unused, shared_copies
from storage.studies.leases import LIVE
from storage.studies.rows import count_rows, delete_rows
from storage.studies.status import Counts, Leader, study_status
from storage.studies.study import study_ids

_GET_CREATED = text("select created from unet_search_studies where study_id = :study_id")

# Counts the live slots of a study that was not stopped.
_COUNT_LIVE_SLOTS = text(f"""
    select count(*) from unet_search_slots s left join unet_search_studies own using (study_id)
    where s.study_id = :study_id and own.stop_reason is null and {LIVE}""")


@dataclass(frozen=True)
class ListedStudy:
    """A study with its size."""

    study_id: int
    name: str
    counts: Counts
    best: Leader | None
    created: datetime | None  # None for a study that another program made
    rows: int
    artifact_bytes: int  # of pictures, checkpoints and weights
    data_bytes: int  # of its shared copy of data, which other studies may have too


@dataclass(frozen=True)
class Deletion:
    """How many rows and files were deleted with a study."""

    rows: int
    files: int


def list_studies(db: Database, artifacts: Artifacts) -> list[ListedStudy]:
    """All studies of the database, in the order of their names."""
    with db.engine.connect() as connection:
        studies = dict(sorted(study_ids(connection).items()))
        pictures, copies = picture_ids(connection, studies), shared_copies(connection)
    files, shared = study_files(artifacts, pictures), copy_sizes(artifacts, copies)
    return [
        _describe(db, study_id, name, sum(files[name].values()), shared.get(study_id, 0))
        for name, study_id in studies.items()
    ]


def delete_study(db: Database, artifacts: Artifacts, study_id: int, name: str) -> Deletion:
    """Deletes a study's rows, then its files in the artifact store; missing files are no error.

    Its shared copy of data goes too, unless another study has it.

    Raises:
        StorageError: workers train its trials, and it was not stopped.
        StorageError, OSError: a file cannot be removed; the rows are deleted already.
    """
    with translate_errors(db.url), db.engine.begin() as connection:
        lock(connection, study_id)  # from here on no worker gets a slot
        live_slots = connection.scalar(_COUNT_LIVE_SLOTS, {"study_id": study_id})
        if live_slots:
            raise StorageError(
                f"a study that is deleted must not be worked on; got {name} with {live_slots} trials under way; "
                f"end its workers, or run `unet-search stop --study {name}`"
            )
        pictures, copy = picture_ids(connection, {name: study_id}), shared_copies(connection).get(study_id)
        rows = delete_rows(connection, study_id)
    files = study_files(artifacts, pictures)[name]
    artifacts.remove(*files, *study_folders(name))  # folders may have partial files of killed workers
    return Deletion(rows, len(files) + remove_unused(db, artifacts, copy))


def _describe(db: Database, study_id: int, name: str, artifact_bytes: int, data_bytes: int) -> ListedStudy:
    status = study_status(db, study_id)
    with db.engine.connect() as connection:
        return ListedStudy(
            study_id=study_id,
            name=name,
            counts=status.counts,
            best=status.best,
            created=connection.scalar(_GET_CREATED, {"study_id": study_id}),
            rows=sum(count_rows(connection, [study_id]).values()),
            artifact_bytes=artifact_bytes,
            data_bytes=data_bytes,
        )
