"""A shared copy of data in the artifact store: files in parts, several of which are on their way at the same time.

A whole file could be larger than one request may be, and would have to be sent again when a process is killed. A copy
is whole once its description is there, which is written last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import COPIES, copy_folder, description_key, is_copy_name, part_key
from storage.errors import StorageError

# Of every part of a file but the last, for good: copies of another size could not be read. THREADS are in memory.
PART_BYTES = 1 << 24
THREADS = 4
MAX_DESCRIPTION_BYTES = 1 << 28  # some hundred bytes an image
TRIES, PAUSE_S = 4, 1.0  # of the download of a part: a connection may break in the middle

Progress = Callable[[int, int], None]  # bytes done, and in all


@dataclass(frozen=True)
class _Part:
    """A part of a file of this machine."""

    key: str
    path: Path  # of the file
    start: int  # bytes before it
    size: int


def send_copy(artifacts: Artifacts, copy: str, files: Sequence[Path], description: bytes, progress: Progress) -> int:
    """Sends what the store lacks of a shared copy; returns the number of bytes that were sent.

    Any number of processes may send the same. Raises StorageError, and OSError where a file cannot be read.

    Args:
        artifacts: the store.
        copy: its name.
        files: of this machine; their names are those of the copy's files.
        description: what `read_description` gives.
    """
    there = _sizes(artifacts, copy_folder(copy))
    parts = [part for path in files for part in _split(copy, path, path.stat().st_size)]
    missing = [part for part in parts if there.get(part.key) != part.size]
    total, left = (sum(part.size for part in some) for some in (parts, missing))
    _work(lambda part: _send(artifacts, part), missing, total - left, total, progress)
    artifacts.write(description_key(copy), description)
    return left + len(description)


def read_description(artifacts: Artifacts, copy: str) -> bytes | None:
    """The description of a shared copy; None where the copy is not whole. Raises StorageError."""
    try:
        return _read(artifacts, description_key(copy), MAX_DESCRIPTION_BYTES)
    except FileNotFoundError:
        return None


def receive_copy(artifacts: Artifacts, copy: str, files: Mapping[str, int], folder: Path, progress: Progress) -> None:
    """Writes the files of a shared copy into an empty folder.

    Raises StorageError where a part is missing, has another size or cannot be read; OSError where none can be written.

    Args:
        artifacts: the store.
        copy: its name.
        files: their numbers of bytes by name, of the copy's description.
        folder: of this machine.
    """
    parts = [part for name, size in files.items() for part in _split(copy, folder / name, size)]
    for name in files:
        (folder / name).touch()
    _work(lambda part: _receive(artifacts, part), parts, 0, sum(files.values()), progress)


def list_copies(artifacts: Artifacts) -> list[str]:
    """The names of all whole copies, sorted. Raises StorageError."""
    names = (key.removeprefix(f"{COPIES}/").removesuffix(".json") for key in _sizes(artifacts, COPIES))
    return sorted(filter(is_copy_name, names))


def copy_bytes(artifacts: Artifacts, copy: str) -> int:
    """The number of bytes of a shared copy, whole or not."""
    description = _sizes(artifacts, COPIES).get(description_key(copy), 0)
    return description + sum(_sizes(artifacts, copy_folder(copy)).values())


def remove_copy(artifacts: Artifacts, copy: str) -> int:
    """Removes a shared copy, its description first; returns the number of its files. Raises StorageError, OSError."""
    parts, folder = _sizes(artifacts, copy_folder(copy)), copy_folder(copy)
    whole = description_key(copy) in _sizes(artifacts, COPIES)
    artifacts.remove(description_key(copy))
    artifacts.remove(*parts, folder)
    return len(parts) + whole


def _split(copy: str, path: Path, size: int) -> list[_Part]:
    """The parts of a file of that many bytes."""
    return [
        _Part(part_key(copy, path.name, number), path, start, min(PART_BYTES, size - start))
        for number, start in enumerate(range(0, size, PART_BYTES))
    ]


def _work(work: Callable[[_Part], None], parts: Sequence[_Part], done: int, total: int, progress: Progress) -> None:
    """Does some work on every part; the first error ends it."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="parts") as pool:
        sizes = {pool.submit(work, part): part.size for part in parts}
        try:
            for future in as_completed(sizes):
                future.result()
                done += sizes[future]
                progress(done, total)
        finally:
            for future in sizes:
                future.cancel()


def _send(artifacts: Artifacts, part: _Part) -> None:
    with part.path.open("rb") as file:
        file.seek(part.start)
        artifacts.write(part.key, file.read(part.size))


def _receive(artifacts: Artifacts, part: _Part) -> None:
    try:
        content = _read_again(artifacts, part)
    except FileNotFoundError:
        content = b""
    if len(content) != part.size:
        raise StorageError(
            f"a part of a shared copy must have {part.size:,} bytes; got {_count(content, part)} for {part.key} in "
            f"{artifacts}; remove that copy's files there, and run `unet-search init` again where the data are"
        )
    with part.path.open("r+b") as file:
        file.seek(part.start)
        file.write(content)


def _count(content: bytes, part: _Part) -> str:
    return "more" if len(content) > part.size else f"{len(content):,}"


def _read_again(artifacts: Artifacts, part: _Part) -> bytes:
    for _ in range(TRIES - 1):
        with suppress(StorageError):
            return _read(artifacts, part.key, part.size)
        sleep(PAUSE_S)
    return _read(artifacts, part.key, part.size)


def _read(artifacts: Artifacts, key: str, most: int) -> bytes:
    """The content of a file, of a longer one `most` bytes and one more. Raises FileNotFoundError, StorageError."""
    with _readable(artifacts), artifacts.open(key) as file:
        content = b""
        while len(content) <= most and (more := file.read(most + 1 - len(content))):
            content = content + more if content else more
    return content


def _sizes(artifacts: Artifacts, folder: str) -> dict[str, int]:
    with _readable(artifacts):
        return artifacts.sizes(folder)


@contextmanager
def _readable(artifacts: Artifacts) -> Iterator[None]:
    """Raises StorageError for the errors of a folder, but for a missing file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(
            f"the artifact store must be readable; got {error.strerror or error} in {artifacts}; see its rights, or "
            "give another one with UNET_SEARCH_ARTIFACTS"
        ) from error
