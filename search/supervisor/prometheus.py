"""A study's metrics for Prometheus, served by the supervisor over HTTP while its workers train.

Every scrape queries the database. `unet_search_up` is 0 while it does not answer, and the other metrics are missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Lock

import click
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from search.study.scoring import read_scoring
from storage.database.connection import Database
from storage.studies.status import StudyStatus, Totals, study_status, study_totals
from trainer.errors import InputError


@dataclass(frozen=True)
class ObservedStudy:
    """The study whose metrics are served."""

    db: Database
    study_id: int
    name: str


class StudyMetrics(Collector):
    """Collects the metrics of the observed study at each scrape."""

    def __init__(self) -> None:
        self._observed: ObservedStudy | None = None
        self._lock = Lock()  # one scrape at a time, so that connections are left for the supervisor's own queries

    @contextmanager
    def observing(self, db: Database, study_id: int, name: str) -> Iterator[None]:
        """Observes a study inside the context, whose end waits for a scrape under way."""
        self._observed = ObservedStudy(db, study_id, name)
        try:
            yield
        finally:
            with self._lock:
                self._observed = None

    @override
    def collect(self) -> list[Metric]:
        with self._lock:
            metrics = _query_metrics(self._observed)
        up = GaugeMetricFamily("unet_search_up", "Whether the study's database answers.", 0 if metrics is None else 1)
        return [up, *(metrics or [])]


@contextmanager
def serve_metrics(port: int | None, host: str) -> Iterator[StudyMetrics]:
    """Serves metrics inside the context. Raises InputError where the port is in use.

    Args:
        port: 0 for any free one; None to serve nothing.
        host: the address to listen on.
    """
    metrics = StudyMetrics()
    if port is None:
        yield metrics
        return
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise InputError(
            f"--metrics-port must be free; got {host}:{port}: {error.strerror}; give another one, or 0 for any"
        ) from None
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"metrics at http://{shown}:{server.server_port}/metrics", err=True)
    try:
        yield metrics
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _query_metrics(observed: ObservedStudy | None) -> list[Metric] | None:
    """The study's metrics; None where there is no study yet, or the database does not answer."""
    if observed is None:
        return None
    try:
        status = study_status(observed.db, observed.study_id)
        totals = study_totals(observed.db, observed.study_id)
    except SQLAlchemyError:
        return None
    return _metric_families(observed.name, status, totals)


def _metric_families(study: str, status: StudyStatus, totals: Totals) -> list[Metric]:
    trials = GaugeMetricFamily("unet_search_trials", "Trials by state.", labels=["study", "state"])
    for state, count in asdict(status.counts).items():
        trials.add_metric([study, state], count)
    value = GaugeMetricFamily("unet_search_best_value", "The best trial's value.", labels=["study", "metric"])
    if status.best is not None:
        value.add_metric([study, read_scoring(status.question).metric], status.best.value)
    miou = None if status.best is None else status.best.miou
    return [
        trials,
        value,
        _gauge("unet_search_best_miou", "The best trial's validation mIoU.", study, miou),
        _counter("unet_search_epochs", "Epochs that trials reported.", study, totals.epochs),
        _counter("unet_search_device_seconds", "Time that trials held devices.", study, status.device_s),
        _gauge("unet_search_budget_trials", "Trials that the study may have.", study, totals.budget),
        _gauge("unet_search_workers", "Workers that hold a live lease, on all hosts.", study, totals.workers),
    ]


def _gauge(name: str, text: str, study: str, value: float | None) -> GaugeMetricFamily:
    """A gauge of one study; without a sample where there is no value yet."""
    family = GaugeMetricFamily(name, text, labels=["study"])
    if value is not None:
        family.add_metric([study], value)
    return family


def _counter(name: str, text: str, study: str, value: float) -> CounterMetricFamily:
    """A counter of one study; the library adds `_total` to its name."""
    family = CounterMetricFamily(name, text, labels=["study"])
    family.add_metric([study], value)
    return family
