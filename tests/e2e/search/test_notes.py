"""The notes in the dashboard: every ending leaves one, and what a person wrote stays."""

import threading

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note, save_note

from search.report.notes import MARKER
from search.study.study import OpenStudy, open_study
from search.supervisor.monitor import monitor_study, note_study
from search.terminal.live import Progress
from storage.database.connection import connect
from storage.studies.study import STOP_NOW, stop_study
from tests.e2e.conftest import Search, in_state, soon
from tests.synthetic_study import fill

SIX = '[space]\n"model.width" = { choice = [8, 16, 32] }\n"model.residual" = { choice = [true, false] }\n'
HUGE = "[constraints]\nparameters = 10\n"


def note(opened: OpenStudy, trial: FrozenTrial) -> str:
    """As a reader sees it, without what keeps Markdown from obeying it."""
    return get_note(optuna.Trial(opened.study, trial._trial_id)).replace("\\", "")


def run(search: Search, opened: OpenStudy, workers: int = 1) -> int:
    tick = monitor_study(search.db, opened, Progress("fake", 6), search.folder / "best.toml")
    return search.run(workers, tick=tick)


def test_every_trial_and_the_study_have_a_note(search: Search) -> None:
    opened = search.create(12)
    assert run(search, opened, workers=2) == 0
    complete, pruned = (in_state(opened, state) for state in (TrialState.COMPLETE, TrialState.PRUNED))
    assert complete and pruned
    assert all(f"| mIoU | {trial.value:.4f} |" in note(opened, trial) for trial in complete)
    assert all("Complete after 6 epochs" in note(opened, trial) for trial in complete)
    assert all("it was behind the other trials" in note(opened, trial) for trial in pruned)
    assert all("(/report/fake)" in note(opened, trial) for trial in [*complete, *pruned])
    best = opened.study.best_trial
    assert f"The best so far: [trial {best.number}]" in get_note(opened.study)


@pytest.mark.parametrize(
    ("trainer", "more", "words"),
    [
        ("failing_trainer", "", "Failed after 0 epochs: OSError: the disk is not there"),
        ("diverging_trainer", "", "training diverged. the loss must be finite; got nan in epoch 2"),
        ("hungry_trainer", "", "too little memory. MemoryError: no 12 GiB to be had"),
        ("trainer", HUGE, "was not trained. parameters must be at most 10; got"),
    ],
)
def test_other_endings_say_why(search: Search, trainer: str, more: str, words: str) -> None:
    opened = search.create(1, more=more)
    search.run(1, trainer)
    ended = in_state(opened, TrialState.PRUNED, TrialState.FAIL)
    assert ended and all(words in note(opened, trial) for trial in ended)


def test_a_trial_that_killed_its_worker_has_a_note(search: Search) -> None:
    opened = search.create(1, epochs=2)
    opened.study.ask().set_user_attr("starts", 5)
    assert search.run(1) == 0
    assert "its worker died of it" in note(opened, in_state(opened, TrialState.FAIL)[0])


def test_a_trial_that_is_handed_on_has_none(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EPOCH_S", "30")
    opened = search.create(1)
    soon(
        lambda: bool(in_state(opened, TrialState.RUNNING)),
        lambda: stop_study(search.db, opened.study_id, STOP_NOW),
    )
    assert search.run(1) == 0
    assert [note(opened, trial) for trial in in_state(opened, TrialState.RUNNING)] == [""]


def test_a_persons_text_stays(search: Search) -> None:
    opened = search.create(2, epochs=2)
    save_note(opened.study, "Written before.")
    fill(search.db, opened, 3)
    note_study(search.db, opened)
    save_note(opened.study, f"{get_note(opened.study)}\nAnd *after*.")
    opened.study.add_trial(optuna.trial.create_trial(value=0.99))
    note_study(search.db, opened)
    ours, _, theirs = get_note(opened.study).partition(MARKER)
    assert "trial 3" in ours and "0\\.9900" in ours
    assert theirs == "\n\nWritten before.\nAnd *after*."


def test_an_equal_note_is_not_written_again(search: Search) -> None:
    opened = search.create(2)
    fill(search.db, opened, 3)
    versions = []
    for _ in range(2):
        note_study(search.db, opened)
        versions.append(search.db.storage.get_study_system_attrs(opened.study_id)["dashboard:note_ver"])
    assert versions[0] == versions[1] == 1


def test_supervisors_write_one_after_the_other(search: Search) -> None:
    opened = search.create(2)
    fill(search.db, opened, 3)
    others = [connect(search.db.url) for _ in range(4)]
    opened_by = [(db, open_study(db)) for db in others]
    threads = [threading.Thread(target=note_study, args=pair) for pair in opened_by]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for db in others:
        db.close()
    assert get_note(opened.study).count("The best so far") == 1
    assert search.db.storage.get_study_system_attrs(opened.study_id)["dashboard:note_ver"] == 1


def test_a_note_that_cannot_be_written_costs_no_trial(search: Search) -> None:
    opened = search.create(1, epochs=2)
    assert search.run(1, "tests.faulty_train:silent_trainer") == 0
    assert [trial.state for trial in opened.study.get_trials()] == [TrialState.COMPLETE]
    assert "has no note: RuntimeError" in search.log.read_text()
