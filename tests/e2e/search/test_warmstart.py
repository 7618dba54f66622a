"""Configurations that are tried before any is drawn: each once, first, whole, under its name."""

import json
import signal
from pathlib import Path

import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.space.space import trial_seed
from search.study.export import export_trial
from search.study.study import OpenStudy, open_study
from search.study.warmstart import PAPER_SYSTEMS, load_starts
from storage.database.connection import connect
from storage.studies.leases import budget_left
from storage.studies.status import study_status
from storage.studies.study import set_budget
from tests.e2e.command import refuse
from tests.e2e.conftest import Search, in_state, soon
from tests.e2e.launch import FAKE, finish, start
from tests.postgres_server import fresh_database
from trainer.configfile import override, parse_config, read_toml

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
TWO = '[space]\n"model.width" = { choice = [8, 16] }\n'
STARTS = {
    "first": "model = { width = 16, depth = 2 }\nloss = { name = 'dice', gamma = 3.0 }\n",
    "second": "model = { width = 8, norm = 'group' }\naugment = { mode = 'static', copies = 2 }\n",
    "third": "model = { width = 32 }\noptimizer = { name = 'lion', weight_decay = 0.0 }\ndata = { oversample = 4 }\n",
    "fourth": "schedule = { name = 'plateau' }\nbudget = { images = 7, patience = 3 }\nmodel = { residual = false }\n",
}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Four configurations that differ in what no space of these tests varies."""
    for name, text in STARTS.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return [tmp_path / f"{name}.toml" for name in STARTS]


def names(trials: list[FrozenTrial]) -> list[str | None]:
    return [trial.user_attrs.get("name") for trial in trials]


def begun(opened: OpenStudy) -> list[FrozenTrial]:
    """The finished trials in the order in which they were begun."""
    return sorted(in_state(opened, *FINISHED), key=lambda trial: str(trial.datetime_start))


def has_its_own(opened: OpenStudy, trial: FrozenTrial, file: Path) -> bool:
    """Whether the trial was trained with a file's whole configuration."""
    (start,) = load_starts([str(file)], opened.plan.base, opened.plan.space)
    seed = trial_seed(opened.plan.study.seed, trial.number)
    own = parse_config(trial.user_attrs["config"]) == override(start.config, {"seed": seed})
    return own and trial.params == start.values


def test_starts_are_trained_first_and_in_order_within_the_budget(search: Search, files: list[Path]) -> None:
    opened = search.create(6, starts=files)
    assert search.run(2) == 0
    trials = begun(opened)
    assert len(trials) == 6 and len(opened.study.get_trials()) == 6
    assert names(trials) == [*STARTS, None, None]
    assert [trial.number for trial in trials[:4]] == [0, 1, 2, 3]


def test_a_start_is_trained_with_its_whole_configuration(search: Search, files: list[Path]) -> None:
    opened = search.create(4, starts=files)
    assert search.run(2) == 0
    trials = opened.study.get_trials()
    assert all(has_its_own(opened, trial, file) for trial, file in zip(trials, files, strict=True))
    assert trials[3].user_attrs["config"]["budget"] == {"epochs": 6, "images": 7, "patience": 3}


def test_the_reports_systems_are_trained(search: Search) -> None:
    opened = search.create(4, space="", epochs=2, starts=["report"])
    assert search.run(2) == 0
    assert names(begun(opened)) == list(PAPER_SYSTEMS)


def test_the_same_command_enqueues_once(search: Search, files: list[Path]) -> None:
    search.create(4, starts=[*files, files[0]])
    opened = search.create(4, starts=files)
    assert names(opened.study.get_trials()) == list(STARTS)
    assert search.run(2) == 0
    assert len(search.create(5, starts=files).study.get_trials()) == 4


def test_more_are_enqueued_on_a_finished_study(search: Search, files: list[Path]) -> None:
    opened = search.create(2, epochs=2)
    assert search.run(1) == 0
    out = finish("enqueue", files[0], "--set", "loss.gamma=4.0", cwd=search.folder, DATABASE_URL=search.db.url)
    assert out.splitlines() == [
        "trial 2 first waits",
        "1 of 1 waiting trials have no place among the 2 of the study; `unet-search run --trials 3` makes room",
    ]
    assert budget_left(search.db, opened.study_id).free == 0
    set_budget(search.db, opened.study_id, 3)
    assert search.run(1) == 0
    trial = in_state(opened, *FINISHED)[2]
    assert trial.user_attrs["name"] == "first"
    assert trial.user_attrs["config"]["loss"]["gamma"] == 4.0 and trial.user_attrs["config"]["budget"]["epochs"] == 2


def test_what_waits_is_trained_though_the_space_is_exhausted(search: Search, files: list[Path]) -> None:
    opened = search.create(9, space=TWO, epochs=2, starts=files[:1])
    assert search.run(2) == 0
    assert len(in_state(opened, *FINISHED)) == 3
    search.create(9, space=TWO, epochs=2, starts=files[:2])
    assert search.run(2) == 0
    assert names(begun(opened)) == ["first", None, None, "second"]


def test_a_killed_start_goes_on_with_its_own_configuration(
    search: Search, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.15")
    opened = search.create(1, starts=files[:1])

    def kill() -> None:
        (victim,) = [child for child in psutil.Process().children() if "search.worker" in " ".join(child.cmdline())]
        victim.send_signal(signal.SIGKILL)

    soon(lambda: any(trial.last_step for trial in in_state(opened, TrialState.RUNNING)), kill)
    assert search.run(1) == 0
    (trial,) = opened.study.get_trials()
    assert search.log.read_text().count("trial 0 starts") == 2
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4, 5, 6]
    assert has_its_own(opened, trial, files[0])


def test_the_leaderboard_and_exports_name_a_start(search: Search, files: list[Path]) -> None:
    opened = search.create(2, starts=files[2:], epochs=2, study="pruner = 'none'")
    assert search.run(1) == 0
    export_trial(opened, search.folder / "out.toml")
    assert read_toml(search.folder / "out.toml")["provenance"]["name"] == "third"
    figures = json.loads(finish("status", "--json", cwd=search.folder, DATABASE_URL=search.db.url))
    assert figures["best"]["name"] == "third" and [row["name"] for row in figures["leaderboard"]] == ["third", "fourth"]
    assert figures["leaderboard"][0].keys() == {"number", "name", "miou", "miou_keras", "parameters"}
    assert figures["leaderboard"][0]["parameters"] == 32 * 3 * 1000


@pytest.mark.slow
def test_four_runs_at_once_enqueue_each_start_once(server_url: str, place: Path, files: list[Path]) -> None:
    (place / "search.toml").write_text(
        "[study]\nname = 'fake'\ntrials = 4\nwarm_start = ['first.toml', 'second.toml']\n"
        f"[train]\ndata = {{ path = 'good.npz', validation = 0.5, clean = false }}\nbudget = {{ epochs = 2 }}\n{TWO}"
    )
    with fresh_database(server_url) as url:
        line = ["run", "search.toml", "--workers", "1", "--device", "cpu", *FAKE]
        line += ["--warm-start", "first.toml", "--warm-start", "default"]
        commands = [start(*line, "--dir", f"run{n}", cwd=place, DATABASE_URL=url) for n in range(4)]
        for command in commands:
            out, err = command.communicate(timeout=200)
            assert command.returncode == 0, f"{out}\n{err}"
            assert "trial 0 first" in err or "trial 0 has the configuration of first already" in err
        db = connect(url)
        opened = open_study(db)
        assert names(opened.study.get_trials()[:3]) == ["first", "second", "default"]
        assert len(in_state(opened, *FINISHED)) == 4 and study_status(db, opened.study_id).counts.waiting == 0
        db.close()


def test_a_start_beside_the_space_leaves_nothing_behind(place: Path) -> None:
    lines = [f"{command} search.toml --warm-start best.toml" for command in ("init", "run")]
    refuse(lines, r"warm start best\.toml: model\.width must be a value of its axis, .*\[8, 16, 32\].*; got 4; ", place)


def test_a_start_too_deep_for_the_images_makes_no_study(search: Search, files: list[Path]) -> None:
    files[0].write_text("model = { depth = 5, width = 8 }")
    opened = search.create(1)
    refuse(
        f"enqueue second.toml {files[0]}",
        r"warm start \S*first\.toml: height and width must be multiples of 64 .*; got 16x16",
        search.folder,
        DATABASE_URL=search.db.url,
    )
    assert not opened.study.get_trials()


def test_a_value_that_all_trials_share_is_not_enqueued(search: Search) -> None:
    search.create(1)
    words = r"--set must leave alone what all trials of a study share; got budget\.epochs; leave it out"
    refuse("enqueue default --set budget.epochs=3", words, search.folder, DATABASE_URL=search.db.url)
