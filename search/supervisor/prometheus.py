"""A study's figures for Prometheus, served by the supervisor over HTTP while its workers train.

Every scrape asks the database. `unet_search_up` is 0 while that does not answer; the other figures are then missing.
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

from storage.database.connection import Database
from storage.studies.status import StudyStatus, Totals, study_status, study_totals
from trainer.errors import InputError


@dataclass(frozen=True)
class Followed:
    """The study that is shown."""

    db: Database
    study_id: int
    name: str


class StudyMetrics(Collector):
    """What a scrape gets: the figures of the study that is followed."""

    def __init__(self) -> None:
        self._followed: Followed | None = None
        self._lock = Lock()  # one scrape at a time: the supervisor's own queries need connections too

    @contextmanager
    def following(self, db: Database, study_id: int, name: str) -> Iterator[None]:
        """Shows this study as long as the context lasts; the end waits for a scrape under way."""
        self._followed = Followed(db, study_id, name)
        try:
            yield
        finally:
            with self._lock:
                self._followed = None

    def collect(self) -> list[Metric]:
        """Called by the library at each scrape."""
        with self._lock:
            found = _ask(self._followed)
        up = GaugeMetricFamily("unet_search_up", "Whether the study's database answers.", 0 if found is None else 1)
        return [up] if found is None else [up, *found]


@contextmanager
def serve_metrics(port: int | None, host: str) -> Iterator[StudyMetrics]:
    """Serves metrics on a port, 0 for any free one; on None nothing is served. InputError where the port is taken."""
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


def _ask(followed: Followed | None) -> list[Metric] | None:
    """The study's figures; None where there is no study yet, or the database is away."""
    if followed is None:
        return None
    try:
        status = study_status(followed.db, followed.study_id)
        totals = study_totals(followed.db, followed.study_id)
    except SQLAlchemyError:
        return None
    return _families(followed.name, status, totals)


def _families(study: str, status: StudyStatus, totals: Totals) -> list[Metric]:
    trials = GaugeMetricFamily("unet_search_trials", "Trials by state.", labels=["study", "state"])
    for state, count in asdict(status.counts).items():
        trials.add_metric([study, state], count)
    best = None if status.best is None else status.best.value
    return [
        trials,
        _gauge("unet_search_best_miou", "The highest validation mIoU so far.", study, best),
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
