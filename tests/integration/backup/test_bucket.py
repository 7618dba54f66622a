"""Studies whose artifacts are in a bucket: listed, deleted, backed up and restored, also to and from a folder."""

from pathlib import Path

import pytest

from storage.artifacts.interface import Artifacts
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.study import find_study, stop_study
from tests.bucket_server import bucket_contents, deny
from tests.full_study import make_full_study, read_files, read_rows, upload_file
from tests.integration.backup.backup_file import back_up, restore
from tests.integration.conftest import FullStudy


@pytest.fixture
def bucket(bucket_url: str) -> Artifacts:
    """An empty artifact store."""
    return open_artifacts(Settings(artifacts=bucket_url))


@pytest.fixture
def full_bucket(full: FullStudy, bucket: Artifacts) -> Artifacts:
    """An artifact store with the files of the full study."""
    for key, content in full.files.items():
        upload_file(bucket, key, content)
    return bucket


def test_a_study_is_listed_with_its_sizes(full_db: Database, full_bucket: Artifacts, full: FullStudy) -> None:
    (mars,) = list_studies(full_db, full_bucket)
    assert mars.artifact_bytes == sum(map(len, full.files.values())) > 256 * 5000


def test_a_deleted_study_leaves_nothing_and_others_alone(
    full_db: Database, full_bucket: Artifacts, bucket_url: str, full: FullStudy
) -> None:
    make_full_study(full_db, full_bucket, "venus", trials=2)
    before = bucket_contents(bucket_url)
    study_id, name = find_study(full_db, "mars")
    stop_study(full_db, study_id, "asked for")
    assert delete_study(full_db, full_bucket, study_id, name).files == 10
    after = bucket_contents(bucket_url)
    assert len(after) == 4 and after | full.files == before


def test_from_a_bucket_to_a_folder(
    full_db: Database, other: Database, full_bucket: Artifacts, elsewhere: Path, tmp_path: Path, full: FullStudy
) -> None:
    restore(other, elsewhere, back_up(full_db, full_bucket, tmp_path / "backup.zip"))
    assert read_files(elsewhere) == full.files and len(full.files) == 10
    assert read_rows(other, "mars") == full.rows


def test_from_a_folder_to_a_bucket(other: Database, bucket: Artifacts, bucket_url: str, full: FullStudy) -> None:
    restore(other, bucket, full.backup)
    assert bucket_contents(bucket_url) == full.files


def test_a_refused_restore_removes_its_files(
    other: Database, bucket: Artifacts, bucket_url: str, invalid_backup: Path
) -> None:
    upload_file(bucket, "checkpoints/venus/1", b"another's")
    with pytest.raises(StorageError, match="unique constraint"):
        restore(other, bucket, invalid_backup)
    assert bucket_contents(bucket_url) == {"checkpoints/venus/1": b"another's"}


def test_a_restore_that_may_not_write_all_files_leaves_none(
    other: Database, bucket: Artifacts, bucket_url: str, full: FullStudy
) -> None:
    deny(bucket_url, "s3:PutObject", "*/weights/*")  # the last file
    with pytest.raises(StorageError, match="must be readable and writable"):
        restore(other, bucket, full.backup)
    assert bucket_contents(bucket_url) == {} and not read_rows(other, "mars")["studies"]


def test_a_file_with_other_content_is_refused_and_stays(
    other: Database, full_bucket: Artifacts, bucket_url: str, full: FullStudy
) -> None:
    upload_file(full_bucket, "weights/mars/0.keras", b"Weights")
    with pytest.raises(StorageError, match=r"must not replace another one; got weights/mars/0\.keras in s3://"):
        restore(other, full_bucket, full.backup)
    assert bucket_contents(bucket_url) == full.files | {"weights/mars/0.keras": b"Weights"}


def test_files_with_the_same_content_are_no_error(
    other: Database, full_bucket: Artifacts, bucket_url: str, full: FullStudy
) -> None:
    restore(other, full_bucket, full.backup)
    assert bucket_contents(bucket_url) == full.files and read_rows(other, "mars") == full.rows
