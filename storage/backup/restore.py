"""A backup's studies, put into a database that may hold others, in one transaction.

Names, trial numbers and artifact ids stay. Ids of studies and trials are given anew, in the same order; RUNNING trials
come without a slot, so that the next worker goes on with them.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from zipfile import ZipInfo

from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, IntegrityError

from storage.artifacts.store import Artifacts
from storage.backup.manifest import Tell, silent
from storage.backup.read import PIECE_BYTES, Backup, Row, not_whole
from storage.database.connection import Database, reported
from storage.database.schema import RESTORE, lock
from storage.errors import StorageError
from storage.studies.rows import TABLES, Table, check_columns

ROWS_AT_ONCE = 1000
CHARACTERS_AT_ONCE = 1 << 22

NEW_STUDY = text("""
    insert into studies (study_name) values (:name) on conflict (study_name) do nothing returning study_id""")
NEW_TRIALS = text("select nextval(pg_get_serial_sequence('trials', 'trial_id')) from generate_series(1, :count)")
NAMED = text("select study_name from studies where study_name = any(:names) order by 1")

# The dashboard names a trial by its id in the keys of its study's attributes: notes, and older artifacts.
NAMES_TRIAL = re.compile(r"(dashboard:(?:artifacts:)?)([0-9]+)(:.*)", re.DOTALL)

Ids = dict[int, int]  # by the id in the backup, the one in the database


def restore_backup(db: Database, artifacts: Artifacts, backup: Backup, tell: Tell = silent) -> None:
    """Puts a checked backup into the database, and its files into the artifact store: all or nothing.

    Raises:
        StorageError: a study of that name exists, a file of that name has other content, or a value is none of its
            column's type.
        StorageError, OSError: a file cannot be written.
    """
    with reported(db.url), db.engine.begin() as connection:
        lock(connection, RESTORE)  # so that no other restore takes files for its own that this one may take away
        check_columns(connection)
        _refuse_existing(connection, backup.manifest.studies)
        with files_put_back(backup, artifacts, tell):
            try:
                _insert_all(connection, backup, tell)
            except (DataError, IntegrityError) as error:
                raise not_whole(backup.path, str(error.orig).split("\n", 1)[0]) from None


def _refuse_existing(connection: Connection, names: Sequence[str]) -> None:
    existing = connection.scalars(NAMED, {"names": list(names)}).all()
    if existing:
        raise _exists(existing)


def _exists(names: Iterable[str]) -> StorageError:
    return StorageError(
        f"a restored study must be new in the database; got {', '.join(names)}, which is there; "
        "delete it with `unet-search study delete`, or restore into another database"
    )


def _insert_all(connection: Connection, backup: Backup, tell: Tell) -> None:
    studies, trials, *others = TABLES
    done, total = 0, sum(backup.manifest.rows.values())
    study_ids = {row["study_id"]: _new_study(connection, row["study_name"]) for row in backup.rows(studies)}
    trial_ids: Ids = {}
    for rows in _batches(backup.rows(trials)):
        trial_ids |= zip((row["trial_id"] for row in rows), _new_trials(connection, len(rows)), strict=True)
        _insert(connection, trials, rows, _renamed(study_ids, trial_ids))
        tell("rows", done := done + len(rows), total)
    for table in others:
        for rows in _batches(backup.rows(table)):
            _insert(connection, table, rows, _renamed(study_ids, trial_ids))
            tell("rows", done := done + len(rows), total)


def _new_study(connection: Connection, name: str) -> int:
    study_id: int | None = connection.scalar(NEW_STUDY, {"name": name})
    if study_id is None:  # another command made it at this moment
        raise _exists([name])
    return study_id


def _new_trials(connection: Connection, count: int) -> Sequence[int]:
    return connection.scalars(NEW_TRIALS, {"count": count}).all()


def _insert(connection: Connection, table: Table, rows: Sequence[Row], rename: Callable[[Row], Row]) -> None:
    """PostgreSQL itself reads the values: every type comes back as it was written."""
    columns = ", ".join(table.columns)
    statement = f"""
        insert into {table.name} ({columns})
        select {columns} from json_populate_recordset(cast(null as {table.name}), cast(:rows as json))"""
    connection.execute(text(statement), {"rows": json.dumps([rename(row) for row in rows])})


def _renamed(study_ids: Ids, trial_ids: Ids) -> Callable[[Row], Row]:
    """Gives rows with the database's ids for the backup's."""

    def rename(row: Row) -> Row:
        changes: Row = {}
        if "study_id" in row:
            changes["study_id"] = study_ids[row["study_id"]]
        if "trial_id" in row:
            changes["trial_id"] = trial_ids[row["trial_id"]]
        if match := NAMES_TRIAL.fullmatch(str(row.get("key"))):
            before, trial_id, behind = match.groups()
            changes["key"] = f"{before}{trial_ids.get(int(trial_id), trial_id)}{behind}"
        return row | changes

    return rename


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(batch) >= ROWS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


@contextmanager
def files_put_back(backup: Backup, artifacts: Artifacts, tell: Tell = silent) -> Iterator[None]:
    """Has the backup's files in the artifact store; an error inside takes away again those that were not there before.

    Raises StorageError where a file of that name has other content: it may be another database's.
    """
    made: list[str] = []
    with artifacts.without_empty_folders(backup.files):
        try:
            if backup.files:
                artifacts.check(1 + (sum(info.file_size for info in backup.files.values()) >> 20))
            for done, (key, info) in enumerate(backup.files.items()):
                tell("files", done, len(backup.files))
                if not _is_there(artifacts, key, info):
                    made.append(key)
                    _put(backup, info, artifacts, key)
            yield
        except BaseException:
            artifacts.remove(*made)
            raise


def _is_there(artifacts: Artifacts, key: str, info: ZipInfo) -> bool:
    """Whether the file is there already, with the same content; a StorageError where it has another."""
    size, checksum = 0, 0
    try:
        with artifacts.open(key) as file:
            while piece := file.read(PIECE_BYTES):
                size, checksum = size + len(piece), zlib.crc32(piece, checksum)
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


def _put(backup: Backup, info: ZipInfo, artifacts: Artifacts, key: str) -> None:
    with artifacts.local(key) as kept:
        partial = kept.path.with_name(f".restored-{kept.path.name}")
        try:
            with partial.open("wb") as file:
                file.writelines(backup.pieces(info))
            partial.replace(kept.path)
        finally:
            partial.unlink(missing_ok=True)
        kept.push()
