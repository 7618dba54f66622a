"""A restored study is put beside others with its numbers, or refused and nothing changes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4
from zipfile import ZipFile

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState
from optuna_dashboard import get_note

from storage.artifacts.store import Artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.leases import claim_slot
from tests.full_study import contents, dump, fill
from tests.integration.backup.backup_file import back_up, restore


def test_beside_another_study_ids_are_new_and_numbers_stay(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    kept = fill(db, artifacts)
    there = fill(other, artifacts, "venus", trials=3)
    before = dump(other, "venus")
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
    assert (dump(other, "mars"), dump(other, "venus")) == (dump(db, "mars"), before)
    study = optuna.load_study(study_name="mars", storage=other.storage)
    ids = {trial._trial_id for trial in study.trials}
    assert not ids & {trial._trial_id for trial in there.trials}
    assert study._study_id != there._study_id
    for old, new in zip(kept.trials, study.trials, strict=True):
        assert get_all_artifact_meta(new, storage=other.storage) == get_all_artifact_meta(old, storage=db.storage)
    trial = optuna.Trial(study, study.trials[2]._trial_id)
    assert get_note(trial) == "note on 2"
    assert study.ask().number == 9  # the one that waits
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert study.trials[-1].number == len(kept.trials)


def test_a_running_trial_comes_without_slot_and_is_taken_over(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    restore(other, elsewhere, back_up(db, artifacts, tmp_path / "backup.zip"))
    study = optuna.load_study(study_name="mars", storage=other.storage)
    (running,) = [trial for trial in study.trials if trial.state == TrialState.RUNNING]
    claim = claim_slot(other, study._study_id, uuid4(), "worker")
    assert claim is not None and claim.trial_id == running._trial_id


def test_an_existing_study_is_refused_and_nothing_changes(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    fill(db, artifacts, "venus")
    fill(other, artifacts, "venus", trials=1)
    before = dump(other, "venus")
    path = back_up(db, artifacts, tmp_path / "backup.zip")
    with pytest.raises(StorageError, match="must be new in the database; got venus, which is there"):
        restore(other, elsewhere, path)
    assert dump(other, "venus") == before and not dump(other, "mars")["studies"]
    assert not elsewhere.parent.exists()


def test_files_that_are_there_stay_and_others_content_is_refused(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    path = back_up(db, artifacts, tmp_path / "backup.zip")
    checkpoint = next((artifacts.root / "checkpoints").rglob("*/*"))
    kept = checkpoint.read_bytes()
    checkpoint.write_bytes(kept[:-1] + b"!")
    before = contents(artifacts.root)
    with pytest.raises(StorageError, match="must not replace another one"):
        restore(other, artifacts.root, path)
    assert contents(artifacts.root) == before and not dump(other, "mars")["studies"]
    checkpoint.write_bytes(kept)
    restore(other, artifacts.root, path)
    assert dump(other, "mars") == dump(db, "mars")


def test_a_value_of_another_type_is_refused_and_takes_its_files_away(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    path = back_up(db, artifacts, tmp_path / "backup.zip")
    corrupt = tmp_path / "corrupt.zip"
    with ZipFile(path) as good, ZipFile(corrupt, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b'"COMPLETE"', b'"NEVER"'))
    with pytest.raises(StorageError, match=r'whole file of .*enum trialstate: "NEVER"'):
        restore(other, elsewhere, corrupt)
    assert not dump(other, "mars")["studies"] and not elsewhere.parent.exists()


def test_of_two_restores_at_once_one_is_refused(
    db: Database, other: Database, artifacts: Artifacts, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, artifacts)
    path = back_up(db, artifacts, tmp_path / "backup.zip")

    def refusal(_: int) -> str:
        try:
            restore(other, elsewhere, path)
        except StorageError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        done, refused = sorted(pool.map(refusal, range(2)))
    assert not done and "must be new in the database; got mars" in refused
    assert dump(other, "mars") == dump(db, "mars")
    assert contents(elsewhere) == contents(artifacts.root)
