"""The note of a study in the dashboard: what its supervisors write, and what a person has written."""

import threading

import optuna
import pytest
from optuna_dashboard import get_note, save_note

from search.report.notes import MARKER
from search.study.study import OpenStudy, open_study
from search.supervisor.monitor import note_study
from storage.database.connection import connect
from tests.e2e.conftest import Search
from tests.synthetic_study import fill


@pytest.fixture
def opened(search: Search) -> OpenStudy:
    """A study with three finished trials, none of which any worker has trained."""
    opened = search.create_study(3, epochs=2)
    fill(search.db, opened, 3)
    return opened


def note_version(search: Search, opened: OpenStudy) -> int:
    """How often the note has been written."""
    version: int = search.db.storage.get_study_system_attrs(opened.study_id)["dashboard:note_ver"]
    return version


def test_a_persons_text_stays(search: Search, opened: OpenStudy) -> None:
    save_note(opened.study, "Written before.")
    note_study(search.db, opened)
    save_note(opened.study, f"{get_note(opened.study)}\nAnd *after*.")
    opened.study.add_trial(optuna.trial.create_trial(value=0.99))
    note_study(search.db, opened)
    ours, _, theirs = get_note(opened.study).partition(MARKER)
    assert "trial 3" in ours and "0\\.9900" in ours
    assert theirs == "\n\nWritten before.\nAnd *after*."


def test_an_equal_note_is_not_written_again(search: Search, opened: OpenStudy) -> None:
    for _ in range(2):
        note_study(search.db, opened)
        assert note_version(search, opened) == 1


def test_supervisors_write_one_after_the_other(search: Search, opened: OpenStudy) -> None:
    databases = [connect(search.db.url) for _ in range(4)]
    threads = [threading.Thread(target=note_study, args=(db, open_study(db))) for db in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for db in databases:
        db.close()
    assert get_note(opened.study).count("The best so far") == 1
    assert note_version(search, opened) == 1
