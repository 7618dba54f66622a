"""A study as optuna-dashboard's page asks for it, told in seconds for 10,000 trials.

Optuna-dashboard makes an object of each trial, and JSON of all of them for every request. Here the JSON of ended trials
is kept. Notes and artifacts, which people may change, and a study's own attributes are read for each answer.
"""

import gzip
import json
from contextlib import suppress
from threading import Thread
from typing import Any

from bottle import Bottle, HTTPResponse, request
from optuna.study._frozen import FrozenStudy
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects
from optuna_dashboard._note import get_note_from_system_attrs
from optuna_dashboard._serializer import serialize_study_detail
from optuna_dashboard.preferential._study import _SYSTEM_ATTR_PREFERENTIAL_STUDY
from sqlalchemy.exc import SQLAlchemyError

from search.dashboard.details.kept import KeptTrials, find_best
from search.dashboard.details.trials import SEPARATOR, Told, list_artifacts
from search.dashboard.routes import Callback, replace_route
from storage.database.connection import Database
from storage.database.trial_rows import suits_optuna
from storage.database.trial_texts import list_studies, read_study_attributes

RULE = "/api/studies/<study_id:int>"
MAX_CURVES = 1000  # trials of a study whose curves the page draws: with 10,000 a browser stands still for minutes
GZIP_BYTES = 2**17  # of an answer that is worth being compressed

Attributes = dict[str, Any]


class Details:
    """The studies of a database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: dict[int, KeptTrials] = {}

    def take_over(self, dashboard: Bottle) -> None:
        """Lets the dashboard tell studies in this way, where Optuna's tables are those that are read."""
        if suits_optuna():
            replace_route(dashboard, "GET", RULE, lambda theirs: lambda study_id: self._answer(study_id, theirs))

    def warm(self) -> None:
        """Begins to read the trials of all studies, in a thread of its own; ignores an unreachable database."""
        Thread(target=self._read_all, name="warm-details", daemon=True).start()

    def _read_all(self) -> None:
        with suppress(SQLAlchemyError):
            for study_id in list_studies(self._db):
                self._keep(study_id).read(self._db)

    def _answer(self, study_id: int, theirs: Callback) -> Any:
        """The answer to a request; the library's own about a study of several objectives, and about none."""
        after: str = request.params.get("after", "0")
        body = self._tell(study_id, int(after)) if after.isdecimal() else None
        if body is None:
            return theirs(study_id=study_id)
        headers = {"Content-Type": "application/json", "Vary": "Accept-Encoding"}
        if len(body) >= GZIP_BYTES and "gzip" in request.get_header("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        return HTTPResponse(body, headers=headers)

    def _tell(self, study_id: int, after: int) -> bytes | None:
        storage = self._db.storage
        try:
            user_attrs = storage.get_study_user_attrs(study_id)
            name, directions = storage.get_study_name_from_id(study_id), storage.get_study_directions(study_id)
        except KeyError:
            self._kept.pop(study_id, None)
            return None
        kept = self._keep(study_id)
        trials = kept.read(self._db)
        told, best = trials[after:], find_best(trials, directions[0])
        asked = [*told, best] if best else told
        own, by_trial = self._read_attributes(study_id, None if after == 0 else [trial.trial_id for trial in asked])
        if len(directions) > 1 or own.get(_SYSTEM_ATTR_PREFERENTIAL_STUDY):
            return None
        summary = kept.summary
        fields = serialize_study_detail(
            FrozenStudy(name, None, user_attrs, own, study_id, directions=directions),
            [],
            [],
            summary.intersection_search_space,
            summary.union_search_space,
            summary.union_user_attrs,
            summary.has_intermediate_values and len(trials) <= MAX_CURVES,
            get_plotly_graph_objects(own),
            [],
        )
        parts = [b"{"]
        for field, value in fields.items():
            parts.append(f'"{field}": '.encode())
            if listed := {"trials": told, "best_trials": [best] if best else []}.get(field):
                parts += _tell_list(listed, by_trial)
            else:
                parts.append(json.dumps(value).encode())
            parts.append(SEPARATOR.encode())
        return b"".join([*parts[:-1], b"}"])  # joined once: the parts of a large study are 80 MB

    def _keep(self, study_id: int) -> KeptTrials:
        return self._kept.setdefault(study_id, KeptTrials(study_id))

    def _read_attributes(self, study_id: int, trial_ids: list[int] | None) -> tuple[Attributes, dict[str, Attributes]]:
        """The system attributes of the study itself, and of its trials by Optuna's id."""
        own: Attributes = {}
        by_trial: dict[str, Attributes] = {}
        for row in read_study_attributes(self._db, study_id, trial_ids):
            found = by_trial.setdefault(row.trial_id, {}) if row.trial_id.isdecimal() else own
            found[row.key] = json.loads(row.value_json)
        return own, by_trial


def _tell_list(trials: list[Told], by_trial: dict[str, Attributes]) -> list[bytes]:
    """The parts of a JSON list of trials; `by_trial` are the study's attributes of each."""
    parts = []
    for trial in trials:
        attributes = by_trial.get(str(trial.trial_id), {})
        note = get_note_from_system_attrs(attributes, trial.trial_id)
        artifacts = list_artifacts(attributes, f"dashboard:artifacts:{trial.trial_id}:")
        parts += [b", ", trial.text, trial.rest(note, artifacts)]
    return [b"[", *parts[1:], b"]"]
