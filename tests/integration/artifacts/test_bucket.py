"""The artifact store in a bucket, behind a prefix; where it cannot be used, one line says why."""

import re
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import pytest
from optuna_dashboard import wsgi

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import checkpoint_key, weights_key
from storage.artifacts.listing import list_weights
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from tests.bucket_server import SECRET, bucket_contents, delete_bucket, deny, read_object
from tests.full_study import attach_picture, upload_file

KEY = checkpoint_key("mars", 3)


@pytest.fixture
def bucket(bucket_url: str) -> Artifacts:
    return open_artifacts(Settings(artifacts=bucket_url))


def refusal(url: str) -> str:
    """The one line with which the artifact store is refused."""
    with pytest.raises(StorageError) as caught:
        open_artifacts(Settings(artifacts=url))
    message = str(caught.value)
    assert "\n" not in message and SECRET not in message and "UNET_SEARCH_ARTIFACTS" in message
    return message


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "curves.png"
    path.write_bytes(b"png")
    return path


@contextmanager
def served(db: Database, artifacts: Artifacts) -> Iterator[str]:
    """The address of a dashboard."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    app = wsgi(db.storage, artifact_store=artifacts.store)
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_probe_leaves_nothing(bucket: Artifacts, bucket_url: str) -> None:
    assert bucket_contents(bucket_url) == {}


def test_the_dashboard_shows_a_picture(db: Database, study: optuna.Study, bucket: Artifacts, picture: Path) -> None:
    trial = study.ask()
    artifact = attach_picture(bucket, trial, picture)
    with served(db, bucket) as dashboard:
        url = f"{dashboard}/artifacts/{study._study_id}/{trial._trial_id}/{artifact}"
        with urllib.request.urlopen(url) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"png", "image/png")


def test_optunas_store_writes_and_removes_a_file(bucket: Artifacts, bucket_url: str, picture: Path) -> None:
    with picture.open("rb") as file:
        bucket.store.write("abc", file)
    assert bucket_contents(bucket_url) == {"abc": b"png"}
    bucket.store.remove("abc")
    assert bucket_contents(bucket_url) == {}
    with pytest.raises(optuna.artifacts.exceptions.ArtifactNotFound):
        bucket.store.open_reader("abc")


def test_another_host_downloads_the_last_upload(bucket: Artifacts) -> None:
    upload_file(bucket, KEY, b"one")
    upload_file(bucket, KEY, b"two")
    with bucket.local(KEY) as there:
        assert there.path.read_bytes() == b"two"
    assert not there.path.exists()


def test_a_change_after_the_last_upload_is_lost(bucket: Artifacts, bucket_url: str) -> None:
    with bucket.local(KEY) as checkpoint:
        checkpoint.path.write_bytes(b"one")
        checkpoint.upload()
        checkpoint.path.write_bytes(b"other")
    assert bucket_contents(bucket_url) == {KEY: b"one"}


def test_a_file_is_uploaded_once_for_every_change(bucket: Artifacts, bucket_url: str) -> None:
    upload_file(bucket, KEY, b"one")
    with bucket.local(KEY) as checkpoint:
        assert not checkpoint.is_changed()  # since it was downloaded
        checkpoint.path.write_bytes(b"two")
        assert checkpoint.is_changed()
        checkpoint.upload()
        assert not checkpoint.is_changed()
        upload_file(bucket, KEY, b"another's")
        checkpoint.upload()
    assert read_object(bucket_url, KEY) == b"another's"


def test_a_missing_file_is_not_uploaded(bucket: Artifacts, bucket_url: str) -> None:
    with bucket.local(KEY) as checkpoint:
        assert not checkpoint.path.exists()
        checkpoint.upload()
    assert bucket_contents(bucket_url) == {}


def test_a_checkpoint_is_removed_and_no_other(bucket: Artifacts, bucket_url: str) -> None:
    other = checkpoint_key("mars", 31)
    upload_file(bucket, KEY, b"3")
    upload_file(bucket, other, b"31")
    bucket.remove(KEY)
    assert bucket_contents(bucket_url) == {other: b"31"}


def test_a_missing_file_is_no_error(bucket: Artifacts) -> None:
    bucket.remove(KEY)


def test_weights_are_listed_by_number(bucket: Artifacts) -> None:
    for study, number in (("mars", 7), ("mars", 12), ("mars 2", 1)):
        upload_file(bucket, weights_key(study, number), b"weights")
    upload_file(bucket, "weights/mars/notes.txt", b"a person's")
    assert list_weights(bucket, "mars") == {7: "weights/mars/7.keras", 12: "weights/mars/12.keras"}


def test_many_files_are_listed_and_removed(bucket: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")  # of one response
    monkeypatch.setattr("storage.artifacts.bucket.MAX_REMOVED_AT_ONCE", 3)
    keys = [checkpoint_key("mars", number) for number in range(7)]
    for key in keys:
        upload_file(bucket, key, b"four")
    assert bucket.sizes("checkpoints/mars") == dict.fromkeys(keys, 4)
    bucket.remove(*keys)
    assert bucket.sizes("checkpoints/mars") == {}


def test_a_study_without_files_has_none(bucket: Artifacts) -> None:
    assert list_weights(bucket, "mars") == {} and bucket.sizes() == {}


def test_a_file_that_may_not_be_removed_is_an_error(bucket: Artifacts, bucket_url: str) -> None:
    upload_file(bucket, KEY, b"one")
    deny(bucket_url, "s3:DeleteObject")
    with pytest.raises(StorageError, match=r"AccessDenied for runs/some one/checkpoints/mars/3\)"):
        bucket.remove(KEY)


def test_a_picture_that_is_refused_is_an_error(
    bucket: Artifacts, bucket_url: str, study: optuna.Study, picture: Path
) -> None:
    deny(bucket_url, "s3:PutObject")
    with pytest.raises(StorageError, match=r"must be readable and writable; got .*403"):
        attach_picture(bucket, study.ask(), picture)


def test_a_deleted_bucket_is_not_taken_for_a_missing_file(bucket: Artifacts, bucket_url: str) -> None:
    delete_bucket(bucket_url)
    with pytest.raises(StorageError, match="NoSuchBucket"), bucket.local(KEY):
        pass


@pytest.mark.parametrize("action", ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"])
def test_a_missing_right_is_found_at_the_start(bucket_url: str, action: str) -> None:
    deny(bucket_url, action)
    assert re.search("AccessDenied|403", message := refusal(bucket_url)) and f"got {bucket_url}/ (" in message


def test_a_bucket_that_does_not_exist(aws: None) -> None:
    assert "got s3://no-such-bucket/ (" in (message := refusal("s3://no-such-bucket")) and "NoSuchBucket" in message


def test_no_credentials(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "Unable to locate credentials" in refusal(bucket_url)


def test_a_server_that_does_not_answer(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@127.0.0.1:9")
    assert "Could not connect to the endpoint URL" in refusal(bucket_url)


def test_an_invalid_endpoint(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert "Invalid endpoint: nonsense" in refusal(bucket_url)


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", f"s3://nobody:{SECRET}/+@bucket", "s3://bucket?key=1"])
def test_an_invalid_url(aws: None, url: str) -> None:
    assert "must be s3://BUCKET or s3://BUCKET/PREFIX; got 's3://" in refusal(url)


def test_a_missing_boto3(bucket_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "need boto3" in (message := refusal(bucket_url)) and "pip install unet-search[s3]" in message
