"""A backup's pictures, checkpoints and weights, put back into the artifact store: all of them or none."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipInfo

from storage.archive import PIECE_BYTES, Backup
from storage.artifacts import WHAT_TO_DO
from storage.errors import StorageError
from storage.files import check_writable, missing, remove_empty
from storage.manifest import Tell, silent


@contextmanager
def files_put_back(backup: Backup, root: Path, tell: Tell = silent) -> Iterator[None]:
    """Has the backup's files in the folder; an error inside takes away again those that were not there before.

    Raises StorageError where a file of that name has other content: it may be another database's.
    """
    made: list[Path] = []
    try:
        if backup.files:
            made += reversed(missing(root))
            check_writable(root, WHAT_TO_DO, 1 + (sum(info.file_size for info in backup.files.values()) >> 20))
        for done, (place, info) in enumerate(backup.files.items()):
            tell("files", done, len(backup.files))
            _put(backup, info, root / place, made)
        yield
    except BaseException:
        _take_away(made)
        raise


def _put(backup: Backup, info: ZipInfo, path: Path, made: list[Path]) -> None:
    if path.exists():
        _check_equal(info, path)
        return
    made += reversed(missing(path.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".restored-{path.name}")
    made += [path, partial]
    with partial.open("wb") as file:
        file.writelines(backup.pieces(info))
    partial.replace(path)


def _check_equal(info: ZipInfo, path: Path) -> None:
    size, checksum = 0, 0
    if path.is_file():
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                size, checksum = size + len(piece), zlib.crc32(piece, checksum)
    if (size, checksum) != (info.file_size, info.CRC):
        raise StorageError(
            f"a restored file must not replace another one; got {path} with other content; "
            "move it away, or give another folder with UNET_SEARCH_ARTIFACTS"
        )


def _take_away(made: list[Path]) -> None:
    """Files and the folders that were made for them, the last first."""
    for path in reversed(made):
        if path.is_dir():
            remove_empty([path])
        else:
            path.unlink(missing_ok=True)
