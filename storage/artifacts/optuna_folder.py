"""Optuna's artifact store in a folder, as its dashboard uses it. Imports Optuna."""

import shutil
from pathlib import Path
from typing import BinaryIO

from optuna.artifacts.exceptions import ArtifactNotFound

from storage.artifacts import nofollow
from storage.artifacts.keys import require_picture_id


class OptunaFolder:
    """Optuna's own one would follow links, and serve and remove whatever file an id names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Opens an artifact. Raises ArtifactNotFound."""
        try:
            return nofollow.open_file(self._root, require_picture_id(artifact_id))
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ArtifactNotFound("not found") from error

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Makes an artifact, whose id must be new."""
        with nofollow.create_file(self._root, require_picture_id(artifact_id)) as file:
            shutil.copyfileobj(content_body, file)

    def remove(self, artifact_id: str) -> None:
        """Removes an artifact. Raises ArtifactNotFound."""
        try:
            nofollow.remove(self._root, require_picture_id(artifact_id))
        except FileNotFoundError as error:
            raise ArtifactNotFound("not found") from error
