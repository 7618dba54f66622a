"""What a search of twelve trials by four workers leaves: in the database, in its folder, in its logs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState
from optuna_dashboard import get_note

from search.study.export import export_trial
from search.study.leaderboard import leaderboard
from search.study.plan import load_plan, settle_data
from search.study.study import OpenStudy, create_study, open_study
from search.supervisor.monitor import monitor_study
from search.terminal.live import StudyDisplay
from storage.studies.status import study_status
from tests.e2e.conftest import EPOCHS, Search, make_search, read_note, trials_in
from trainer.configfile import load_config, read_toml
from trainer.data.prepare import prepare_data

TRIALS, WORKERS = 12, 4
BEST = 3  # trials whose weights stay
COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED


@pytest.fixture(scope="module")
def search(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    """A search that has ended. Tests must not change it."""
    folder = tmp_path_factory.mktemp("finished")
    with make_search(server_url, template, folder) as search, pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNET_SEARCH_LOG", "json")
        opened = search.create_study(TRIALS)
        display = StudyDisplay("fake", EPOCHS)
        assert search.run(WORKERS, on_tick=monitor_study(search.db, opened, display, folder)) == 0
        yield search


@pytest.fixture
def opened(search: Search) -> OpenStudy:
    """The study, opened by its name alone, as a worker does it."""
    return open_study(search.db, "fake")


def test_the_budget_is_spent_exactly(search: Search, opened: OpenStudy) -> None:
    counts = study_status(search.db, opened.study_id).counts
    assert counts.complete + counts.pruned == len(opened.study.get_trials()) == TRIALS
    assert counts.running == counts.waiting == counts.failed == 0


def test_the_hopeless_are_pruned(opened: OpenStudy) -> None:
    complete, pruned = trials_in(opened, COMPLETE), trials_in(opened, PRUNED)
    assert complete and pruned
    assert all(sorted(trial.intermediate_values) == list(range(1, EPOCHS + 1)) for trial in complete)
    assert all(0 < len(trial.intermediate_values) < EPOCHS for trial in pruned)


def test_every_trial_has_a_picture_its_worker_and_its_configuration(search: Search, opened: OpenStudy) -> None:
    for trial in opened.study.get_trials():
        (picture,) = get_all_artifact_meta(trial, storage=search.db.storage)
        assert picture.filename == "curves.png" and (search.artifacts / picture.artifact_id).is_file()
        assert trial.user_attrs["worker"].rpartition(":")[2] in map(str, range(WORKERS))
        assert trial.user_attrs["config"]["model"]["width"] == trial.params["model.width"]


def test_every_trial_has_a_note(opened: OpenStudy) -> None:
    for trial in trials_in(opened, COMPLETE):
        note = read_note(opened.study, trial)
        assert f"| mIoU | {trial.value:.4f} |" in note and f"Complete after {EPOCHS} epochs" in note
    for trial in trials_in(opened, PRUNED):
        assert "it was behind the other trials" in read_note(opened.study, trial)
    assert all("(/report/fake)" in read_note(opened.study, trial) for trial in opened.study.get_trials())


def test_the_note_of_the_study_names_the_best_trial(opened: OpenStudy) -> None:
    assert f"The best so far: [trial {opened.study.best_trial.number}]" in get_note(opened.study)


def test_best_toml_is_the_best_trial(search: Search, opened: OpenStudy) -> None:
    provenance = read_toml(search.folder / "best.toml")["provenance"]
    assert (provenance["trial"], provenance["value"]) == (opened.study.best_trial.number, opened.study.best_value)


def test_an_export_is_the_trials_configuration(search: Search, opened: OpenStudy, tmp_path: Path) -> None:
    trial = export_trial(opened, tmp_path / "best.toml")
    config = load_config(tmp_path / "best.toml")
    assert trial.number == opened.study.best_trial.number
    assert config.model.width == trial.params["model.width"]
    assert config.data.path == str(search.data)
    assert read_toml(tmp_path / "best.toml")["provenance"]["fingerprint"] == opened.question["data.fingerprint"]


def test_the_best_trials_have_weights_and_no_trial_a_checkpoint(search: Search, opened: OpenStudy) -> None:
    weights = {int(path.stem): float(path.read_text()) for path in (search.artifacts / "weights" / "fake").iterdir()}
    assert weights == {trial.number: trial.value for trial in leaderboard(opened.study, BEST)}
    assert not list((search.artifacts / "checkpoints" / "fake").iterdir())


def test_the_database_alone_describes_the_study(search: Search, opened: OpenStudy) -> None:
    plan = load_plan(search.folder / "search.toml", data=search.data)
    plan = settle_data(plan, prepare_data(plan.base.data).look.config)
    assert (opened.plan.base, opened.plan.space) == (plan.base, plan.space)
    assert create_study(search.db, opened.plan, opened.question).question == opened.question


def test_every_event_is_a_line_of_the_workers_log(search: Search) -> None:
    numbers: list[int] = []
    for slot in range(WORKERS):
        first, *of_trials, last = search.read_events(slot)
        assert (first["event"], last["event"], last["cause"]) == ("starts", "ends", "every trial is done")
        assert all(event["time"] and event["worker"].endswith(f":{slot}") for event in (first, *of_trials, last))
        begun, ended = of_trials[::2], of_trials[1::2]
        assert {event["event"] for event in begun} <= {"starts"} and {event["event"] for event in ended} <= {"ends"}
        assert [event["trial"] for event in begun] == [event["trial"] for event in ended]
        assert all(event["cause"].startswith(("COMPLETE 0.", "PRUNED")) for event in ended)
        numbers += [event["trial"] for event in begun]
    assert sorted(numbers) == list(range(TRIALS))
