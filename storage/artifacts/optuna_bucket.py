"""Optuna's artifact store in a bucket, as its dashboard uses it. Imports Optuna."""

from typing import TYPE_CHECKING, BinaryIO

from optuna.artifacts import Boto3ArtifactStore
from typing_extensions import override

from storage.artifacts.keys import require_picture_id

if TYPE_CHECKING:
    from storage.artifacts.bucket import Bucket


class OptunaBucket(Boto3ArtifactStore):
    """Adds what Optuna's store of a bucket lacks: a prefix, and StorageError for boto3's errors."""

    def __init__(self, bucket: "Bucket") -> None:
        super().__init__(bucket.name, bucket.client)
        self._prefixed = bucket

    @override
    def open_reader(self, artifact_id: str) -> BinaryIO:
        with self._prefixed.translate_errors():
            return super().open_reader(self._prefixed.prefix + require_picture_id(artifact_id))

    @override
    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        with self._prefixed.translate_errors():
            super().write(self._prefixed.prefix + require_picture_id(artifact_id), content_body)

    @override
    def remove(self, artifact_id: str) -> None:
        with self._prefixed.translate_errors():
            super().remove(self._prefixed.prefix + require_picture_id(artifact_id))
