"""The search end to end: the budget is exact, nothing is lost, every ending is one of those we know."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState

from search.study.export import export_trial
from search.study.study import create_study, open_study
from search.supervisor.monitor import monitor_study
from search.terminal.live import Progress
from storage.errors import StorageError
from storage.studies.status import study_status
from storage.studies.study import STOP_NOW, resume_study, set_budget, stop_reason, stop_study
from tests.e2e.conftest import Search, in_state, soon
from tests.e2e.launch import is_worker
from trainer.configfile import load_config, read_toml
from trainer.errors import InputError

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
SIX = '[space]\n"model.width" = { choice = [8, 16, 32] }\n"model.residual" = { choice = [true, false] }\n'


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if is_worker(child)]


def test_four_workers_train_exactly_the_budget(search: Search) -> None:
    opened = search.create(12)
    progress = Progress("fake", 6)
    assert search.run(4, tick=monitor_study(search.db, opened, progress, search.folder / "best.toml")) == 0
    finished = in_state(opened, *FINISHED)
    assert len(finished) == 12
    assert 0 < len(in_state(opened, TrialState.PRUNED)) < 12
    assert not in_state(opened, TrialState.RUNNING)
    assert all(get_all_artifact_meta(trial, storage=search.db.storage) for trial in finished)
    assert all(trial.user_attrs["worker"] and trial.user_attrs["config"] for trial in finished)
    best = read_toml(search.folder / "best.toml")["provenance"]
    assert best["trial"] == opened.study.best_trial.number and best["value"] == opened.study.best_value


def test_a_finished_study_takes_more_trials(search: Search) -> None:
    opened = search.create(2)
    assert search.run(1) == 0
    set_budget(search.db, opened.study_id, 4)
    assert search.run(1) == 0
    assert len(in_state(opened, *FINISHED)) == 4


def test_another_worker_finishes_the_trial_of_a_killed_one(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.15")
    opened = search.create(3, study="pruner = 'none'")
    killed: list[int] = []

    def kill() -> None:
        trial = next(trial for trial in in_state(opened, TrialState.RUNNING) if trial.last_step)
        name = trial.user_attrs["worker"]
        victim = next(child for child in workers() if f'"worker":"{name}"' in child.cmdline()[-1])
        killed.append(trial.number)
        victim.send_signal(signal.SIGKILL)

    soon(lambda: any(trial.last_step for trial in in_state(opened, TrialState.RUNNING)), kill)
    assert search.run(2) == 0
    trials = opened.study.get_trials()
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert all(trial.state == TrialState.COMPLETE for trial in trials)
    assert killed and sorted(trials[killed[0]].intermediate_values) == [1, 2, 3, 4, 5, 6]


def test_sigterm_hands_on_and_the_next_start_ends_at_the_budget(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.15")
    opened = search.create(3, study="pruner = 'none'")
    soon(
        lambda: any(trial.last_step for trial in in_state(opened, TrialState.RUNNING)),
        lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    assert search.run(2) == 143
    assert not workers()
    under_way = in_state(opened, TrialState.RUNNING)
    assert under_way and not in_state(opened, TrialState.FAIL)
    assert search.run(2) == 0
    trials = opened.study.get_trials()
    assert len(trials) == 3 and all(trial.state == TrialState.COMPLETE for trial in trials)
    assert all(sorted(trial.intermediate_values) == [1, 2, 3, 4, 5, 6] for trial in trials)


def test_stop_now_hands_on_what_is_under_way(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "30")
    opened = search.create(3, study="pruner = 'none'")
    soon(
        lambda: len(in_state(opened, TrialState.RUNNING)) == 2,
        lambda: stop_study(search.db, opened.study_id, STOP_NOW),
    )
    assert search.run(2) == 0
    assert len(in_state(opened, TrialState.RUNNING)) == 2 and not in_state(opened, *FINISHED, TrialState.FAIL)
    assert search.run(1) == 0  # it stays stopped
    resume_study(search.db, opened.study_id)
    monkeypatch.setenv("FAKE_EPOCH_S", "0.05")
    assert search.run(2) == 0
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE] * 3


def test_an_exhausted_space_ends_the_study_well(search: Search) -> None:
    opened = search.create(20, space=SIX, epochs=2)
    assert search.run(2) == 0
    finished = in_state(opened, *FINISHED)
    assert len(finished) == 6
    assert len({(t.params["model.width"], t.params["model.residual"]) for t in finished}) == 6
    assert all(trial.user_attrs["cause"] == "duplicate" for trial in in_state(opened, TrialState.FAIL))
    assert study_status(search.db, opened.study_id).counts.failed == 0


def test_five_failures_in_a_row_stop_the_study(search: Search) -> None:
    opened = search.create(20)
    assert search.run(1, "failing_trainer") == 3
    failed = in_state(opened, TrialState.FAIL)
    assert len(failed) == 5
    assert failed[0].user_attrs["cause"] == "OSError: the disk is not there"
    assert "5 trials in a row failed" in (stop_reason(search.db, opened.study_id) or "")
    set_budget(search.db, opened.study_id, 2)
    assert search.run(1) == 3  # it stays stopped
    resume_study(search.db, opened.study_id)
    assert search.run(1) == 0
    assert len(in_state(opened, *FINISHED)) == 2


@pytest.mark.parametrize(("trainer", "cause"), [("diverging_trainer", "nan"), ("hungry_trainer", "out of memory")])
def test_what_a_configuration_cannot_help_prunes_it(search: Search, trainer: str, cause: str) -> None:
    opened = search.create(2)
    assert search.run(1, trainer) == 0
    pruned = in_state(opened, TrialState.PRUNED)
    assert [trial.user_attrs["cause"] for trial in pruned] == [cause, cause]
    assert all((trial.value is not None) == (cause == "nan") for trial in pruned)


def test_too_many_parameters_are_a_constraint(search: Search) -> None:
    opened = search.create(6, space=SIX, epochs=2, more="[constraints]\nparameters = 60_000\n")
    assert search.run(1) == 0
    for trial in in_state(opened, *FINISHED):
        too_large = trial.params["model.width"] == 32
        assert (trial.constraints["parameters"] > 0) == too_large
        assert trial.user_attrs.get("cause") == ("parameters" if too_large else None)


def test_a_trial_that_kills_its_worker_fails_and_frees_its_place(search: Search) -> None:
    opened = search.create(1, epochs=2)
    opened.study.ask().set_user_attr("starts", 5)  # as its workers left it, the last one without a word
    assert search.run(1) == 0
    lost, other = opened.study.get_trials()
    assert lost.state == TrialState.FAIL and lost.user_attrs["cause"] == "kills its worker"
    assert other.state == TrialState.COMPLETE


def test_a_worker_that_dies_is_started_again(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("search.supervisor.supervisor.DEADLY_DEATHS", 2)
    opened = search.create(1)
    with pytest.raises(InputError, match="died 2 times in a row, the last time with status -9"):
        search.run(1, "deadly_trainer")
    assert [trial.user_attrs["starts"] for trial in in_state(opened, TrialState.RUNNING)] == [2]


def test_a_worker_that_has_grown_too_large_makes_way_for_a_new_one(search: Search) -> None:
    opened = search.create(2)
    assert search.run(1, trainer="growing_trainer") == 0
    assert len(in_state(opened, *FINISHED)) == 2
    log = search.log.read_text()
    assert log.count("grown too large") == 2


def test_bad_input_of_a_worker_ends_the_pool_with_its_line(search: Search) -> None:
    search.create(2)
    with pytest.raises(InputError, match="a trainer must be module:function"):
        search.run(1, "no_such_trainer")
    assert not workers()


def test_a_study_refuses_another_question_with_both_values(search: Search) -> None:
    search.create(2)
    with pytest.raises(StorageError, match=r"train\.budget\.epochs is 6 in the study and 7 here") as caught:
        search.create(2, epochs=7)
    assert "\n" not in str(caught.value)


def test_a_worker_needs_the_database_alone(search: Search) -> None:
    opened = search.create(3)
    again = open_study(search.db)
    assert again.plan.base == opened.plan.base and again.plan.space == opened.plan.space
    assert create_study(search.db, opened.plan, opened.question).question == opened.question


def test_an_export_is_the_trials_configuration(search: Search, tmp_path: Path) -> None:
    opened = search.create(2, epochs=2)
    with pytest.raises(InputError, match="needs a complete trial"):
        export_trial(opened, tmp_path / "best.toml")
    assert search.run(1) == 0
    trial = export_trial(opened, tmp_path / "best.toml")
    config = load_config(tmp_path / "best.toml")
    assert config.model.width == trial.params["model.width"]
    assert config.data.path == str(search.data)
    assert read_toml(tmp_path / "best.toml")["provenance"]["fingerprint"] == opened.question["data.fingerprint"]


def test_a_timeout_ends_in_time_and_loses_nothing(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "0.5")
    opened = search.create(3)
    assert search.run(1, timeout_s=4.0) == 0
    assert not in_state(opened, TrialState.FAIL)
    assert not workers()
