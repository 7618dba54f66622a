"""Artifacts in an S3 bucket, under the same keys as in a folder, behind a prefix.

boto3 finds credentials, region and endpoint by rules of its own: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws, ...
"""

import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO

from typing_extensions import override

from storage.artifacts.interface import Artifacts
from storage.artifacts.local import LocalFile
from storage.errors import StorageError
from storage.settings import mask_url

if TYPE_CHECKING:
    from storage.artifacts.optuna_bucket import OptunaBucket

SCHEME = "s3://"
CONNECT_S = 10  # boto3's own limit is 60 s, and it tries five times
MAX_REMOVED_AT_ONCE = 1000  # S3's limit for one request

_URL = re.compile(r"s3://([A-Za-z0-9._-]+)((?:/[^?#]*)?)")


@dataclass(frozen=True)
class Bucket(Artifacts):
    """A bucket, or the part of it behind a prefix."""

    name: str
    prefix: str  # empty, or with a slash at its end
    client: Any  # boto3's

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}/{self.prefix}"

    @property
    @override
    def store(self) -> "OptunaBucket":
        from storage.artifacts.optuna_bucket import OptunaBucket

        return OptunaBucket(self)

    @override
    def check(self, min_free_mib: int = 1) -> None:
        key = f".probe-{uuid.uuid4().hex}"
        with self.translate_errors():
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=b"probe")
        try:
            self.sizes(key)  # the right to list is needed, too
            with self.open(key):
                pass
        finally:
            self.remove(key)

    @override
    @contextmanager
    def local(self, key: str) -> Iterator[LocalFile]:
        with TemporaryDirectory(prefix="unet-search-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            with suppress(FileNotFoundError), self.open(key) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file)
            yield LocalFile(path, partial(self._upload, key))

    @override
    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self.translate_errors():
            try:
                body = self.client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"]
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError(f"{self}{key}") from None
            with closing(body):
                yield body

    @override
    def write(self, key: str, content: bytes) -> None:
        with self.translate_errors():
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content)

    @override
    def sizes(self, folder: str = "") -> dict[str, int]:
        prefix = self.prefix + (f"{folder}/" if folder else "")
        with self.translate_errors():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, Delimiter="/"
            )
            objects = [found for page in pages for found in page.get("Contents", ())]
        return {found["Key"].removeprefix(self.prefix): found["Size"] for found in objects}

    @override
    def remove(self, *keys: str) -> None:
        objects = [{"Key": self.prefix + key} for key in keys]
        for start in range(0, len(objects), MAX_REMOVED_AT_ONCE):
            batch = {"Objects": objects[start : start + MAX_REMOVED_AT_ONCE], "Quiet": True}
            with self.translate_errors():
                failed = self.client.delete_objects(Bucket=self.name, Delete=batch).get("Errors")
            if failed:
                raise _unusable(self, f"{failed[0].get('Code')} for {failed[0].get('Key')}")

    @override
    @contextmanager
    def remove_unused_folders(self, keys: Iterable[str]) -> Iterator[None]:
        yield  # a bucket has no folders

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raises StorageError for boto3's errors."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise _unusable(self, error) from error

    def _upload(self, key: str, path: Path) -> None:
        """Uploads in one request, at most 5 GB, so that a killed worker leaves no parts of an upload behind."""
        with self.translate_errors(), path.open("rb") as file:
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=file)


def open_bucket(url: str) -> Bucket:
    """The bucket of s3://BUCKET[/PREFIX], without a request to it.

    Raises:
        StorageError: the URL is none, boto3 is missing, or it refuses its configuration.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise StorageError(
            f"a bucket must be s3://BUCKET or s3://BUCKET/PREFIX; got {mask_url(url)!r}; "
            "give it so with UNET_SEARCH_ARTIFACTS, and credentials as boto3 knows them, such as AWS_ACCESS_KEY_ID"
        )
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise StorageError(
            f"artifacts in a bucket need boto3; got none for {url}; install it with `pip install unet-search[s3]`, "
            "or give a folder with UNET_SEARCH_ARTIFACTS"
        ) from None
    try:
        client = boto3.Session().client("s3", config=Config(connect_timeout=CONNECT_S))
    except (BotoCoreError, ValueError) as error:  # an unknown profile, an invalid region or endpoint
        raise _unusable(url, error) from error
    parts = [part for part in found[2].split("/") if part]
    return Bucket(found[1], "".join(f"{part}/" for part in parts), client)


def _unusable(place: object, reason: object) -> StorageError:
    shown = mask_url(" ".join(str(reason).split()))
    return StorageError(
        f"the bucket must be readable and writable; got {place} ({shown}); "
        "see the bucket's rights, AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL, or give another place with "
        "UNET_SEARCH_ARTIFACTS"
    )
