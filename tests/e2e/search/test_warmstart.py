"""Warm starts are tried once, before anything is drawn, in their order, with their whole configurations."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.study.export import export_trial
from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy, open_study
from search.study.warmstart import PAPER_SYSTEMS, load_warm_starts
from storage.database.connection import connect
from storage.studies.leases import budget_left
from storage.studies.status import study_status
from storage.studies.study import set_budget
from tests.e2e.command import FAKE_WORKER, run_command, run_forked, start_command
from tests.e2e.conftest import Search, act_when, make_search, trials_in
from tests.e2e.refusal import assert_refused
from tests.fake_train import Pause
from tests.postgres_server import fresh_database
from trainer.configfile import override, parse_config, read_toml

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
TWO = '[space]\n"model.width" = { choice = [8, 16] }\n'
NO_PRUNER = "pruner = 'none'"
STARTS = {  # they differ in fields that no space of these tests varies
    "first": "model = { width = 16, depth = 2 }\nloss = { name = 'dice', gamma = 3.0 }\n",
    "second": "model = { width = 8, norm = 'group' }\naugment = { mode = 'static', copies = 2 }\n",
    "third": "model = { width = 32 }\noptimizer = { name = 'lion', weight_decay = 0.0 }\ndata = { oversample = 4 }\n",
    "fourth": "schedule = { name = 'plateau' }\nbudget = { images = 7, patience = 3 }\nmodel = { residual = false }\n",
}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The files of STARTS."""
    return write_starts(tmp_path)


def write_starts(folder: Path) -> list[Path]:
    files = [folder / f"{name}.toml" for name in STARTS]
    for file in files:
        file.write_text(STARTS[file.stem])
    return files


@dataclass(frozen=True)
class Finished:
    """A study whose six trials, four of them warm starts, are finished."""

    search: Search
    opened: OpenStudy
    files: list[Path]  # of the warm starts
    trials: list[FrozenTrial]


@pytest.fixture(scope="module")
def finished(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("starts")
    with make_search(server_url, template, folder) as search:
        files = write_starts(folder)
        search.create_study(6, study=NO_PRUNER, starts=[*files, files[0]])
        opened = search.create_study(6, study=NO_PRUNER, starts=files)  # as the same command would
        assert search.run(2) == 0
        yield Finished(search, opened, files, opened.study.get_trials())


def get_names(trials: list[FrozenTrial]) -> list[str | None]:
    return [trial.user_attrs.get("name") for trial in trials]


def in_order_of_start(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    return sorted(trials, key=lambda trial: str(trial.datetime_start))


def assert_trained_with(opened: OpenStudy, trial: FrozenTrial, file: Path) -> None:
    """Asserts that the trial was trained with the whole configuration of a warm start."""
    (start,) = load_warm_starts([str(file)], opened.plan.base, opened.plan.space)
    seed = opened.trial_seed(trial.number)
    assert parse_config(trial.user_attrs["config"]) == override(start.config, {"seed": seed})
    assert trial.params == start.values


def test_each_start_is_trained_once_first_and_in_order(finished: Finished) -> None:
    trials = in_order_of_start(finished.trials)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert get_names(trials) == [*STARTS, None, None]
    assert [trial.number for trial in trials[:4]] == [0, 1, 2, 3]


def test_a_start_is_trained_with_its_whole_configuration(finished: Finished) -> None:
    for trial, file in zip(finished.trials, finished.files, strict=False):
        assert_trained_with(finished.opened, trial, file)
    budget = finished.trials[3].user_attrs["config"]["budget"]
    assert (budget["epochs"], budget["images"], budget["patience"]) == (6, 7, 3)


def test_the_same_command_enqueues_nothing_on_a_finished_study(finished: Finished) -> None:
    trials = len(finished.opened.study.get_trials())
    again = finished.search.create_study(6, study=NO_PRUNER, starts=finished.files)
    assert len(again.study.get_trials()) == trials


def test_the_leaderboard_names_starts(finished: Finished) -> None:
    status = json.loads(run_forked("status --json", finished.search.folder, DATABASE_URL=finished.search.db.url).out)
    leaders = leaderboard(finished.opened.study, 4)
    assert [row["number"] for row in status["leaderboard"][:4]] == [trial.number for trial in leaders]
    assert [row["name"] for row in status["leaderboard"][:4]] == get_names(leaders)
    assert set(get_names(leaders)) & STARTS.keys()  # at most two of the trials have none
    assert status["best"]["name"] == status["leaderboard"][0]["name"]
    certainty = {"value", "interval", "chance_to_beat_best"}
    costs = {"parameters", "memory_mib", "ms_per_image", "ms_per_image_batched"}
    assert status["leaderboard"][0].keys() == {"number", "name", "miou", "miou_keras"} | certainty | costs
    config = parse_config(leaders[0].user_attrs["config"]).model
    assert status["leaderboard"][0]["parameters"] == 1000 * config.width * config.depth


def test_the_leaderboard_says_how_sure_its_values_are(finished: Finished) -> None:
    """In the fake trainer's blocks a better trial is better in every draw."""
    run_status = partial(run_forked, folder=finished.search.folder, DATABASE_URL=finished.search.db.url)
    rows = json.loads(run_status("status --json").out)["leaderboard"]
    for row in rows:
        low, high = row["interval"]
        assert low <= row["value"] <= high
    assert rows[0]["chance_to_beat_best"] is None
    assert [row["chance_to_beat_best"] for row in rows[1:] if row["value"] < rows[0]["value"]] != []
    assert all(row["chance_to_beat_best"] == 0 for row in rows[1:] if row["value"] < rows[0]["value"])
    shown = run_status("status").out
    assert "95 % interval" in shown and "behind (0.00)" in shown


def test_an_export_names_a_start(finished: Finished, tmp_path: Path) -> None:
    export_trial(finished.opened, tmp_path / "out.toml", 2)
    assert read_toml(tmp_path / "out.toml")["provenance"]["name"] == "third"


def test_more_are_enqueued_on_a_finished_study(finished: Finished) -> None:
    search, opened = finished.search, finished.opened
    out = run_command("enqueue first.toml --set loss.gamma=4.0", search.folder, DATABASE_URL=search.db.url).output()
    assert out.splitlines() == [
        "trial 6 first waits",
        "1 of 1 waiting trials have no place among the 6 of the study; `unet-search run --trials 7` makes room",
    ]
    assert budget_left(search.db, opened.study_id).free == 0
    set_budget(search.db, opened.study_id, 7)
    assert search.run(1) == 0
    trial = trials_in(opened, *FINISHED)[6]
    assert trial.user_attrs["name"] == "first"
    assert trial.user_attrs["config"]["loss"]["gamma"] == 4.0 and trial.user_attrs["config"]["budget"]["epochs"] == 6


def test_the_systems_of_the_report_are_trained(search: Search) -> None:
    opened = search.create_study(4, space="", epochs=2, starts=["report"])
    assert search.run(1) == 0
    assert get_names(in_order_of_start(trials_in(opened, *FINISHED))) == list(PAPER_SYSTEMS)


def test_a_waiting_start_is_trained_though_the_space_is_exhausted(search: Search, files: list[Path]) -> None:
    opened = search.create_study(9, space=TWO, epochs=2, starts=files[:1])
    assert search.run(1) == 0
    assert len(trials_in(opened, *FINISHED)) == 3
    search.create_study(9, space=TWO, epochs=2, starts=files[:2])
    assert search.run(1) == 0
    assert get_names(in_order_of_start(trials_in(opened, *FINISHED))) == ["first", None, None, "second"]


def test_a_killed_start_goes_on_with_its_own_configuration(
    search: Search, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    pause = Pause(tmp_path, epoch=1)
    monkeypatch.setenv("FAKE_PAUSE", pause.environ["FAKE_PAUSE"])
    opened = search.create_study(1, starts=files[:1])

    def kill() -> None:
        os.kill(search.worker_pid(), signal.SIGKILL)
        pause.end()

    act_when(lambda: pause.is_reached(0), kill)
    assert search.run(1) == 0
    (trial,) = opened.study.get_trials()
    assert search.read_log().count("trial 0 starts") == 2
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4, 5, 6]
    assert_trained_with(opened, trial, files[0])


@pytest.mark.slow
def test_four_runs_at_once_enqueue_each_start_once(server_url: str, input_folder: Path, files: list[Path]) -> None:
    (input_folder / "search.toml").write_text(
        "[study]\nname = 'fake'\ntrials = 4\nwarm_start = ['first.toml', 'second.toml']\n"
        "[train]\ndata = { path = 'good.npz', validation = 0.5, clean = false }\n"
        f"budget = {{ steps = 'none', epochs = 2 }}\n{TWO}"
    )
    with fresh_database(server_url) as url:
        line = f"run search.toml {FAKE_WORKER} --warm-start first.toml --warm-start default"
        commands = [start_command(f"{line} --dir run{n}", input_folder, DATABASE_URL=url) for n in range(4)]
        for command in commands:
            out, err = command.communicate(timeout=200)
            assert command.returncode == 0, f"{out}\n{err}"
            assert "trial 1 first" in err or "trial 1 has the configuration of first already" in err
        db = connect(url)
        opened = open_study(db)
        assert get_names(opened.study.get_trials()[:3]) == ["default", "first", "second"]
        assert len(trials_in(opened, *FINISHED)) == 4 and study_status(db, opened.study_id).counts.waiting == 0
        db.close()


def test_the_default_and_a_start_outside_the_space_are_trained_first(input_folder: Path) -> None:
    line = f"run search.toml {FAKE_WORKER} --warm-start best.toml"
    first, again = (run_forked(f"{line} --trials {trials}", input_folder) for trials in (3, 4))
    assert (first.status, again.status) == (0, 0), first.err + again.err
    assert first.err.count("trial 0 default waits\n") == 1 and "default" not in again.err.partition("worker")[0]
    assert "trial 1 best waits; outside the space, and its own: model.width 4\n" in first.err
    trials = json.loads(run_forked("status --json", input_folder).output())["leaderboard"]
    assert {row["name"] for row in trials} >= {"default", "best"}


def test_a_start_that_is_no_configuration_leaves_nothing_behind(input_folder: Path) -> None:
    (input_folder / "best.toml").write_text("model = { dept = 3 }")
    lines = [f"{command} search.toml --warm-start best.toml" for command in ("init", "run")]
    words = r"warm start best\.toml: unknown key 'model\.dept'; did you mean 'model\.depth'\?"
    assert_refused(lines, words, input_folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--device cpu", "space for a CPU: model.stem 2, model.width 8 to 16, budget.steps 1000; --space gpu for"),
        ("--device cpu --space gpu", "space for a GPU: model.stem 1 or 2, model.width 8 to 64; --space cpu for"),
    ],
)
def test_the_default_space_suits_the_device_and_says_so(input_folder: Path, options: str, words: str) -> None:
    trainer = "--trainer tests.fake_train:make_trainer --workers 1 --trials 1 --set budget.epochs=2"
    done = run_forked(f"run --data good.npz --set data.validation=0.5 {trainer} {options}", input_folder)
    assert done.status == 0, done.err
    assert f"the default {words}" in done.err


def test_a_value_that_all_trials_share_is_not_enqueued(search: Search) -> None:
    opened = search.create_study(1)
    words = r"--set must leave alone what all trials of a study share; got budget\.epochs; leave it out"
    assert_refused("enqueue default --set budget.epochs=3", words, search.folder, DATABASE_URL=search.db.url)
    assert not opened.study.get_trials()
