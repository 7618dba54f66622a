"""An S3 server on this machine, and new buckets in it."""

import json
import os
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

SECRET = "s3cret-of-nobody"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The server's URL."""
    from moto.server import ThreadedMotoServer  # takes a second, and is absent where only the trainer is tested

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a user with credentials for the server, and without other settings of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.fixture
def bucket_url(aws: None) -> str:
    """The URL of a prefix in a new, empty bucket."""
    name = f"unet-{uuid.uuid4().hex[:12]}"
    _client().create_bucket(Bucket=name)
    return f"s3://{name}/runs/some one"


def bucket_contents(url: str) -> dict[str, bytes]:
    """Every object behind the prefix, by its key there; asserts that the bucket has no others."""
    bucket, prefix = _split(url)
    keys = _list_keys(bucket)
    assert all(key.startswith(prefix) for key in keys), keys
    return {key.removeprefix(prefix): read_object(url, key.removeprefix(prefix)) for key in keys}


def read_object(url: str, key: str) -> bytes:
    bucket, prefix = _split(url)
    content: bytes = _client().get_object(Bucket=bucket, Key=prefix + key)["Body"].read()
    return content


def deny(url: str, action: str, key: str = "*") -> None:
    """Forbids everyone an action, such as s3:PutObject, on these keys of the bucket."""
    bucket, _ = _split(url)
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/{key}"]
    rule = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resources}
    _client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]}))


def delete_bucket(url: str) -> None:
    """Deletes the bucket with all its objects."""
    bucket, _ = _split(url)
    for key in _list_keys(bucket):
        _client().delete_object(Bucket=bucket, Key=key)
    _client().delete_bucket(Bucket=bucket)


def _split(url: str) -> tuple[str, str]:
    """The bucket and the prefix, which ends in a slash."""
    _, _, bucket, prefix = url.split("/", 3)
    return bucket, f"{prefix}/"


def _list_keys(bucket: str) -> list[str]:
    pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", ())]


def _client() -> Any:
    return _make_client(os.environ["AWS_ENDPOINT_URL"])


@cache  # it takes a tenth of a second
def _make_client(endpoint: str) -> Any:
    import boto3

    return boto3.Session().client("s3", endpoint_url=endpoint)
