"""Corrupt and malicious backups of studies."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.fuzz.damage import Random, corrupt_bytes, corrupt_tables, pick
from benchmarks.fuzz.models import NAMES

PICTURE = "00000000-0000-4000-8000-000000000001"
CONFIGURATION = {"seed": 3, "model": {"depth": 2}}
FLOAT = {"name": "FloatDistribution", "attributes": {"low": 1e-5, "high": 1.0, "log": True, "step": None}}
CHOICES = {"name": "CategoricalDistribution", "attributes": {"choices": ["batch", "group", None]}}
TEXTS: tuple[Any, ...] = ("{", "", "NaN", "[" * 2000, "9" * 5000, "\0", "\ud800", '"\\u0000"', "1e999", "null", "{}")
KEYS = (f"artifacts:{PICTURE}", "artifacts:../../escaped", "dashboard:note_ver", "dashboard:2:note_str:0", "question")
KINDS = ("bytes", "bytes", "row", "row", "row", "row", "row", "text", "text", "text", "key", "repeat", "drop")
ODD_KINDS = ("manifest", "manifest", "names", "deflated", "bomb", "overlap", "intact")


def write_backup(random: Random, folder: Path) -> Path:
    """Writes a corrupt backup; returns the file."""
    path = folder / "backup.zip"
    tables = make_tables()
    kind = pick(random, KINDS + ODD_KINDS)
    if kind in ("row", "text", "key", "repeat", "drop"):
        tables = _corrupt_rows(random, tables, kind)
    members = make_members(tables)
    if kind == "manifest":
        members["format.json"] = json.dumps(
            corrupt_tables(random, json.loads(members["format.json"])), default=str
        ).encode()
    elif kind == "names":
        members[f"artifacts/{pick(random, NAMES)}"] = b"stranger"
    elif kind == "bomb":
        members[pick(random, list(members))] = bytes(int(random.integers(1 << 24, 1 << 27)))
    content = archive_members(members, zipfile.ZIP_DEFLATED if kind == "deflated" else zipfile.ZIP_STORED)
    if kind == "bytes":
        content = corrupt_bytes(random, content)
    elif kind == "overlap":
        content = content.replace(b"checkpoints/mars/1", b"checkpoints/mars/0")
    path.write_bytes(content)
    return path


def make_tables() -> dict[str, list[dict[str, Any]]]:
    """The rows of an intact backup: a study with a trial of each state."""
    record = json.dumps({"artifact_id": PICTURE, "filename": "a.png", "mimetype": "image/png", "encoding": None})
    time = "2026-11-27T10:00:00.5"
    states = ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING")
    return {
        "studies": [{"study_id": 1, "study_name": "mars"}],
        "trials": [
            {"trial_id": number + 1, "study_id": 1, "number": number, "state": state}
            | {"datetime_start": time, "datetime_complete": time if number < 3 else None}
            for number, state in enumerate(states)
        ],
        "study_directions": [{"study_id": 1, "direction": "MAXIMIZE", "objective": 0}],
        "study_user_attributes": [{"study_id": 1, "key": "question", "value_json": json.dumps(_question())}],
        "study_system_attributes": [
            {"study_id": 1, "key": "dashboard:2:note_str:0", "value_json": '"a note"'},
            {"study_id": 1, "key": "dashboard:2:note_ver", "value_json": "3"},
        ],
        "trial_user_attributes": [
            {"trial_id": 1, "key": "config", "value_json": json.dumps(CONFIGURATION)},
            {"trial_id": 1, "key": "device_s", "value_json": "12.5"},
        ],
        "trial_system_attributes": [
            {"trial_id": 1, "key": f"artifacts:{PICTURE}", "value_json": json.dumps(record)},
        ],
        "trial_params": [
            {"trial_id": 1, "param_name": "rate", "param_value": 0.25, "distribution_json": json.dumps(FLOAT)},
            {"trial_id": 2, "param_name": "norm", "param_value": 2.0, "distribution_json": json.dumps(CHOICES)},
        ],
        "trial_values": [{"trial_id": 1, "objective": 0, "value": 0.5, "value_type": "FINITE"}],
        "trial_intermediate_values": [
            {"trial_id": 1, "step": 1, "intermediate_value": 0.25, "intermediate_value_type": "FINITE"},
            {"trial_id": 1, "step": 2, "intermediate_value": None, "intermediate_value_type": "NAN"},
        ],
        "trial_heartbeats": [],
        "unet_search_studies": [
            {"study_id": 1, "question": _question(), "budget": 20, "stop_reason": None, "created": f"{time}+00:00"}
        ],
        "unet_search_configurations": [{"study_id": 1, "digest": "abc", "trial_id": 1}],
    }


def make_members(tables: dict[str, list[dict[str, Any]]]) -> dict[str, bytes]:
    """The members of the backup with these rows."""
    files = {f"artifacts/{PICTURE}": b"png", "artifacts/checkpoints/mars/3": b"checkpoint" * 100}
    manifest = {
        "format": 1,
        "created": "2026-11-27T10:00:00+00:00",
        "versions": {"unet-search": "1.0"},
        "studies": [row.get("study_name") for row in tables["studies"]],
        "rows": {table: len(rows) for table, rows in tables.items()},
        "files": len(files),
    }
    rows = {f"rows/{table}.jsonl": _encode(rows) for table, rows in tables.items()}
    return {**rows, **files, "format.json": json.dumps(manifest, default=str).encode()}


def archive_members(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of members: files by that method, the others deflated."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, method if name.startswith("artifacts/") else zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _encode(rows: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row, default=str)}\n" for row in rows).encode()


def _corrupt_rows(random: Random, tables: dict[str, Any], kind: str) -> dict[str, Any]:
    """The tables with one row changed, repeated or dropped."""
    table = pick(random, [name for name, rows in tables.items() if rows])
    rows = list(tables[table])
    place = int(random.integers(len(rows)))
    row = rows[place]
    if kind == "row":
        changed = corrupt_tables(random, row)
        rows[place] = changed if isinstance(changed, dict) else row
    elif kind == "text":
        columns = [column for column in row if isinstance(row[column], str)]
        rows[place] = {**row, pick(random, columns or list(row)): pick(random, TEXTS)}
    elif kind == "key":
        rows[place] = {**row, **({"key": pick(random, KEYS)} if "key" in row else {})}
    elif kind == "repeat":
        rows.append(row)
    else:
        del rows[place]
    return {**tables, table: rows}


def _question() -> dict[str, Any]:
    from search.space.default import default_space
    from search.study.plan import ConstraintsTable, Plan, StudyTable
    from search.study.question import question
    from trainer.config import TrainConfig

    return question(Plan(StudyTable(), TrainConfig(), default_space(TrainConfig()), ConstraintsTable()), "f", "jax")
