"""A backup's pictures, checkpoints and weights, put back into the artifact store: all of them or none."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import ZipInfo

from storage.archive import PIECE_BYTES, Backup
from storage.artifacts import Artifacts
from storage.errors import StorageError
from storage.manifest import Tell, silent


@contextmanager
def files_put_back(backup: Backup, artifacts: Artifacts, tell: Tell = silent) -> Iterator[None]:
    """Has the backup's files in the artifact store; an error inside takes away again those that were not there before.

    Raises StorageError where a file of that name has other content: it may be another database's.
    """
    made: list[str] = []
    with artifacts.without_empty_folders(backup.files):
        try:
            if backup.files:
                artifacts.check(1 + (sum(info.file_size for info in backup.files.values()) >> 20))
            for done, (key, info) in enumerate(backup.files.items()):
                tell("files", done, len(backup.files))
                if not _is_there(artifacts, key, info):
                    made.append(key)
                    _put(backup, info, artifacts, key)
            yield
        except BaseException:
            artifacts.remove(*made)
            raise


def _is_there(artifacts: Artifacts, key: str, info: ZipInfo) -> bool:
    """Whether the file is there already, with the same content; a StorageError where it has another."""
    size, checksum = 0, 0
    try:
        with artifacts.open(key) as file:
            while piece := file.read(PIECE_BYTES):
                size, checksum = size + len(piece), zlib.crc32(piece, checksum)
    except FileNotFoundError:
        return False
    except IsADirectoryError:
        size = -1
    if (size, checksum) != (info.file_size, info.CRC):
        raise StorageError(
            f"a restored file must not replace another one; got {key} in {artifacts} with other content; "
            "move it away, or give another place with UNET_SEARCH_ARTIFACTS"
        )
    return True


def _put(backup: Backup, info: ZipInfo, artifacts: Artifacts, key: str) -> None:
    with artifacts.local(key) as kept:
        partial = kept.path.with_name(f".restored-{kept.path.name}")
        try:
            with partial.open("wb") as file:
                file.writelines(backup.pieces(info))
            partial.replace(kept.path)
        finally:
            partial.unlink(missing_ok=True)
        kept.push()
