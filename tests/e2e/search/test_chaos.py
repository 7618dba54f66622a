"""The treatments of `make chaos`, small: real kills, restarts and races, and nothing is lost."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.chaos import treatments
from benchmarks.chaos.fleet import Ours
from benchmarks.chaos.server import Server, own_server
from benchmarks.chaos.treatments import Row

pytestmark = pytest.mark.slow  # tests/e2e/search/test_search.py has each of these on a small scale


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="unet-test-"))
    try:
        with own_server(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def assert_nothing_lost(row: Row) -> None:
    outcome = row.outcome
    assert outcome.finished == row.budget, row
    assert not (outcome.running or outcome.failed or outcome.duplicated or outcome.gaps or row.died or row.note), row


def test_killed_workers_lose_no_trial(server: Server) -> None:
    row = treatments.killed(Ours, server, trials=16, workers=2, every_s=4.0, most=4)
    assert int(row.treatment.split()[0]) >= 1
    assert_nothing_lost(row)


def test_a_restarted_server_costs_no_trial_and_no_worker(server: Server) -> None:
    row = treatments.restarted(Ours, server, times=2, trials=24, every_s=3.0)
    assert row.treatment == "server restarted 2 times"
    assert_nothing_lost(row)


def test_first_starts_at_once_end_at_the_budget(server: Server) -> None:
    row = treatments.first_starts(Ours, server, rounds=1, hosts=3, trials=4)
    assert row.note == "1 of 1 rounds end at exactly 4, the worst at 4"
    assert row.outcome.finished == 4 and row.outcome.running == row.outcome.failed == row.died == 0


def test_a_worker_that_was_stopped_past_its_lease_leaves_its_trial_alone(server: Server) -> None:
    assert_nothing_lost(treatments.paused(Ours, server))


def test_a_fleet_that_is_stopped_goes_on(server: Server) -> None:
    row = treatments.terminated(Ours, server, trials=12)
    assert row.outcome.finished == 12 and row.outcome.running == row.outcome.failed == row.outcome.gaps == 0
    assert float(row.note.split()[2]) < 10
