"""Studies whose artifacts lie in a bucket: listed, deleted, kept in a file and put back, also to and from a folder."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from storage.artifacts.store import Artifacts, open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.catalogue import delete_study, list_studies
from storage.studies.study import stop_study
from tests.bucket_server import bucket_contents, deny
from tests.full_study import contents, dump, fill, keep_file
from tests.integration.backup.backup_file import back_up, restore


@pytest.fixture
def bucket(bucket_url: str) -> Artifacts:
    return open_artifacts(Settings(artifacts=bucket_url))


def test_a_study_is_listed_with_its_sizes(db: Database, bucket: Artifacts, bucket_url: str) -> None:
    fill(db, bucket, trials=2)
    (mars,) = list_studies(db, bucket)
    assert mars.artifact_bytes == sum(map(len, bucket_contents(bucket_url).values())) > 256 * 5000


def test_a_deleted_study_leaves_nothing_and_others_alone(db: Database, bucket: Artifacts, bucket_url: str) -> None:
    fill(db, bucket, "venus", trials=2)
    before = bucket_contents(bucket_url)
    study = fill(db, bucket, trials=2)
    assert len(bucket_contents(bucket_url)) == len(before) + 4
    stop_study(db, study._study_id, "asked for")
    assert delete_study(db, bucket, study._study_id, "mars").files == 4
    assert bucket_contents(bucket_url) == before


def test_from_a_bucket_to_a_folder(
    db: Database, other: Database, bucket: Artifacts, bucket_url: str, elsewhere: Path, tmp_path: Path
) -> None:
    fill(db, bucket)
    restore(other, elsewhere, back_up(db, bucket, tmp_path / "backup.zip"))
    assert contents(elsewhere) == bucket_contents(bucket_url) and len(contents(elsewhere)) == 10
    assert dump(other, "mars") == dump(db, "mars")


def test_from_a_folder_to_a_bucket(
    db: Database, other: Database, artifacts: Artifacts, bucket: Artifacts, bucket_url: str, tmp_path: Path
) -> None:
    fill(db, artifacts)
    restore(other, bucket, back_up(db, artifacts, tmp_path / "backup.zip"))
    assert bucket_contents(bucket_url) == contents(artifacts.root) and len(contents(artifacts.root)) == 10


def test_a_refused_restore_takes_its_files_away(
    db: Database, other: Database, artifacts: Artifacts, bucket: Artifacts, bucket_url: str, tmp_path: Path
) -> None:
    fill(db, artifacts, trials=2)
    keep_file(bucket, "checkpoints/venus/1", b"another's")
    corrupt = tmp_path / "corrupt.zip"
    with ZipFile(back_up(db, artifacts, tmp_path / "backup.zip")) as good, ZipFile(corrupt, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b'"COMPLETE"', b'"NEVER"'))
    with pytest.raises(StorageError, match="NEVER"):
        restore(other, bucket, corrupt)
    assert bucket_contents(bucket_url) == {"checkpoints/venus/1": b"another's"}


def test_a_restore_that_may_not_write_all_files_leaves_none(
    db: Database, other: Database, artifacts: Artifacts, bucket: Artifacts, bucket_url: str, tmp_path: Path
) -> None:
    fill(db, artifacts, trials=2)
    deny(bucket_url, "s3:PutObject", "*/weights/*")  # the last file
    with pytest.raises(StorageError, match="must be readable and writable"):
        restore(other, bucket, back_up(db, artifacts, tmp_path / "backup.zip"))
    assert bucket_contents(bucket_url) == {} and not dump(other, "mars")["studies"]


def test_files_that_are_there_stay_and_others_content_is_refused(
    db: Database, other: Database, bucket: Artifacts, bucket_url: str, tmp_path: Path
) -> None:
    fill(db, bucket, trials=2)
    path = back_up(db, bucket, tmp_path / "backup.zip")
    before = bucket_contents(bucket_url)
    keep_file(bucket, "weights/mars/0.keras", b"Weights")
    with pytest.raises(StorageError, match=r"must not replace another one; got weights/mars/0\.keras in s3://"):
        restore(other, bucket, path)
    assert bucket_contents(bucket_url) == {**before, "weights/mars/0.keras": b"Weights"}
    keep_file(bucket, "weights/mars/0.keras", b"weights")
    restore(other, bucket, path)
    assert bucket_contents(bucket_url) == before and dump(other, "mars") == dump(db, "mars")
