"""`docker compose up workers`: a search in containers, through kills, stops and restarts."""

import json
import os
import subprocess
import tomllib

import pytest

from tests.docker.stack import Stack, wait_for

pytestmark = pytest.mark.docker

UNDER_WAY = """
    select t.number, s.worker from trials t join unet_search_slots s using (trial_id)
    where t.state = 'RUNNING' and s.owner is not null and exists (
      select from trial_intermediate_values i where i.trial_id = t.trial_id)"""
STATES = "select number, state from trials order by number"
STEPS = """
    select t.number, count(*), min(step), max(step) from trials t join trial_intermediate_values i using (trial_id)
    group by t.number order by t.number"""
LAST_WORKER = """
    select value_json from trial_user_attributes a join trials t using (trial_id)
    where a.key = 'worker' and t.number = {}"""


def test_workers_start_the_services_they_need_and_search_to_the_end(stack: Stack) -> None:
    assert "3 of 3 trials, 3 complete" in stack.compose("up", "workers").stdout
    services = {row["Service"] for row in map(json.loads, _lines(stack, "ps", "-a", "--format", "json"))}
    assert services == {"db", "folders", "init", "roles", "workers"}
    status = stack.status()
    assert status["study"] == "mars" and status["trials"]["complete"] == 3
    assert "best2.toml" in stack.run("unet-search", "export", "-o", "best2.toml").stdout
    written, exported = (tomllib.loads((stack.out / name).read_text()) for name in ("best.toml", "best2.toml"))
    assert written["provenance"]["value"] == exported["provenance"]["value"] == status["best"]["miou"]
    assert written["budget"]["epochs"] == 3


def test_down_and_up_go_on_with_the_study(stack: Stack) -> None:
    stack.compose("up", "workers")
    before = stack.status()["best"]
    stack.compose("down")
    stack.settings["TRIALS"] = "4"
    assert "4 of 4 trials" in stack.compose("up", "workers").stdout
    assert [row[0] for row in stack.sql(STATES)] == ["0", "1", "2", "3"]
    assert stack.status()["best"]["miou"] >= before["miou"]


def test_the_trial_of_a_killed_container_is_finished_by_the_other(stack: Stack) -> None:
    stack.settings |= {"TRIALS": "4", "EPOCHS": "25"}
    stack.compose("up", "-d", "--scale", "workers=2", "workers")
    wait_for(lambda: len(stack.sql(UNDER_WAY)) == 2, "two trials with an epoch")
    number, worker = stack.sql(UNDER_WAY)[0]
    subprocess.run(["docker", "kill", worker.partition(":")[0]], check=True, capture_output=True)
    wait_for(stack.workers_ended, "an end of the search")
    assert stack.sql(STATES) == [[str(n), "COMPLETE"] for n in range(4)]
    assert stack.sql(STEPS) == [[str(n), "25", "1", "25"] for n in range(4)]
    (by,) = stack.sql(LAST_WORKER.format(number))
    assert json.loads(by[0]) != worker


def test_sigterm_hands_on_within_the_grace_period(stack: Stack) -> None:
    stack.settings |= {"TRIALS": "1", "EPOCHS": "60"}
    stack.compose("up", "-d", "workers")
    wait_for(lambda: len(stack.sql(UNDER_WAY)) == 1, "a trial with an epoch")
    stack.compose("stop", "workers")
    (worker,) = stack.containers("workers")
    assert worker["ExitCode"] == 143  # 137: it was killed
    assert stack.sql("select count(*) from unet_search_slots where owner is not null") == [["0"]]
    assert stack.sql(STATES) == [["0", "RUNNING"]]  # for the next worker
    stack.compose("up", "workers")
    assert stack.sql(STATES) == [["0", "COMPLETE"]]
    assert stack.sql(STEPS) == [["0", "60", "1", "60"]]


def test_a_stopped_study_stays_stopped_until_resume(stack: Stack) -> None:
    stack.compose("up", "init")
    stack.run("unet-search", "stop")
    stack.compose("up", "workers")
    words = "the study is stopped: asked for by `unet-search stop`; go on with: unet-search resume"
    assert words in stack.compose("logs", "workers").stdout
    (worker,) = stack.containers("workers")
    assert (worker["State"], worker["ExitCode"]) == ("exited", 0)
    assert stack.sql(STATES) == []
    stack.run("unet-search", "resume")
    assert "3 of 3 trials" in stack.compose("up", "workers").stdout


def test_another_question_is_refused_before_the_workers_start(stack: Stack) -> None:
    stack.compose("up", "workers")
    stack.settings["EPOCHS"] = "5"
    assert stack.compose("up", "workers", status=None).returncode
    assert "train.budget.epochs is 3 in the study and 5 here" in stack.compose("logs", "init").stdout


def test_a_folder_of_another_user_is_refused_with_one_line(stack: Stack) -> None:
    stack.out.mkdir()
    os.chown(stack.out, 12345, 12345)
    assert stack.compose("up", "workers", status=None).returncode
    said = [
        line for line in stack.compose("logs", "--no-log-prefix", "init").stdout.splitlines() if "images" not in line
    ]
    assert len(said) == 1 and "the folder must be writable; got /out" in said[0]
    assert "it belongs to user 12345, and this is user 1000" in said[0]


def test_the_container_has_no_rights_and_no_compiler(stack: Stack) -> None:
    found = stack.run("sh", "-c", "id -u; touch /x; grep CapEff /proc/1/status; which gcc cc g++ c++ clang make; true")
    user, rights = found.stdout.splitlines()
    assert user == "1000"
    assert int(rights.split()[1], 16) == 0
    assert "Read-only file system" in found.stderr


def _lines(stack: Stack, *arguments: str) -> list[str]:
    return stack.compose(*arguments).stdout.splitlines()
