"""A search on a real Ray cluster: three nodes of this machine, of which some are lost, join or are taken away."""

import re
import subprocess

import psutil
import pytest

from search.worker.contract import TOLD_TO_STOP
from tests.ray.cluster import wait_until
from tests.ray.conftest import SECRET, FleetSearch

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1800)]
FAKE = "--trainer tests.fake_train:make_trainer"
TINY = """
[train.model]
depth = 1
stem = 1
norm = "none"
[train.augment]
mode = "none"
"""
THREE = ("one", "two", "three")


def start_on_all(paused: FleetSearch, trials: int) -> "subprocess.Popen[str]":
    """A command of which each of the three nodes holds a trial that pauses."""
    command = paused.start(trials=trials, options=FAKE)
    wait_until(lambda: paused.busy() == {*THREE})
    return command


def finish(paused: FleetSearch, command: "subprocess.Popen[str]", trials: int) -> None:
    """Ends the pause: the command must end well, and meet its budget."""
    paused.go_on()
    assert command.wait() == 0, paused.describe()
    assert sorted(trial.number for trial in paused.finished()) == list(range(trials))


def test_a_trial_of_a_lost_node_is_finished_on_another_one(search: FleetSearch) -> None:
    """With real trainings; the machine of a lost node releases nothing, so that the lease has to end."""
    command = search.start(trials=5, epochs=40, more=TINY)
    wait_until(lambda: search.running_on("two") is not None or command.poll() is not None)
    lost = search.running_on("two")
    assert lost is not None, search.describe()
    search.cluster.lose("two")
    assert command.wait() == 0, search.describe()
    numbers = {trial.number: trial for trial in search.finished()}
    assert sorted(numbers) == list(range(5))
    assert numbers[lost.number].user_attrs["worker"].partition(":")[0] in ("one", "three")
    assert search.nodes() >= {"one", "three"}


def test_a_node_that_joins_takes_part(paused: FleetSearch) -> None:
    command = start_on_all(paused, trials=12)
    paused.cluster.start("four")
    wait_until(lambda: paused.busy() == {*THREE, "four"})
    finish(paused, command, trials=12)
    assert "four" in paused.nodes()
    paused.cluster.lose("four")


def test_a_node_that_is_taken_away_hands_its_trial_on(paused: FleetSearch) -> None:
    command = start_on_all(paused, trials=6)
    trial = paused.running_on("two")
    assert trial is not None
    paused.cluster.dismiss("two")
    assert f"trial {trial.number} is handed on" in paused.worker_log("two")
    assert paused.busy() == {"one", "three"}  # at once, not at the end of the lease
    finish(paused, command, trials=6)


def test_a_search_goes_on_when_the_head_is_started_again(paused: FleetSearch) -> None:
    """Without Redis, Ray's other nodes do not know the new head, and end: they are to be started again, too."""
    command = start_on_all(paused, trials=8)
    before = {trial.number for trial in paused.running()}
    paused.cluster.lose("one")
    paused.cluster.start("one")
    wait_until(lambda: paused.cluster.has_ended("two") and paused.cluster.has_ended("three"))
    paused.cluster.start("two", "three")
    wait_until(lambda: paused.busy() == {*THREE})
    assert {trial.number for trial in paused.running()} == before
    finish(paused, command, trials=8)


def test_a_driver_that_dies_is_started_again(paused: FleetSearch) -> None:
    command = start_on_all(paused, trials=6)
    before = {trial.number for trial in paused.running()}
    paused.driver().kill()
    wait_until(lambda: all(len(re.findall(r"trial \d starts", paused.worker_log(node))) == 2 for node in THREE))
    assert {trial.number for trial in paused.running()} == before
    finish(paused, command, trials=6)


def test_a_command_that_is_told_to_end_leaves_nothing_running(paused: FleetSearch) -> None:
    command = start_on_all(paused, trials=6)
    command.terminate()
    assert command.wait() == TOLD_TO_STOP
    assert (paused.busy(), len(paused.running())) == (set(), 3)
    assert not [process for process in psutil.process_iter(["cmdline"]) if paused.is_worker(process)]
    finish(paused, paused.start(trials=6, options=FAKE), trials=6)


def test_the_cluster_shows_no_password(search: FleetSearch) -> None:
    command = search.start(trials=3, options=FAKE)
    wait_until(lambda: bool(search.running()))
    assert SECRET in search.environ["DATABASE_URL"]
    assert not [process for process in psutil.process_iter(["cmdline"]) if SECRET in str(process.info["cmdline"])]
    assert command.wait() == 0, search.describe()
    logs = [path for path in search.cluster.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in logs if SECRET.encode() in path.read_bytes()] == []


def test_an_address_without_a_cluster_is_refused(search: FleetSearch) -> None:
    command = search.start(trials=3, options=FAKE, address="127.0.0.9:1")
    assert command.wait() == 2
    assert "--address must be that of a Ray cluster" in search.output.read_text()
