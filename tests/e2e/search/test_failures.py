"""A study all of whose trials fail: it stops after five, says why, and stays stopped until it is resumed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from search.worker.contract import FAILURES
from storage.studies.study import resume_study, set_budget, stop_reason
from tests.e2e.command import FAKE_WORKER, run_command, run_forked
from tests.e2e.conftest import Search, make_search, read_note

CAUSE = "OSError: the disk is not there"


@dataclass(frozen=True)
class Failed:
    """What the failing workers left."""

    search: Search
    study_id: int
    status: int  # of the supervisor
    trials: list[FrozenTrial]
    notes: list[str]  # of the trials
    reason: str | None  # why the study is stopped
    events: list[dict[str, Any]]  # of the workers' log

    def events_of(self, trial: int) -> list[str]:
        return [event["event"] for event in self.events if event["trial"] == trial]


@pytest.fixture(scope="module")
def failed(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failed]:
    folder = tmp_path_factory.mktemp("failed")
    with make_search(server_url, template, folder) as search, pytest.MonkeyPatch.context() as patch:
        opened = search.create_study(20)
        opened.study.ask().set_user_attr("retries", 2)  # as another worker left it
        patch.setenv("UNET_SEARCH_LOG", "json")
        status = search.run(1, "make_failing_trainer")
        trials = opened.study.get_trials()
        notes = [read_note(opened.study, trial) for trial in trials]
        reason = stop_reason(search.db, opened.study_id)
        yield Failed(search, opened.study_id, status, trials, notes, reason, search.read_events())


def test_five_failures_in_a_row_stop_the_study(failed: Failed) -> None:
    assert failed.status == FAILURES
    assert [trial.state for trial in failed.trials] == [TrialState.FAIL] * 5
    assert failed.reason is not None and "5 trials in a row failed" in failed.reason


def test_every_trial_says_why_it_failed(failed: Failed) -> None:
    assert [trial.user_attrs["cause"] for trial in failed.trials] == [CAUSE] * 5
    assert all(f"Failed after 0 epochs: {CAUSE}" in note for note in failed.notes)


def test_a_trial_fails_after_two_retries(failed: Failed) -> None:
    for number in range(1, 5):
        assert failed.events_of(number) == ["starts", *["fails", "is tried again"] * 2, "fails", "ends"]


def test_the_retries_of_another_worker_count(failed: Failed) -> None:
    assert failed.events_of(0) == ["starts", "fails", "ends"]


def test_a_traceback_belongs_to_its_event(failed: Failed) -> None:
    traced = [event for event in failed.events if "traceback" in event]
    assert [event["event"] for event in traced] == ["fails"] * (1 + 4 * 3)
    assert all(event["traceback"].startswith("Traceback") and event["cause"] == CAUSE for event in traced)


def test_a_study_stopped_by_failures_stays_stopped_until_it_is_resumed(failed: Failed) -> None:
    search = failed.search
    assert search.run(1) == FAILURES
    line, environ = f"worker --study fake {FAKE_WORKER}", {"DATABASE_URL": search.db.url}
    stopped = run_forked(line, search.folder, **environ)
    assert stopped.status == 0  # so that whatever restarts failed commands does not restart this one
    assert f"the study is stopped: {failed.reason}; go on with: unet-search resume" in stopped.err
    set_budget(search.db, failed.study_id, 2)
    resume_study(search.db, failed.study_id)
    assert "2 of 2 trials" in run_command(line, search.folder, **environ).output()
