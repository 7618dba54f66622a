"""A study with everything that a study can have, and what a database says of one."""

import math
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.trial import TrialState
from optuna_dashboard import save_note
from sqlalchemy import text

from storage.artifacts.pictures import name_picture, write_picture
from storage.artifacts.store import Artifacts, checkpoint_key, weights_key
from storage.database.connection import Database
from storage.studies.configurations import take_configuration
from storage.studies.leases import bind_trial, claim_slot
from storage.studies.rows import TABLES
from storage.studies.study import freeze_question, set_budget

QUESTION = {"engine": "tensorflow", "rate": 1e-5, "third": 1 / 3, "text": 'a "quoted" line\nand ünïcode \\ %s :x'}
NAMES = """
    select study_id, study_name, null::integer as trial_id, null::integer as number from studies
    union all select s.study_id, s.study_name, t.trial_id, t.number from studies s join trials t using (study_id)"""


def fill(db: Database, artifacts: Artifacts, name: str = "mars", trials: int = 8) -> optuna.Study:
    """Trials of every state, values of every kind, pictures, a checkpoint, weights, notes, a slot, configurations."""
    study = optuna.create_study(study_name=name, storage=db.storage, direction="maximize")
    set_budget(db, study._study_id, 50)
    freeze_question(db, study._study_id, QUESTION)
    study.set_user_attr("question", QUESTION)
    for number in range(trials):
        _finish(db, artifacts, study, number)
    _run(db, artifacts, study)
    keep_file(artifacts, weights_key(name, 0), b"weights")
    study.enqueue_trial({"rate": 0.2})
    return study


def keep_file(artifacts: Artifacts, key: str, content: bytes) -> None:
    with artifacts.local(key) as kept:
        kept.path.write_bytes(content)
        kept.push()


def dump(db: Database, name: str) -> dict[str, list[Any]]:
    """All rows of a study by table, in their order, trials by their numbers instead of their ids."""
    with db.engine.connect() as connection:
        rows = connection.execute(text(NAMES)).all()
        studies = {row.study_id: row.study_name for row in rows}
        trials = {row.trial_id: row.number for row in rows if row.trial_id is not None}
        ids = [key for key, found in studies.items() if found == name]
        found: dict[str, list[Any]] = {}
        for table in TABLES:
            statement = f"select * from {table.name} where {table.of_studies} order by {table.order}"
            found[table.name] = [
                _named(dict(row), studies, trials)
                for row in connection.execute(text(statement), {"ids": ids}).mappings()
            ]
            for row in found[table.name]:
                row.pop(table.number, None)
    return found


def contents(root: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def keep_picture(artifacts: Artifacts, trial: optuna.Trial, picture: Path) -> str:
    """Keeps a PNG with a running trial; returns its id."""
    artifact_id = str(uuid4())
    write_picture(artifacts, artifact_id, picture)
    name_picture(trial.storage, trial._trial_id, artifact_id, picture.name)
    return artifact_id


def _finish(db: Database, artifacts: Artifacts, study: optuna.Study, number: int) -> None:
    trial = study.ask()
    rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
    trial.suggest_categorical("norm", ["batch", "group", None])
    trial.suggest_int("depth", 1, 4)
    for step, value in enumerate((rate, 1 / 3, math.nan, math.inf, -math.inf, -0.0), 1):
        trial.report(value, step)
    trial.set_user_attr("text", QUESTION["text"])
    trial.set_constraint("parameters", number - 0.1)
    with db.engine.begin() as connection:
        take_configuration(connection, study._study_id, f"digest {trial.number}", trial._trial_id)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "curves.png"
        picture.write_bytes(f"picture of {study.study_name} {trial.number}".encode())
        keep_picture(artifacts, trial, picture)
    save_note(trial, f"note on {trial.number}")
    state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)[number % 3]
    study.tell(trial, (math.inf, 0.5)[number % 2] if state == TrialState.COMPLETE else None, state=state)


def _run(db: Database, artifacts: Artifacts, study: optuna.Study) -> None:
    owner = uuid4()
    claim = claim_slot(db, study._study_id, owner, "host:0")
    assert claim is not None
    trial = study.ask()
    bind_trial(db, claim, trial._trial_id)
    trial.report(0.25, 1)
    keep_file(artifacts, checkpoint_key(study.study_name, trial.number), bytes(range(256)) * 5000)


def _named(row: dict[str, Any], studies: dict[int, str], trials: dict[int, int]) -> dict[str, Any]:
    if "trial_id" in row:
        row["trial_id"] = trials[row["trial_id"]]
    if "study_id" in row:
        row["study_id"] = studies[row["study_id"]]
    match str(row.get("key")).split(":"):
        case ["dashboard", trial_id, *rest] if trial_id.isdecimal():
            row["key"] = ["note", trials[int(trial_id)], *rest]
    return row
