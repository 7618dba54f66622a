"""The artifact store as the dashboard sees it."""

from contextlib import suppress
from typing import BinaryIO

from optuna.artifacts._protocol import ArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound


class ForgivingStore:
    """Removes what is there: optuna-dashboard would keep a study for good because one of its files is missing."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def open_reader(self, artifact_id: str) -> BinaryIO:
        return self._store.open_reader(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        self._store.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        with suppress(ArtifactNotFound):
            self._store.remove(artifact_id)
