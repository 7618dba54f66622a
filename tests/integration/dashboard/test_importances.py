"""The importances that the dashboard tells of a large study are those that optuna-dashboard tells by itself."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from optuna_dashboard import _importance

from search.dashboard.details import importances
from storage.database.connection import Database
from tests.integration.dashboard.site import Site
from tests.integration.dashboard.test_details import ours, theirs

RATE, WIDTH = FloatDistribution(0.0, 1.0), CategoricalDistribution([8, 16])


@pytest.fixture
def site(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """For which every study is a large one."""
    monkeypatch.setattr(importances, "LARGE", 2)
    monkeypatch.setattr(_importance, "param_importance_cache", {})  # by a study's id, which each database begins anew
    return Site(db, tmp_path)


def add_trials(study: optuna.Study, numbers: range, state: TrialState = TrialState.COMPLETE, sign: int = 1) -> None:
    for number in numbers:
        rate, width = number * 37 % 101 / 101, [8, 16][number % 2]
        params: dict[str, Any] = {"rate": rate} if number % 5 == 0 else {"rate": rate, "width": width}
        distributions = {name: {"rate": RATE, "width": WIDTH}[name] for name in params}
        value = sign * (1 - rate)
        study.add_trial(create_trial(params=params, distributions=distributions, value=value, state=state))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_they_are_the_library_s(db: Database, site: Site, direction: str) -> None:
    study = optuna.create_study(storage=db.storage, direction=direction)
    add_trials(study, range(60))
    add_trials(study, range(60, 80), TrialState.PRUNED, sign=-9)
    study.ask()
    url = f"/api/studies/{study._study_id}/param_importances"
    told = ours(site, url)
    assert told == theirs(db, url)
    assert [found["name"] for found in told["param_importances"][0]] == ["rate", "width"]


def test_they_are_computed_again_when_the_study_has_grown(
    study: optuna.Study, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importances, "GROWTH", 1.5)
    url = f"/api/studies/{study._study_id}/param_importances"
    add_trials(study, range(20))
    told = ours(site, url)
    add_trials(study, range(20, 25), sign=-9)
    assert ours(site, url) == told
    add_trials(study, range(25, 40), sign=-9)
    assert ours(site, url) != told


def test_other_studies_are_left_to_the_library(db: Database, site: Site) -> None:
    study = optuna.create_study(storage=db.storage, directions=["minimize", "maximize"])
    for rate in (0.25, 0.5, 0.75):
        trial = create_trial(params={"rate": rate}, distributions={"rate": RATE}, values=[rate, rate])
        study.add_trial(trial)
    url = f"/api/studies/{study._study_id}/param_importances"
    assert ours(site, url) == theirs(db, url)
    assert site.ask("GET", "/api/studies/99/param_importances")[0] == 404


def test_trials_without_parameters_are_left_to_the_library(db: Database, study: optuna.Study, site: Site) -> None:
    for _ in range(4):
        study.add_trial(create_trial(value=0.5))
    url = f"/api/studies/{study._study_id}/param_importances"
    assert json.loads(site.ask("GET", url)[1]) == theirs(db, url)
