"""What the dashboard tells of a study is what optuna-dashboard tells by itself, in every field."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from optuna_dashboard import save_note, wsgi
from werkzeug.test import EnvironBuilder, run_wsgi_app

from search.dashboard.details import answer
from storage.database.connection import Database
from tests.integration.dashboard.site import Site

DISTRIBUTIONS = {
    'a "name" \\ ü': FloatDistribution(-1e300, 1e300),
    "rate": FloatDistribution(1e-7, 1e17, log=True),
    "step": FloatDistribution(0.0, 1.0, step=0.1),
    "width": IntDistribution(8, 64, log=True),
    "even": IntDistribution(0, 10, step=2),
    "choice": CategoricalDistribution(["a", 'a "quoted" \\ ü', None, True, 7, 0.1]),
}
FLOATS = (1e-7, 1e-5, 1e-4, 0.1 + 0.2, 1 / 3, 1.0, 123456.0, 1e14, 1e15, 123456789012345.6, 1e16, 1e17)
CHOICES = ("a", 'a "quoted" \\ ü', None, True, 7, 0.1)
VALUES = (0.25, -math.inf, math.inf, 5e-324, 1e300)
ATTRIBUTES = {
    "text": 'a "quoted" line\nand ünïcode \\ %s :x \x00\x1d\x1e\x1f',
    'key "with" \\ ü :x \x1d\x1e\x1f': {"nested": [1, None, {"deep": math.inf}], "1e400": 1e300},
    "long": "x" * 3000,
    "long list": list(range(1000)),
    "empty": {},
    "": "",
}
SCALARS = (True, False, None, math.nan, math.inf, -math.inf, 0, -7, 1e16, 1e-5, -0.0, 10**30, "7", "true", "NaN")
REPORTS = (0.5, math.nan, math.inf, -math.inf, 1 / 3, -0.0, 5e-324, 1e16, 7.0)


def theirs(db: Database, path: str, query: str = "") -> Any:
    """What the library tells, which has read nothing before."""
    environ = EnvironBuilder(method="GET", path=path, query_string=query).get_environ()
    return json.loads(b"".join(run_wsgi_app(wsgi(db.storage), environ, buffered=True)[0]))


def ours(site: Site, path: str, query: str = "") -> Any:
    return json.loads(site.get(path, query_string=query)[1])


def in_order(told: Any) -> Any:
    """Without the order of what the library takes from sets and from its first look at a study."""
    for space in ("intersection_search_space", "union_search_space"):
        for parameter in told[space]:
            parameter["distribution"].get("choices", []).sort(key=str)
    told["union_user_attrs"].sort(key=str)
    return told


@pytest.fixture
def url(study: optuna.Study) -> str:
    return f"/api/studies/{study._study_id}"


@pytest.fixture
def site(db: Database, tmp_path: Path) -> Site:
    return Site(db, tmp_path)


def fill(study: optuna.Study) -> None:
    """Trials with everything that one can have."""
    states = [state for state in TrialState if state.is_finished()]
    for number, rate in enumerate(FLOATS):
        choice = CHOICES[number % 6]
        study.add_trial(
            create_trial(
                params={"rate": rate, 'a "name" \\ ü': -rate, "width": 17, "even": 4, "step": 0.3, "choice": choice},
                distributions=DISTRIBUTIONS,
                state=(state := states[number % 3]),
                value=None if state == TrialState.FAIL else VALUES[number % 5],
                user_attrs=ATTRIBUTES | {"scalar": SCALARS[number], "number": number},
                intermediate_values={9 - step: value for step, value in enumerate(REPORTS[: number % 10])},
            )
        )
    study.add_trial(create_trial(value=0.5, user_attrs={f"scalar {n}": scalar for n, scalar in enumerate(SCALARS)}))
    study.enqueue_trial({"rate": 0.5, "choice": None}, user_attrs={"name": "start"})
    study.ask()  # the waiting trial runs, without parameters yet
    study.enqueue_trial({"rate": 0.25, 'a "name" \\ ü': "ü"})


def test_every_trial_is_told_as_by_the_library(db: Database, study: optuna.Study, site: Site, url: str) -> None:
    fill(study)
    told = ours(site, url)
    assert len(told["trials"]) == len(FLOATS) + 3
    assert in_order(told) == in_order(theirs(db, url))


def test_fields_keep_the_library_s_order(db: Database, study: optuna.Study, site: Site, url: str) -> None:
    fill(study)
    assert list(ours(site, url)) == list(theirs(db, url))


def test_a_study_without_trials_is_told(db: Database, study: optuna.Study, site: Site, url: str) -> None:
    study.set_user_attr("of the study", [1, 2])
    assert ours(site, url) == theirs(db, url)


def test_notes_and_artifacts_are_told(db: Database, study: optuna.Study, site: Site, url: str) -> None:
    save_note(study, "of the study" * 400)
    study._storage.set_study_system_attr(study._study_id, "artifacts:1", json.dumps({"artifact_id": "of the study"}))
    for number in range(12):
        trial = study.ask()
        save_note(trial, f"note of {number}" * 300 * (number % 3))
        for key in (f"dashboard:artifacts:{trial._trial_id}:a", f"dashboard:artifacts:{trial._trial_id}:b"):
            meta = json.dumps({"artifact_id": key}) if number % 2 else "null"  # null: a deleted one
            study._storage.set_study_system_attr(study._study_id, key, meta)
        study._storage.set_trial_system_attr(trial._trial_id, "artifacts:c", json.dumps({"artifact_id": f"{number} ü"}))
        study.tell(trial, 0.5)
    told = ours(site, url)
    assert len(told["trials"][2]["note"]["body"]) > 2045 and told["note"]["body"].startswith("of the study")
    assert len(told["trials"][1]["artifacts"]) == 3 and len(told["artifacts"]) == 1
    assert told == theirs(db, url)
    assert ours(site, url, "after=9") == theirs(db, url, "after=9")  # the best trial has its note there too


def test_what_changes_between_requests_is_told(db: Database, study: optuna.Study, site: Site, url: str) -> None:
    finished, running = study.ask(), study.ask()
    study.tell(finished, 0.5)
    before = ours(site, url)
    running.suggest_float("rate", 0, 1)
    running.report(0.25, 1)
    save_note(finished, "a later note")  # notes of finished trials may change
    assert (told := ours(site, url)) == theirs(db, url) != before
    study.tell(running, 0.75)
    study.ask()
    assert ours(site, url) == theirs(db, url) != told
    assert ours(site, url, "after=1") == theirs(db, url, "after=1")
    assert [trial["number"] for trial in ours(site, url, "after=1")["trials"]] == [1, 2]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_trial_is_that_of_the_direction(db: Database, tmp_path: Path, direction: str) -> None:
    study = optuna.create_study(storage=db.storage, direction=direction)
    for value in (0.5, 0.75, 0.25):
        study.add_trial(create_trial(value=value))
    url = f"/api/studies/{study._study_id}"
    told = ours(Site(db, tmp_path), url)["best_trials"]
    assert told == theirs(db, url)["best_trials"] and told[0]["values"] == [0.75 if direction == "maximize" else 0.25]


def test_other_studies_and_requests_are_left_to_the_library(db: Database, site: Site) -> None:
    study = optuna.create_study(storage=db.storage, directions=["minimize", "maximize"])
    study.add_trial(create_trial(values=[0.5, 0.25]))
    url = f"/api/studies/{study._study_id}"
    assert ours(site, url) == theirs(db, url)
    assert site.ask("GET", "/api/studies/99")[0] == 404
    with pytest.raises(AssertionError):  # refused, as by the library
        site.get(url, query_string="after=-1")


def test_a_deleted_study_is_told_no_more(study: optuna.Study, site: Site, url: str) -> None:
    study.add_trial(create_trial(value=0.5))
    assert ours(site, url)["trials"]
    optuna.delete_study(study_name=study.study_name, storage=study._storage)
    assert site.ask("GET", url)[0] == 404


def test_a_large_study_is_told_without_its_plot_of_curves(
    study: optuna.Study, site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        study.add_trial(create_trial(value=0.5, intermediate_values={1: 0.25, 2: 0.5}))
    assert ours(site, url)["has_intermediate_values"]
    monkeypatch.setattr(answer, "MAX_CURVES", 2)
    told = ours(site, url)
    assert not told["has_intermediate_values"] and len(told["trials"][0]["intermediate_values"]) == 2


def test_a_large_answer_is_compressed_for_who_accepts_it(study: optuna.Study, site: Site, url: str) -> None:
    small = site.get(url, headers={"Accept-Encoding": "gzip, br"})[0]
    study.set_user_attr("long", "x" * answer.GZIP_BYTES)
    headers, body = site.get(url, headers={"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in small and headers["Content-Encoding"] == "gzip"
    assert int(headers["Content-Length"]) == len(body)
    assert gzip.decompress(body) == site.get(url)[1]
