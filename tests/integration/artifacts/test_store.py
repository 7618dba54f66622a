"""The artifact store in a folder."""

from pathlib import Path

import optuna
import pytest

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import checkpoint_key
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from tests.full_study import attach_picture, read_files, upload_file

KEY = checkpoint_key("mars", 3)


def test_the_default_folder_is_in_the_run_folder(artifacts: Artifacts, tmp_path: Path) -> None:
    assert artifacts.root == tmp_path / "run" / "artifacts" and list(artifacts.root.iterdir()) == []


def test_a_picture_is_stored_as_a_png(db: Database, study: optuna.Study, artifacts: Artifacts, tmp_path: Path) -> None:
    picture = tmp_path / "curves.png"
    picture.write_bytes(b"png")
    trial = study.ask()
    attach_picture(artifacts, trial, picture)
    (meta,) = optuna.artifacts.get_all_artifact_meta(trial, storage=db.storage)
    assert (meta.filename, meta.mimetype) == ("curves.png", "image/png")
    with artifacts.store.open_reader(meta.artifact_id) as file:
        assert file.read() == b"png"


def test_a_checkpoint_is_removed(artifacts: Artifacts) -> None:
    upload_file(artifacts, KEY, b"weights")
    assert read_files(artifacts.root) == {KEY: b"weights"}
    artifacts.remove(KEY)
    assert read_files(artifacts.root) == {}


def test_a_checkpoint_that_is_a_folder_is_removed(artifacts: Artifacts) -> None:
    upload_file(artifacts, f"{KEY}/weights", b"weights")
    artifacts.remove(KEY)
    assert not (artifacts.root / KEY).exists()


def test_a_missing_file_is_no_error(artifacts: Artifacts) -> None:
    artifacts.remove(KEY)


@pytest.mark.parametrize("study", ["..", "../..", "/etc", "a/b", "."])
def test_a_studys_name_leads_to_no_other_folder(artifacts: Artifacts, study: str) -> None:
    path = artifacts.root / checkpoint_key(study, 0)
    assert path.resolve().parent.parent == artifacts.root.resolve() / "checkpoints"


@pytest.mark.parametrize("given", ["/proc/pictures", "s3://key:secret@bucket", "gs://bucket"])
def test_a_store_that_cannot_be_written_is_refused(given: str) -> None:
    with pytest.raises(StorageError, match="UNET_SEARCH_ARTIFACTS") as caught:
        open_artifacts(Settings(artifacts=given))
    assert "key:secret" not in str(caught.value) and "\n" not in str(caught.value)
