"""The figures of a scrape, and a database that goes away."""

from uuid import uuid4

import optuna
from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine

from search.supervisor.prometheus import StudyMetrics
from storage.database.connection import Database
from storage.studies.leases import claim_slot, release_owner
from storage.studies.status import Totals, study_totals


def value(metrics: StudyMetrics, name: str, **labels: str) -> float | None:
    """One sample of a scrape."""
    registry = CollectorRegistry()
    registry.register(metrics)
    return registry.get_sample_value(name, labels)


def study_id(study: optuna.Study) -> int:
    return study._study_id


def test_totals_count_reports_and_live_leases(db: Database, study: optuna.Study) -> None:
    assert study_totals(db, study_id(study)) == Totals(epochs=0, budget=10, workers=0)
    trial, owner = study.ask(), uuid4()
    for epoch in (1, 2, 3):
        trial.report(0.1, epoch)
    claim_slot(db, study_id(study), owner, "host:0")
    claim_slot(db, study_id(study), uuid4(), "host:1", lease_s=-1)
    assert study_totals(db, study_id(study)) == Totals(epochs=3, budget=10, workers=1)
    release_owner(db, owner)
    assert study_totals(db, study_id(study)).workers == 0


def test_another_study_is_not_counted(db: Database, study: optuna.Study) -> None:
    other = optuna.create_study(study_name="other", storage=db.storage)
    other.ask().report(0.5, 1)
    assert study_totals(db, study_id(study)).epochs == 0


def test_a_scrape_shows_the_study_that_is_followed(db: Database, study: optuna.Study) -> None:
    metrics = StudyMetrics()
    assert value(metrics, "unet_search_up") == 0
    with metrics.observing(db, study_id(study), 'with "quotes"\n'):
        assert value(metrics, "unet_search_up") == 1
        assert value(metrics, "unet_search_best_miou", study='with "quotes"\n') is None
        study.tell(study.ask(), 0.25)
        assert value(metrics, "unet_search_best_miou", study='with "quotes"\n') == 0.25
        assert value(metrics, "unet_search_best_value", study='with "quotes"\n', metric="miou") == 0.25
        assert value(metrics, "unet_search_trials", study='with "quotes"\n', state="complete") == 1
    assert value(metrics, "unet_search_up") == 0


def test_a_database_that_is_away_gives_up_0_and_nothing_else() -> None:
    url = "postgresql+psycopg2://nobody@127.0.0.1:1/none"
    metrics = StudyMetrics()
    with metrics.observing(Database(url, create_engine(url)), 1, "mars"):
        (up,) = metrics.collect()
    assert (up.name, up.samples[0].value) == ("unet_search_up", 0)
