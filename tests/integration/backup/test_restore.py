"""A restored study stands beside others with its numbers, or is refused and nothing changes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState
from optuna_dashboard import get_note

from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.leases import claim_slot
from tests.full_study import make_full_study, read_files, read_rows
from tests.integration.backup.backup_file import back_up, restore
from tests.integration.conftest import FullStudy


def load_mars(db: Database) -> optuna.Study:
    return optuna.load_study(study_name="mars", storage=db.storage)


@pytest.fixture
def venus(other: Database, artifacts: Artifacts) -> optuna.Study:
    """Another study in the database to which the backup is restored."""
    return make_full_study(other, artifacts, "venus", trials=1)


def test_rows_are_restored_beside_another_study(
    other: Database, venus: optuna.Study, elsewhere: Path, full: FullStudy
) -> None:
    before = read_rows(other, "venus")
    restore(other, elsewhere, full.backup)
    assert (read_rows(other, "mars"), read_rows(other, "venus")) == (full.rows, before)


def test_ids_are_new(other: Database, venus: optuna.Study, elsewhere: Path, full: FullStudy) -> None:
    restore(other, elsewhere, full.backup)
    mars = load_mars(other)
    assert mars._study_id != venus._study_id
    assert not {trial._trial_id for trial in mars.trials} & {trial._trial_id for trial in venus.trials}


def test_pictures_and_notes_are_those_of_the_same_trials(
    other: Database, venus: optuna.Study, full_study: optuna.Study, elsewhere: Path, full: FullStudy
) -> None:
    restore(other, elsewhere, full.backup)
    mars = load_mars(other)
    for old, new in zip(full_study.trials, mars.trials, strict=True):
        old_pictures = get_all_artifact_meta(old, storage=full_study._storage)
        assert get_all_artifact_meta(new, storage=other.storage) == old_pictures
    assert get_note(optuna.Trial(mars, mars.trials[2]._trial_id)) == "note on 2"


def test_new_trials_continue_the_numbers(other: Database, elsewhere: Path, full: FullStudy) -> None:
    restore(other, elsewhere, full.backup)
    mars = load_mars(other)
    assert mars.ask().number == 9  # the waiting one
    mars.add_trial(optuna.trial.create_trial(value=1.0))
    assert mars.trials[-1].number == 10


def test_a_running_trial_has_no_slot_and_is_taken_over(other: Database, elsewhere: Path, full: FullStudy) -> None:
    restore(other, elsewhere, full.backup)
    mars = load_mars(other)
    (running,) = [trial for trial in mars.trials if trial.state == TrialState.RUNNING]
    claim = claim_slot(other, mars._study_id, uuid4(), "worker")
    assert claim is not None and claim.trial_id == running._trial_id


def test_an_existing_study_is_refused_and_no_other_restored(
    full_db: Database, other: Database, full_artifacts: Artifacts, venus: optuna.Study, elsewhere: Path, tmp_path: Path
) -> None:
    make_full_study(full_db, full_artifacts, "venus", trials=1)
    before = read_rows(other, "venus")
    path = back_up(full_db, full_artifacts, tmp_path / "both.zip")
    with pytest.raises(StorageError, match="must be new in the database; got venus, which is there"):
        restore(other, elsewhere, path)
    assert read_rows(other, "venus") == before and not read_rows(other, "mars")["studies"]
    assert not elsewhere.parent.exists()


def test_a_file_with_other_content_is_refused_and_stays(
    other: Database, full_artifacts: Artifacts, full: FullStudy
) -> None:
    checkpoint = next((full_artifacts.root / "checkpoints").rglob("*/*"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1] + b"!")
    before = read_files(full_artifacts.root)
    with pytest.raises(StorageError, match="must not replace another one"):
        restore(other, full_artifacts, full.backup)
    assert read_files(full_artifacts.root) == before and not read_rows(other, "mars")["studies"]


def test_files_with_the_same_content_are_no_error(other: Database, full_artifacts: Artifacts, full: FullStudy) -> None:
    restore(other, full_artifacts, full.backup)
    assert read_rows(other, "mars") == full.rows


def test_a_row_that_is_there_twice_is_refused_and_leaves_no_files(
    other: Database, elsewhere: Path, invalid_backup: Path
) -> None:
    with pytest.raises(StorageError, match=r"whole file of .*unique constraint"):
        restore(other, elsewhere, invalid_backup)
    assert not read_rows(other, "mars")["studies"] and not elsewhere.parent.exists()


def test_of_two_restores_at_once_one_is_refused(other: Database, elsewhere: Path, full: FullStudy) -> None:
    def refusal(_: int) -> str:
        try:
            restore(other, elsewhere, full.backup)
        except StorageError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        done, refused = sorted(pool.map(refusal, range(2)))
    assert not done and "must be new in the database; got mars" in refused
    assert read_rows(other, "mars") == full.rows
    assert read_files(elsewhere) == full.files
