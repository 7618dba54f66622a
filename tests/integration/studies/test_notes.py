"""Notes are those that optuna-dashboard reads and writes."""

import optuna
import pytest
from optuna_dashboard import get_note, save_note

from storage.database.connection import Database
from storage.studies.notes import CHUNK_CHARACTERS, read_note, write_note

NOTES = ["", "one line", 'ünï \\ "quoted"\n' * 400, "x" * CHUNK_CHARACTERS, "y" * (2 * CHUNK_CHARACTERS + 1)]


@pytest.mark.parametrize("of_trial", [False, True])
@pytest.mark.parametrize("note", NOTES, ids=len)
def test_the_dashboard_reads_what_we_write_and_we_what_it_writes(
    db: Database, study: optuna.Study, note: str, of_trial: bool
) -> None:
    trial = study.ask()
    target, trial_id = (trial, trial._trial_id) if of_trial else (study, None)
    with db.engine.begin() as connection:
        write_note(connection, study._study_id, note, trial_id)
    assert get_note(target) == note
    save_note(target, f"{note} by hand")
    with db.engine.connect() as connection:
        assert read_note(connection, study._study_id, trial_id) == f"{note} by hand"


def test_a_shorter_note_leaves_nothing_of_the_longer_one(db: Database, study: optuna.Study) -> None:
    for note in ("long " * CHUNK_CHARACTERS, "short"):
        with db.engine.begin() as connection:
            write_note(connection, study._study_id, note)
    assert get_note(study) == "short"


def test_each_write_raises_the_version_as_the_dashboard_does(db: Database, study: optuna.Study) -> None:
    save_note(study, "by hand")
    with db.engine.begin() as connection:
        write_note(connection, study._study_id, "ours")
    save_note(study, "by hand again")
    assert db.storage.get_study_system_attrs(study._study_id)["dashboard:note_ver"] == 3


def test_notes_do_not_mix(db: Database, study: optuna.Study) -> None:
    first, second = study.ask(), study.ask()
    with db.engine.begin() as connection:
        for note, trial_id in (("study", None), ("first", first._trial_id), ("second", second._trial_id)):
            write_note(connection, study._study_id, note, trial_id)
    assert (get_note(study), get_note(first), get_note(second)) == ("study", "first", "second")
