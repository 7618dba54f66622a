"""An S3 server on this machine, and fresh buckets in it."""

import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

SECRET = "s3cret-of-nobody"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Its address."""
    from moto.server import ThreadedMotoServer  # takes a second, and is absent where only the trainer is tested

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of one who has credentials for the server, and nothing else of AWS."""
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
    """A place in a fresh bucket, behind a prefix."""
    name = f"unet-{uuid.uuid4().hex[:12]}"
    client().create_bucket(Bucket=name)
    return f"s3://{name}/runs/some one"


def client() -> Any:
    """A client of the server."""
    import boto3

    return boto3.Session().client("s3")


def name_of(url: str) -> str:
    return url.split("/")[2]


def bucket_contents(url: str) -> dict[str, bytes]:
    """Every object behind the prefix, by its key there; nothing may lie elsewhere in the bucket."""
    prefix = f"{url.split('/', 3)[3]}/"
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=name_of(url))
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    assert all(key.startswith(prefix) for key in keys), keys
    return {key.removeprefix(prefix): read_object(url, key.removeprefix(prefix)) for key in keys}


def read_object(url: str, key: str) -> bytes:
    found: bytes = client().get_object(Bucket=name_of(url), Key=f"{url.split('/', 3)[3]}/{key}")["Body"].read()
    return found


def deny(url: str, action: str, key: str = "*") -> None:
    """From now on nobody may do that, such as s3:PutObject, to these keys of the bucket."""
    resources = [f"arn:aws:s3:::{name_of(url)}", f"arn:aws:s3:::{name_of(url)}/{key}"]
    rule = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resources}
    client().put_bucket_policy(Bucket=name_of(url), Policy=json.dumps({"Version": "2012-10-17", "Statement": [rule]}))


def drop(url: str) -> None:
    """Removes the bucket with all in it."""
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=name_of(url))
    for key in [found["Key"] for page in pages for found in page.get("Contents", ())]:
        client().delete_object(Bucket=name_of(url), Key=key)
    client().delete_bucket(Bucket=name_of(url))
