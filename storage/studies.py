"""All studies of a database with their sizes, and how one goes for good. By SQL alone, without Optuna."""

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from storage.artifacts import study_files, study_folders
from storage.database import Database, reported
from storage.errors import StorageError
from storage.kept import count_rows, delete_rows
from storage.schema import lock
from storage.slots import LIVE
from storage.study import STUDIES
from storage.trials import Counts, Leader, study_status

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


def list_studies(db: Database, root: Path) -> list[ListedStudy]:
    """The database's studies by name. `root` is the artifact store's folder."""
    with db.engine.connect() as connection:
        found = sorted((row.study_name, row.study_id) for row in connection.execute(STUDIES))
    return [_describe(db, root, study_id, name) for name, study_id in found]


def delete_study(db: Database, root: Path, study_id: int, name: str) -> Removed:
    """Removes a study with its rows, then its files in the artifact store; those that are missing are no error.

    Raises:
        StorageError: workers are at its trials, and it was not stopped.
        OSError: a file cannot be removed; the rows are gone.
    """
    with reported(db.url), db.engine.begin() as connection:
        lock(connection, study_id)  # from here on nobody gets a slot
        held = connection.scalar(HELD, {"study_id": study_id})
        if held:
            raise StorageError(
                f"a study that is deleted must not be worked on; got {name} with {held} trials under way; "
                f"end its workers, or run `unet-search stop --study {name}`"
            )
        files = list(study_files(connection, root, study_id, name))
        rows = delete_rows(connection, study_id)
    for path in files:
        path.unlink(missing_ok=True)
    for folder in study_folders(root, name):
        shutil.rmtree(folder)  # with what a killed worker left half written
    return Removed(rows, len(files))


def _describe(db: Database, root: Path, study_id: int, name: str) -> ListedStudy:
    status = study_status(db, study_id)
    with db.engine.connect() as connection:
        return ListedStudy(
            study_id=study_id,
            name=name,
            counts=status.counts,
            best=status.best,
            created=connection.scalar(CREATED, {"study_id": study_id}),
            rows=sum(count_rows(connection, [study_id]).values()),
            artifact_bytes=sum(map(_size, study_files(connection, root, study_id, name))),
        )


def _size(path: Path) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:  # the checkpoint of a trial that has just ended
        return 0
