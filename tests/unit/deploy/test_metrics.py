"""The Grafana dashboard and the alert rules: they name metrics and labels that are served, and no others."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from search.supervisor.prometheus import StudyMetrics, _metric_families
from storage.studies.attributes import TrialAttributes
from storage.studies.status import Counts, Leader, StudyStatus, Totals

ROOT = Path(__file__).resolve().parents[3]
GRAFANA = ROOT / "deploy" / "grafana"
NAME = re.compile(r"\bunet_search_\w+")


class _AllMetrics(Collector):
    """What a study with a best trial serves."""

    def collect(self) -> list[Metric]:
        leader = Leader(trial_id=1, number=0, value=0.5, attributes=TrialAttributes(miou=0.5))
        status = StudyStatus(Counts(), (leader,), (), None, 0.0)
        return [*StudyMetrics().collect(), *_metric_families("retina", status, Totals(0, 1, 0))]


def _served() -> str:
    registry = CollectorRegistry()
    registry.register(_AllMetrics())
    return generate_latest(registry).decode()


def _samples() -> set[str]:
    return {line.split("{")[0].split(" ")[0] for line in _served().splitlines() if not line.startswith("#")}


def _rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((GRAFANA / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _queries() -> list[str]:
    board = json.loads((GRAFANA / "unet-search.json").read_text("utf-8"))
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("query", [*_queries(), *(rule["expr"] for rule in _rules())])
def test_a_query_names_metrics_that_are_served(query: str) -> None:
    named = set(NAME.findall(query))
    assert named
    assert named <= _samples()


@pytest.mark.parametrize("query", [*_queries(), *(rule["expr"] for rule in _rules())])
def test_a_query_names_states_that_are_served(query: str) -> None:
    states = {state for found in re.findall(r'state=~?"([^"]+)"', query) for state in found.split("|")}
    assert states <= set(re.findall(r'state="(\w+)"', _served()))


def test_the_dashboard_shows_every_metric() -> None:
    assert set(NAME.findall(" ".join(_queries()))) == _samples()


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert set(NAME.findall(page)) == _samples()


def test_every_alert_says_what_it_means() -> None:
    assert all({"summary", "description"} <= rule["annotations"].keys() for rule in map(dict, _rules()))
