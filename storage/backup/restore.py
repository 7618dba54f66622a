"""Restores a backup's studies into a database, which may have others, in one transaction.

Names, trial numbers and artifact ids stay the same. Studies and trials get new ids, in the same order. RUNNING trials
have no slot, so that the next worker adopts them.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from zipfile import ZipInfo

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError

from storage.artifacts.interface import Artifacts
from storage.backup.manifest import Progress, ignore_progress
from storage.backup.read import CHUNK_BYTES, Backup, Row, damaged_backup
from storage.database.connection import Database, translate_errors
from storage.database.engine import DAY_S, patience
from storage.database.schema import RESTORE, lock
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table, check_columns

MAX_BATCH_ROWS = 1000
MAX_BATCH_BYTES = 1 << 22

# Creates a study; returns no id where there is one of that name.
_INSERT_STUDY = text("""
    insert into studies (study_name) values (:name) on conflict (study_name) do nothing returning study_id""")
_NEW_TRIAL_IDS = text("select nextval(pg_get_serial_sequence('trials', 'trial_id')) from generate_series(1, :count)")
_EXISTING_NAMES = text("select study_name from studies where study_name = any(:names) order by 1")

# Keys of study attributes in which the dashboard stores a trial's id: those of notes and older artifacts.
_KEY_WITH_TRIAL_ID = re.compile(r"(dashboard:(?:artifacts:)?)([0-9]+)(:.*)", re.DOTALL)

Ids = dict[int, int]  # ids in the database by ids in the backup


def restore_backup(db: Database, artifacts: Artifacts, backup: Backup, on_progress: Progress = ignore_progress) -> None:
    """Restores a checked backup, its rows to the database and its files to the artifact store: all of it or nothing.

    Raises:
        StorageError: a study exists already, a file exists with other content, or a value is not of its column's type.
        StorageError, OSError: a file cannot be written.
    """
    with translate_errors(db.url), patience(DAY_S), db.engine.begin() as connection:
        lock(connection, RESTORE)  # an earlier restore that fails may remove files that this one would find and need
        check_columns(connection)
        _refuse_existing(connection, backup.manifest.studies)
        with _restored_files(backup, artifacts, on_progress):
            try:
                _insert_all(connection, backup, on_progress)
            except (DataError, IntegrityError) as error:
                raise damaged_backup(backup.path, str(error.orig).split("\n", 1)[0]) from None


def _refuse_existing(connection: Connection, names: Sequence[str]) -> None:
    existing = connection.scalars(_EXISTING_NAMES, {"names": list(names)}).all()
    if existing:
        raise _study_exists(existing)


def _study_exists(names: Iterable[str]) -> StorageError:
    return StorageError(
        f"a restored study must be new in the database; got {', '.join(names)}, which is there; "
        "delete it with `unet-search study delete`, or restore into another database"
    )


def _insert_all(connection: Connection, backup: Backup, on_progress: Progress) -> None:
    studies, trials, *others = TABLES
    done, total = 0, sum(backup.manifest.rows.values())
    study_ids = {row["study_id"]: _insert_study(connection, row["study_name"]) for row in backup.rows(studies)}
    trial_ids: Ids = {}
    for rows in _batches(backup, trials):
        trial_ids |= zip((row["trial_id"] for row in rows), _new_trial_ids(connection, len(rows)), strict=True)
        _insert(connection, trials, rows, _id_translator(study_ids, trial_ids))
        on_progress("rows", done := done + len(rows), total)
    for table in others:
        for rows in _batches(backup, table):
            _insert(connection, table, rows, _id_translator(study_ids, trial_ids))
            on_progress("rows", done := done + len(rows), total)


def _insert_study(connection: Connection, name: str) -> int:
    study_id: int | None = connection.scalar(_INSERT_STUDY, {"name": name})
    if study_id is None:  # another command has created it since `_refuse_existing`
        raise _study_exists([name])
    return study_id


def _new_trial_ids(connection: Connection, count: int) -> Sequence[int]:
    return connection.scalars(_NEW_TRIAL_IDS, {"count": count}).all()


def _insert(connection: Connection, table: Table, rows: Sequence[Row], translate: Callable[[Row], Row]) -> None:
    """Inserts rows as JSON, which PostgreSQL converts to the columns' types as it converted from them."""
    columns = ", ".join(table.columns)
    statement = f"""
        insert into {table.name} ({columns})
        select {columns} from json_populate_recordset(cast(null as {table.name}), cast(:rows as json))"""
    connection.execute(text(statement), {"rows": json.dumps([translate(row) for row in rows])})


def _id_translator(study_ids: Ids, trial_ids: Ids) -> Callable[[Row], Row]:
    """Returns a function that replaces the backup's ids in a row by those in the database."""

    def translate(row: Row) -> Row:
        changes: Row = {}
        if "study_id" in row:
            changes["study_id"] = study_ids[row["study_id"]]
        if "trial_id" in row:
            changes["trial_id"] = trial_ids[row["trial_id"]]
        if match := _KEY_WITH_TRIAL_ID.fullmatch(str(row.get("key"))):
            prefix, trial_id, suffix = match.groups()
            changes["key"] = f"{prefix}{trial_ids.get(int(trial_id), trial_id)}{suffix}"
        return row | changes

    return translate


def _batches(backup: Backup, table: Table) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row, row_bytes in backup.sized_rows(table):
        batch.append(row)
        size += row_bytes
        if len(batch) >= MAX_BATCH_ROWS or size >= MAX_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@contextmanager
def _restored_files(backup: Backup, artifacts: Artifacts, on_progress: Progress) -> Iterator[None]:
    """Writes the backup's files to the artifact store; an error inside the context removes the new ones again.

    Raises StorageError where a file exists with other content, since it may be of another database.
    """
    new_keys: list[str] = []
    with artifacts.remove_unused_folders(backup.files):
        try:
            if backup.files:
                artifacts.check(1 + (sum(info.file_size for info in backup.files.values()) >> 20))
            for done, (key, info) in enumerate(backup.files.items()):
                on_progress("files", done, len(backup.files))
                if not _exists(artifacts, key, info):
                    new_keys.append(key)
                    _write_file(backup, info, artifacts, key)
            yield
        except BaseException:
            artifacts.remove(*new_keys)
            raise


def _exists(artifacts: Artifacts, key: str, info: ZipInfo) -> bool:
    """Whether the file exists. Raises StorageError where its content differs."""
    size, checksum = 0, 0
    try:
        with artifacts.open(key) as file:
            while chunk := file.read(CHUNK_BYTES):
                size, checksum = size + len(chunk), zlib.crc32(chunk, checksum)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        size = -1
    if (size, checksum) != (info.file_size, info.CRC):
        raise StorageError(
            f"a restored file must not replace another one; got {key} in {artifacts} with other content; "
            "move it away, or give another place with UNET_SEARCH_ARTIFACTS"
        )
    return True


def _write_file(backup: Backup, info: ZipInfo, artifacts: Artifacts, key: str) -> None:
    with artifacts.local(key) as target:
        partial = target.path.with_name(f".restored-{target.path.name}")
        partial.unlink(missing_ok=True)  # a killed restore left it, or another user made a link of that name
        try:
            with partial.open("xb") as file:
                file.writelines(backup.chunks(info))
            partial.replace(target.path)
        finally:
            partial.unlink(missing_ok=True)
        target.upload()
