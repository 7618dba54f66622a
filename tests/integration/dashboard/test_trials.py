"""What the dashboard tells of every trial is what optuna-dashboard tells by itself."""

import json
import math
from pathlib import Path

import optuna
from optuna_dashboard import _serializer, save_note

from storage.database.connection import Database
from tests.integration.dashboard.site import Site


def test_notes_and_artifacts_of_every_trial_are_told(db: Database, study: optuna.Study, tmp_path: Path) -> None:
    save_note(study, "of the study" * 400)
    for number in range(12):
        trial = study.ask()
        save_note(trial, f"note of {number}" * 300 * (number % 3))
        key = f"dashboard:artifacts:{trial._trial_id}:00000000-0000-0000-0000-{number:012}"
        study._storage.set_study_system_attr(study._study_id, key, json.dumps({"artifact_id": str(number)}))
        for step, value in enumerate((0.5, math.nan, math.inf, -math.inf, 1 / 3)[: number % 6]):
            trial.report(value, 9 - step)
        study.tell(trial, 0.5)
    told = json.loads(Site(db, tmp_path).get(f"/api/studies/{study._study_id}")[1])
    attributes = db.storage.get_study_system_attrs(study._study_id)  # of the whole study, as the library looks at them
    tell = _serializer.serialize_frozen_trial.__wrapped__  # the library's own
    theirs = [tell(study._study_id, trial, attributes) for trial in study.get_trials()]
    assert told["trials"] == json.loads(json.dumps(theirs))
    assert len(told["trials"][2]["note"]["body"]) > 2045 and told["note"]["body"].startswith("of the study")
    assert [trial["artifacts"] for trial in told["trials"]] == [[{"artifact_id": str(n)}] for n in range(12)]
