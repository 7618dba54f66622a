"""Pictures reach Optuna's records; checkpoints stay inside their folder."""

from pathlib import Path

import optuna
import pytest

from storage.artifacts.store import Artifacts, checkpoint_key, open_artifacts, remove_checkpoint
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from tests.full_study import keep_picture


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))


def test_the_default_folder_is_in_the_runs(artifacts: Artifacts, tmp_path: Path) -> None:
    assert artifacts.root == tmp_path / "run" / "artifacts" and list(artifacts.root.iterdir()) == []


def test_a_picture_is_kept_as_a_png(db: Database, study: optuna.Study, artifacts: Artifacts, tmp_path: Path) -> None:
    picture = tmp_path / "curves.png"
    picture.write_bytes(b"png")
    trial = study.ask()
    keep_picture(artifacts, trial, picture)
    (meta,) = optuna.artifacts.get_all_artifact_meta(trial, storage=db.storage)
    assert (meta.filename, meta.mimetype) == ("curves.png", "image/png")
    with artifacts.store.open_reader(meta.artifact_id) as file:
        assert file.read() == b"png"


def test_a_checkpoint_is_removed_file_or_folder(artifacts: Artifacts) -> None:
    with artifacts.local(checkpoint_key("mars", 3)) as checkpoint:
        path = checkpoint.path
    path.write_text("weights")
    remove_checkpoint(artifacts, "mars", 3)
    path.mkdir()
    remove_checkpoint(artifacts, "mars", 3)
    remove_checkpoint(artifacts, "mars", 3)
    assert not path.exists() and path.relative_to(artifacts.root) == Path("checkpoints/mars/3")


@pytest.mark.parametrize("study", ["..", "../..", "/etc", "a/b", "."])
def test_a_studys_name_leads_nowhere_else(artifacts: Artifacts, study: str) -> None:
    path = artifacts.root / checkpoint_key(study, 0)
    assert path.resolve().parent.parent == artifacts.root.resolve() / "checkpoints"


@pytest.mark.parametrize("given", ["/proc/pictures", "s3://key:secret@bucket", "gs://bucket"])
def test_what_cannot_be_written_is_refused(given: str) -> None:
    with pytest.raises(StorageError, match="UNET_SEARCH_ARTIFACTS") as caught:
        open_artifacts(Settings(artifacts=given))
    assert "key:secret" not in str(caught.value) and "\n" not in str(caught.value)
