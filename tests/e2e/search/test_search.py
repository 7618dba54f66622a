"""The search end to end: the budget is exact, no trial is lost, and every trial ends in one of the known ways."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest
from optuna.trial import TrialState

from search.study.export import export_trial
from search.study.study import OpenStudy
from search.worker.contract import GRACE_S
from storage.errors import StorageError
from storage.studies.status import study_status
from storage.studies.study import STOP_NOW, resume_study, stop_study
from tests.e2e.conftest import Search, act_when, make_search, own_workers, read_note, trials_in
from tests.fake_train import Pause
from trainer.errors import InputError

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
SIX = '[space]\n"model.width" = { choice = [8, 16, 32] }\n"model.residual" = { choice = [true, false] }\n'
NO_PRUNER = "pruner = 'none'"
EPOCHS = [1, 2, 3, 4, 5, 6]
STARTED_TOO_OFTEN = 5  # times, without a sign of life from the worker


@dataclass(frozen=True)
class Endings:
    """A search whose four trials ended in different ways."""

    opened: OpenStudy
    log: str  # of its worker


@pytest.fixture
def pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Every trial of the test's searches pauses after its third epoch."""
    pause = Pause(tmp_path, epoch=3)
    for name, value in pause.environ.items():
        monkeypatch.setenv(name, value)
    return pause


def test_another_worker_finishes_the_trial_of_a_killed_one(search: Search, pause: Pause) -> None:
    opened = search.create_study(3, study=NO_PRUNER)

    def kill_first_worker() -> None:
        os.kill(search.worker_pid(0), signal.SIGKILL)
        pause.end()

    act_when(lambda: pause.is_reached(0, 1), kill_first_worker)
    assert search.run(2) == 0
    trials = opened.study.get_trials()
    assert [(trial.number, trial.state) for trial in trials] == [(n, TrialState.COMPLETE) for n in range(3)]
    assert all(sorted(trial.intermediate_values) == EPOCHS for trial in trials)
    starts = [search.read_log(slot).count(f"trial {number} starts") for number in range(3) for slot in range(2)]
    assert sum(starts) == 4  # the killed worker's trial has two


def test_sigterm_hands_on_and_the_next_start_ends_at_the_budget(search: Search, pause: Pause) -> None:
    opened = search.create_study(3, study=NO_PRUNER)
    act_when(lambda: pause.is_reached(0, 1), lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert search.run(2) == 128 + signal.SIGTERM
    assert not own_workers()
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.RUNNING] * 2
    pause.end()
    assert search.run(1) == 0
    trials = opened.study.get_trials()
    assert len(trials) == 3 and all(trial.state == TrialState.COMPLETE for trial in trials)
    assert all(sorted(trial.intermediate_values) == EPOCHS for trial in trials)


def test_stop_now_hands_on_what_is_under_way(search: Search, pause: Pause) -> None:
    opened = search.create_study(3, study=NO_PRUNER)
    act_when(lambda: pause.is_reached(0, 1), lambda: stop_study(search.db, opened.study_id, STOP_NOW))
    assert search.run(2) == 0
    trials = opened.study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.RUNNING] * 2
    assert [read_note(opened.study, trial) for trial in trials] == ["", ""]
    assert search.run(1) == 0  # it stays stopped
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.RUNNING] * 2
    pause.end()
    resume_study(search.db, opened.study_id)
    assert search.run(1) == 0
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE] * 3


def test_a_timeout_ends_in_time_and_loses_nothing(search: Search, pause: Pause) -> None:
    opened = search.create_study(2, study=NO_PRUNER)
    begun, timeout_s = monotonic(), 2.5
    assert search.run(1, timeout_s=timeout_s) == 0
    assert timeout_s <= monotonic() - begun < timeout_s + GRACE_S
    assert not own_workers()
    assert {trial.state for trial in opened.study.get_trials()} <= {TrialState.RUNNING}  # none where it starts slowly
    pause.end()
    assert search.run(1) == 0
    assert [sorted(trial.intermediate_values) for trial in trials_in(opened, TrialState.COMPLETE)] == [EPOCHS] * 2


def test_an_exhausted_space_ends_the_study_well(search: Search) -> None:
    opened = search.create_study(20, space=SIX, epochs=2)
    assert search.run(2) == 0
    finished = trials_in(opened, *FINISHED)
    assert len(finished) == 6
    assert len({(trial.params["model.width"], trial.params["model.residual"]) for trial in finished}) == 6
    assert all(trial.user_attrs["cause"] == "duplicate" for trial in trials_in(opened, TrialState.FAIL))
    assert study_status(search.db, opened.study_id).counts.failed == 0


@pytest.fixture(scope="module")
def endings(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endings]:
    with make_search(server_url, template, tmp_path_factory.mktemp("endings")) as search:
        opened = search.create_study(3, epochs=2)
        opened.study.ask().set_user_attr("starts", STARTED_TOO_OFTEN)  # as the last of its workers left it
        assert search.run(1, "make_variously_ending_trainer") == 0
        yield Endings(opened, search.read_log())


@pytest.mark.parametrize(
    ("number", "state", "cause", "note"),
    [
        (0, TrialState.FAIL, "kills its worker", "its worker died of it"),
        (1, TrialState.PRUNED, "nan", "training diverged. the loss must be finite; got nan in epoch 2"),
        (2, TrialState.PRUNED, "out of memory", "too little memory. MemoryError: no 12 GiB to be had"),
        (3, TrialState.COMPLETE, None, "Complete after 2 epochs"),
    ],
)
def test_a_trial_has_the_state_and_the_note_of_its_end(
    endings: Endings, number: int, state: TrialState, cause: str | None, note: str
) -> None:
    trial = endings.opened.study.get_trials()[number]
    assert trial.state == state and trial.user_attrs.get("cause") == cause
    assert note in read_note(endings.opened.study, trial)
    assert (trial.value is not None) == (cause in ("nan", None))  # the others have reported no epoch
    assert f"trial {number} is tried again" not in endings.log


def test_a_failed_trial_frees_its_place(endings: Endings) -> None:
    assert len(endings.opened.study.get_trials()) == 4  # of a budget of three


@pytest.mark.parametrize("pruner", ["halving", "median"])
def test_a_trial_that_was_trained_to_its_end_is_not_pruned(search: Search, pruner: str) -> None:
    opened = search.create_study(6, epochs=2, study=f"pruner = '{pruner}'\nwarmup = 1.0")  # asked after the last epoch
    search.run(1)
    assert len(trials_in(opened, TrialState.COMPLETE)) == 6


def test_too_many_parameters_are_a_constraint(search: Search) -> None:
    opened = search.create_study(6, space=SIX, epochs=2, more="[constraints]\nparameters = 60_000\n")
    assert search.run(1) == 0
    finished = trials_in(opened, *FINISHED)
    assert len(finished) == 6
    for trial in finished:
        too_large = trial.params["model.width"] == 32
        assert (trial.constraints["parameters"] > 0) == too_large
        assert trial.user_attrs.get("cause") == ("parameters" if too_large else None)
        refused = "was not trained. parameters must be at most 60000; got 96000" in read_note(opened.study, trial)
        assert refused == too_large


def test_a_worker_that_dies_is_started_again(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.supervisor.process.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("search.supervisor.supervisor.MAX_DEATHS", 2)
    opened = search.create_study(1)
    with pytest.raises(InputError, match="died 2 times in a row, the last time with status -9"):
        search.run(1, "make_deadly_trainer")
    assert [trial.user_attrs["starts"] for trial in trials_in(opened, TrialState.RUNNING)] == [2]


def test_a_worker_that_has_grown_too_large_makes_way_for_a_new_one(search: Search) -> None:
    opened = search.create_study(1)
    assert search.run(1, "make_leaking_trainer") == 0
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE]
    first, second = search.read_log().split("has grown too large")
    assert first.count(" starts: cpu") == second.count(" starts: cpu") == 1
    assert "every trial is done" in second and "every trial is done" not in first


@pytest.mark.parametrize(("log", "workers"), [("text", 2), ("json", 1)])
def test_bad_input_of_a_worker_ends_the_search_with_its_line(
    search: Search, monkeypatch: pytest.MonkeyPatch, log: str, workers: int
) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", log)
    search.create_study(2)
    with pytest.raises(InputError, match=r"^a trainer must be module:function; got"):
        search.run(workers, "no_such_trainer")
    assert not own_workers()


def test_another_kind_of_log_is_refused(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNET_SEARCH_LOG", "xml")
    search.create_study(1)
    with pytest.raises(InputError, match="UNET_SEARCH_LOG must be one of text, json; got 'xml'"):
        search.run(1)


def test_a_study_refuses_another_question_with_both_values(search: Search) -> None:
    search.create_study(2)
    with pytest.raises(StorageError, match=r"train\.budget\.epochs is 6 in the study and 7 here") as caught:
        search.create_study(2, epochs=7)
    assert "\n" not in str(caught.value)


def test_an_export_needs_a_complete_trial(search: Search, tmp_path: Path) -> None:
    opened = search.create_study(2)
    with pytest.raises(InputError, match="needs a complete trial"):
        export_trial(opened, tmp_path / "best.toml")
    assert not (tmp_path / "best.toml").exists()
