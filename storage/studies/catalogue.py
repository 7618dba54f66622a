"""All studies of a database with their sizes, and how one goes for good. By SQL alone, without Optuna."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from storage.artifacts.store import Artifacts, study_files, study_folders
from storage.database.connection import Database, reported
from storage.database.schema import lock
from storage.errors import StorageError
from storage.studies.leases import LIVE
from storage.studies.rows import count_rows, delete_rows
from storage.studies.status import Counts, Leader, study_status
from storage.studies.study import STUDIES

CREATED = text("select created from unet_search_studies where study_id = :study_id")

# Workers at a trial of a study that goes on.
HELD = text(f"""
    select count(*) from unet_search_slots s left join unet_search_studies own using (study_id)
    where s.study_id = :study_id and own.stop_reason is null and {LIVE}""")


@dataclass(frozen=True)
class ListedStudy:
    """A study and what it takes."""

    study_id: int
    name: str
    counts: Counts
    best: Leader | None
    created: datetime | None  # None for a study that another program made
    rows: int
    artifact_bytes: int  # pictures, checkpoints and weights


@dataclass(frozen=True)
class Removed:
    """What went with a study."""

    rows: int
    files: int


def list_studies(db: Database, artifacts: Artifacts) -> list[ListedStudy]:
    """The database's studies by name."""
    with db.engine.connect() as connection:
        found = dict(sorted((row.study_name, row.study_id) for row in connection.execute(STUDIES)))
        files = study_files(connection, artifacts, found)
    return [_describe(db, study_id, name, sum(files[name].values())) for name, study_id in found.items()]


def delete_study(db: Database, artifacts: Artifacts, study_id: int, name: str) -> Removed:
    """Removes a study with its rows, then its files in the artifact store; those that are missing are no error.

    Raises:
        StorageError: workers are at its trials, and it was not stopped.
        StorageError, OSError: a file cannot be removed; the rows are gone.
    """
    with reported(db.url), db.engine.begin() as connection:
        lock(connection, study_id)  # from here on nobody gets a slot
        held = connection.scalar(HELD, {"study_id": study_id})
        if held:
            raise StorageError(
                f"a study that is deleted must not be worked on; got {name} with {held} trials under way; "
                f"end its workers, or run `unet-search stop --study {name}`"
            )
        files = study_files(connection, artifacts, {name: study_id})[name]
        rows = delete_rows(connection, study_id)
    artifacts.remove(*files, *study_folders(name))  # with what a killed worker left half written
    return Removed(rows, len(files))


def _describe(db: Database, study_id: int, name: str, artifact_bytes: int) -> ListedStudy:
    status = study_status(db, study_id)
    with db.engine.connect() as connection:
        return ListedStudy(
            study_id=study_id,
            name=name,
            counts=status.counts,
            best=status.best,
            created=connection.scalar(CREATED, {"study_id": study_id}),
            rows=sum(count_rows(connection, [study_id]).values()),
            artifact_bytes=artifact_bytes,
        )
