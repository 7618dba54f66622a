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

from storage.artifacts.local import Local
from storage.errors import StorageError
from storage.settings import mask_url

if TYPE_CHECKING:
    from optuna.artifacts import Boto3ArtifactStore

SCHEME = "s3://"
URL = re.compile(r"s3://([A-Za-z0-9._-]+)((?:/[^?#]*)?)")
CONNECT_S = 10  # a server that does not answer is found out within a minute, not five
REMOVED_AT_ONCE = 1000  # S3's limit


@dataclass(frozen=True)
class Bucket:
    """A bucket, or what is behind a prefix of it."""

    name: str
    prefix: str  # empty, or with a slash at its end
    client: Any  # boto3's

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}/{self.prefix}"

    @property
    def store(self) -> "Pictures":
        from optuna.artifacts import Boto3ArtifactStore

        return Pictures(self, Boto3ArtifactStore(self.name, self.client))

    def check(self, room_mib: int = 1) -> None:
        """Puts, lists, reads and removes a probe; how much room there is, no bucket tells."""
        key = f".probe-{uuid.uuid4().hex}"
        with self.reported():
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=b"probe")
        try:
            self.sizes(key)
            with self.open(key):
                pass
        finally:
            self.remove(key)

    @contextmanager
    def local(self, key: str) -> Iterator[Local]:
        with TemporaryDirectory(prefix="unet-search-") as folder:
            path = Path(folder) / key.rpartition("/")[2]
            with suppress(FileNotFoundError), self.open(key) as kept, path.open("wb") as file:
                shutil.copyfileobj(kept, file)
            yield Local(path, partial(self._put, key))

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self.reported():
            try:
                body = self.client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"]
            except self.client.exceptions.NoSuchKey:
                raise FileNotFoundError(f"{self}{key}") from None
            with closing(body):
                yield body

    def sizes(self, folder: str = "") -> dict[str, int]:
        prefix = self.prefix + (f"{folder}/" if folder else "")
        with self.reported():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, Delimiter="/"
            )
            objects = [found for page in pages for found in page.get("Contents", ())]
        return {found["Key"].removeprefix(self.prefix): found["Size"] for found in objects}

    def remove(self, *keys: str) -> None:
        """Removes files; there are no folders to be left over."""
        named = [{"Key": self.prefix + key} for key in keys]
        for start in range(0, len(named), REMOVED_AT_ONCE):
            batch = {"Objects": named[start : start + REMOVED_AT_ONCE], "Quiet": True}
            with self.reported():
                failed = self.client.delete_objects(Bucket=self.name, Delete=batch).get("Errors")
            if failed:
                raise _unusable(self, f"{failed[0].get('Code')} for {failed[0].get('Key')}")

    @contextmanager
    def without_empty_folders(self, keys: Iterable[str]) -> Iterator[None]:
        yield  # a bucket has no folders

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Makes a StorageError of what boto3 raises."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise _unusable(self, error) from error

    def _put(self, key: str, path: Path) -> None:
        """In one request, which takes up to 5 GB: a killed worker leaves no parts behind."""
        with self.reported(), path.open("rb") as file:
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=file)


@dataclass(frozen=True)
class Pictures:
    """Optuna's view of a bucket."""

    bucket: Bucket
    whole: "Boto3ArtifactStore"  # knows no prefix

    def open_reader(self, artifact_id: str) -> BinaryIO:
        with self.bucket.reported():
            return self.whole.open_reader(self.bucket.prefix + artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        with self.bucket.reported():
            self.whole.write(self.bucket.prefix + artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        with self.bucket.reported():
            self.whole.remove(self.bucket.prefix + artifact_id)


def open_bucket(url: str) -> Bucket:
    """The bucket of s3://BUCKET[/PREFIX]; asks no server. Raises StorageError where boto3 is missing or refuses."""
    found = URL.fullmatch(url)
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
    except (BotoCoreError, ValueError) as error:  # a profile, region or endpoint that is none
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
