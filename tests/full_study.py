"""A study with everything that a study can have, and what the database and the artifact store have of a study."""

import math
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.trial import TrialState
from optuna_dashboard import save_note
from sqlalchemy import text

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import checkpoint_key, weights_key
from storage.artifacts.pictures import name_picture, write_picture
from storage.database.connection import Database
from storage.studies.configurations import take_configuration
from storage.studies.leases import bind_trial, claim_slot
from storage.studies.rows import TABLES
from storage.studies.study import freeze_question, set_budget

QUESTION = {"engine": "tensorflow", "rate": 1e-5, "third": 1 / 3, "text": 'a "quoted" line\nand ünïcode \\ %s :x'}
GET_NAMES = text("""
    select study_id, study_name, null::integer as trial_id, null::integer as number from studies
    union all select s.study_id, s.study_name, t.trial_id, t.number from studies s join trials t using (study_id)""")


def make_full_study(db: Database, artifacts: Artifacts, name: str = "mars", trials: int = 8) -> optuna.Study:
    """Makes a study with trials of every state, values of every kind, notes, configurations, a slot and files.

    Args:
        db: where it is made.
        artifacts: gets a picture of every finished trial, a checkpoint and weights: trials + 2 files.
        name: of the study.
        trials: how many are finished; there is one running and one waiting trial more.
    """
    study = optuna.create_study(study_name=name, storage=db.storage, direction="maximize")
    set_budget(db, study._study_id, 50)
    freeze_question(db, study._study_id, QUESTION)
    study.set_user_attr("question", QUESTION)
    for number in range(trials):
        _add_finished_trial(db, artifacts, study, number)
    _add_running_trial(db, artifacts, study)
    upload_file(artifacts, weights_key(name, 0), b"weights")
    study.enqueue_trial({"rate": 0.2})
    return study


def upload_file(artifacts: Artifacts, key: str, content: bytes) -> None:
    with artifacts.local(key) as file:
        file.path.write_bytes(content)
        file.upload()


def attach_picture(artifacts: Artifacts, trial: optuna.Trial, picture: Path) -> str:
    """Stores a PNG as a picture of a running trial; returns its id."""
    artifact_id = str(uuid4())
    write_picture(artifacts, artifact_id, picture)
    name_picture(trial.storage, trial._trial_id, artifact_id, picture.name)
    return artifact_id


def read_rows(db: Database, name: str) -> dict[str, list[Any]]:
    """All rows of a study by table, in their order, with names of studies and numbers of trials for their ids."""
    with db.engine.connect() as connection:
        names = connection.execute(GET_NAMES).all()
        studies = {row.study_id: row.study_name for row in names}
        trials = {row.trial_id: row.number for row in names if row.trial_id is not None}
        ids = [study_id for study_id, study in studies.items() if study == name]
        tables: dict[str, list[Any]] = {}
        for table in TABLES:
            statement = f"select * from {table.name} where {table.of_studies} order by {table.order}"
            rows = connection.execute(text(statement), {"ids": ids}).mappings()
            tables[table.name] = [_without_ids(dict(row), studies, trials) for row in rows]
            for row in tables[table.name]:
                row.pop(table.surrogate_key, None)
    return tables


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, by its path in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _add_finished_trial(db: Database, artifacts: Artifacts, study: optuna.Study, number: int) -> None:
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
        attach_picture(artifacts, trial, picture)
    save_note(trial, f"note on {trial.number}")
    state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)[number % 3]
    study.tell(trial, (math.inf, 0.5)[number % 2] if state == TrialState.COMPLETE else None, state=state)


def _add_running_trial(db: Database, artifacts: Artifacts, study: optuna.Study) -> None:
    claim = claim_slot(db, study._study_id, uuid4(), "host:0")
    assert claim is not None
    trial = study.ask()
    bind_trial(db, claim, trial._trial_id)
    trial.report(0.25, 1)
    upload_file(artifacts, checkpoint_key(study.study_name, trial.number), bytes(range(256)) * 5000)


def _without_ids(row: dict[str, Any], studies: dict[int, str], trials: dict[int, int]) -> dict[str, Any]:
    if "trial_id" in row:
        row["trial_id"] = trials[row["trial_id"]]
    if "study_id" in row:
        row["study_id"] = studies[row["study_id"]]
    match str(row.get("key")).split(":"):
        case ["dashboard", trial_id, *rest] if trial_id.isdecimal():
            row["key"] = ["note", trials[int(trial_id)], *rest]
    return row
