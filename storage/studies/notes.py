"""Notes of studies and trials as optuna-dashboard stores them, Markdown in system attributes of the study.

The dashboard's own functions read all attributes of the study, and so the notes of all its trials, for each note.
"""

import json

from sqlalchemy import Connection, text

CHUNK_CHARACTERS = 2045  # of a note in one attribute, as the dashboard splits it

_SET = text("""
    insert into study_system_attributes as a (study_id, key, value_json) values (:study_id, :key, :value_json)
    on conflict (study_id, key) do update set value_json = excluded.value_json""")
# Raises the version of a note, which the dashboard compares before it replaces one.
_RAISE_VERSION = text("""
    insert into study_system_attributes as a (study_id, key, value_json) values (:study_id, :key, '1')
    on conflict (study_id, key) do update set value_json = (cast(a.value_json as integer) + 1)::text""")
_GET_CHUNKS = text("""
    select key, value_json from study_system_attributes where study_id = :study_id and starts_with(key, :prefix)""")


def read_note(connection: Connection, study_id: int, trial_id: int | None = None) -> str:
    """The note of a trial, by Optuna's id, or of the study; empty where there is none."""
    prefix = _prefix(trial_id)
    chunks = connection.execute(_GET_CHUNKS, {"study_id": study_id, "prefix": prefix})
    ordered = sorted((int(row.key.removeprefix(prefix)), json.loads(row.value_json)) for row in chunks)
    return "".join(chunk for _, chunk in ordered)


def write_note(connection: Connection, study_id: int, note: str, trial_id: int | None = None) -> None:
    """Replaces the note of a trial, by Optuna's id, or of the study."""
    prefix = _prefix(trial_id)
    before = connection.execute(_GET_CHUNKS, {"study_id": study_id, "prefix": prefix}).all()
    chunks = [note[start : start + CHUNK_CHARACTERS] for start in range(0, len(note), CHUNK_CHARACTERS)]
    chunks += [""] * (len(before) - len(chunks))  # the dashboard joins all that are there
    for index, chunk in enumerate(chunks):
        row = {"study_id": study_id, "key": f"{prefix}{index}", "value_json": json.dumps(chunk)}
        connection.execute(_SET, row)
    connection.execute(_RAISE_VERSION, {"study_id": study_id, "key": prefix.replace("note_str:", "note_ver")})


def _prefix(trial_id: int | None) -> str:
    """What the keys of a note's chunks begin with."""
    return "dashboard:note_str:" if trial_id is None else f"dashboard:{trial_id}:note_str:"
