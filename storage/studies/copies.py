"""Shared copies of data in the artifact store: which study has which, and when one is removed.

A study's attribute `shared` is the name of its copy, and is written before the copy is sent: so whoever joins the study
in the meantime knows that it is on its way, and nobody removes it.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import is_copy_name
from storage.artifacts.parts import copy_bytes, remove_copy
from storage.database.connection import Database
from storage.database.engine import HOUR_S, patience
from storage.database.schema import lock_copies
from storage.studies.attributes import study_attribute_key

_GET_SHARED = text(f"""
    select study_id, value_json from study_user_attributes where key = {study_attribute_key("shared")}""")


def shared_copies(connection: Connection) -> dict[int, str]:
    """The name of the shared copy of each study that has one, by the study's id."""
    rows = connection.execute(_GET_SHARED)
    named = {row.study_id: json.loads(row.value_json) for row in rows}
    return {study_id: name for study_id, name in named.items() if isinstance(name, str) and is_copy_name(name)}


def copy_sizes(artifacts: Artifacts, copies: Mapping[int, str]) -> dict[int, int]:
    """The bytes that studies' copies have in the store, by the ids; each copy is looked at once.

    Raises StorageError.
    """
    sizes = {copy: copy_bytes(artifacts, copy) for copy in set(copies.values())}
    return {study_id: sizes[copy] for study_id, copy in copies.items()}


@contextmanager
def copies_held(db: Database) -> Iterator[Connection]:
    """A transaction in which no shared copy is removed by others, and none is taken for whole that soon is not."""
    with patience(HOUR_S), db.engine.begin() as connection:
        lock_copies(connection)
        yield connection


def remove_unused(db: Database, artifacts: Artifacts, copy: str | None) -> int:
    """Removes a shared copy that no study has any more; returns the number of removed files.

    Raises StorageError, OSError.
    """
    if copy is None or not is_copy_name(copy):
        return 0
    with copies_held(db) as connection:
        return 0 if copy in shared_copies(connection).values() else remove_copy(artifacts, copy)
