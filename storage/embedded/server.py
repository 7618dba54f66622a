"""The embedded server of a run's folder: the first command that uses it starts it, the last one stops it.

Every command that uses it holds a shared lock on the file `pgdata.holders`; the kernel releases the lock of a killed
process. Starting, joining and stopping happen under an exclusive lock on `pgdata.gate`. Clients reach the server
without libpq's own variables, which are meant for other servers.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import IO
from urllib.parse import quote

from storage.embedded import control
from storage.errors import StorageError
from storage.folders import (
    check_writable,
    describe_owner,
    missing_folders,
    open_plain,
    remove_empty_folders,
)
from storage.settings import DIALECT

GATE_S = control.START_S + 10  # the longest wait for another command that starts or stops the server
MAX_SOCKET_PATH_BYTES = 100  # the limit is 107 on Linux, 103 on macOS
MIN_FREE_MIB = 100  # a new server takes 40, and grows
REMEDY = "give another one with --dir, or a server with DATABASE_URL"  # where there is no study yet


def has_server(folder: Path) -> bool:
    """Whether there is an embedded server's data folder, whether it runs or not."""
    return os.path.isdir(folder / "pgdata")  # unlike Path.is_dir, False where it may not be read


@contextmanager
def embedded_server(folder: Path, connections: int = 0) -> Iterator[str]:
    """Starts or joins the PostgreSQL 18 in `folder`/pgdata and yields its URL. Raises StorageError.

    Any number of commands on this machine may use the folder at once.

    Args:
        folder: the run's folder.
        connections: how many clients a server that is started here must be able to serve.
    """
    folder = folder.expanduser().absolute()
    new_folders = missing_folders(folder)
    if not has_server(folder):
        check_writable(folder, REMEDY, MIN_FREE_MIB)
    pgdata = folder / "pgdata"
    with _without_libpq_variables():
        holders = _enter(pgdata, new_folders, connections)
        try:
            yield _url(pgdata)
        finally:
            _leave(pgdata, holders)


@contextmanager
def _without_libpq_variables() -> Iterator[None]:
    """Takes libpq's variables, such as PGSERVICE or PGHOSTADDR, from this process and from those that it starts."""
    removed = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(removed)


@contextmanager
def discard_new_server(folder: Path) -> Iterator[None]:
    """After an error, removes a server's data that the context made, unless other commands use the server."""
    folder = folder.expanduser().absolute()
    is_new, new_folders = not has_server(folder), missing_folders(folder)
    try:
        yield
    except BaseException:
        if is_new and has_server(folder):
            _discard(folder / "pgdata", new_folders)
        raise


def _discard(pgdata: Path, new_folders: list[Path]) -> None:
    with _gate(pgdata), _open_lock_file(pgdata, "holders") as holders:
        if _try_lock(holders, fcntl.LOCK_EX):
            shutil.rmtree(pgdata)
            _remove_locks(pgdata)
            remove_empty_folders(new_folders)


def _enter(pgdata: Path, new_folders: list[Path], connections: int) -> IO[str]:
    """Returns the open file of the shared lock; where that fails, removes the new folders if they are empty."""
    with _gate(pgdata):
        holders = _open_lock_file(pgdata, "holders")
        try:
            if _try_lock(holders, fcntl.LOCK_EX):
                _start_or_join(pgdata, connections)
            elif not _answers(pgdata):
                raise StorageError(
                    f"the server of {pgdata} must run on this machine; got a folder in use that does not answer here; "
                    "stop the commands of the other machine, or share a server by DATABASE_URL"
                )
            fcntl.flock(holders, fcntl.LOCK_SH)
        except BaseException:
            holders.close()
            if not pgdata.exists():
                _remove_locks(pgdata)
                remove_empty_folders(new_folders)
            raise
        return holders


def _leave(pgdata: Path, holders: IO[str]) -> None:
    with holders:
        if not pgdata.exists():
            return  # the folder was deleted meanwhile
        with _gate(pgdata):
            if _try_lock(holders, fcntl.LOCK_EX):
                control.stop(pgdata)
                with suppress(OSError):
                    _short_link(pgdata).unlink(missing_ok=True)


def _start_or_join(pgdata: Path, connections: int) -> None:
    """Both locks are held: no command uses the server, but it may still run where the last ones were killed."""
    if not pgdata.exists():
        control.initialise(pgdata)
    if not _answers(pgdata):
        control.start(pgdata, connections)


def _answers(pgdata: Path) -> bool:
    import psycopg2

    try:
        psycopg2.connect(host=_socket_folder(pgdata), port=5432, user="postgres", dbname="postgres").close()
    except psycopg2.OperationalError as error:
        return "starting up" in str(error)
    return True


def _url(pgdata: Path) -> str:
    return f"{DIALECT}://postgres@:5432/postgres?host={quote(_socket_folder(pgdata), safe='/')}"


def _socket_folder(pgdata: Path) -> str:
    """The folder of the socket, by a link where its path is too long for a Unix socket, or not one host to libpq."""
    path = os.fsencode(pgdata / control.SOCKET_NAME)
    is_text = str(pgdata).encode(errors="ignore") == os.fsencode(pgdata)
    if len(path) <= MAX_SOCKET_PATH_BYTES and b"," not in path and is_text:
        return str(pgdata)
    link = _short_link(pgdata)
    with suppress(FileExistsError):
        link.symlink_to(pgdata)
    if link.lstat().st_uid != os.geteuid() or not link.is_symlink() or link.readlink() != pgdata:
        raise StorageError(f"the name {link} must lead to {pgdata}; got what another user made; remove it")
    return str(link)


def _short_link(pgdata: Path) -> Path:
    return Path(gettempdir()) / f"unet-search-{os.geteuid()}-{sha256(os.fsencode(pgdata)).hexdigest()[:12]}"


@contextmanager
def _gate(pgdata: Path) -> Iterator[None]:
    """Holds the exclusive lock on `pgdata.gate`."""
    deadline = time.monotonic() + GATE_S
    while True:
        with _open_lock_file(pgdata, "gate") as gate:
            if _try_lock(gate, fcntl.LOCK_EX) and _is_current(gate):
                yield
                return
        if time.monotonic() > deadline:
            raise StorageError(
                f"the server of {pgdata} must start or stop within {GATE_S} s; got another command still at it; "
                "end that command and try again"
            )
        time.sleep(0.02)


def _open_lock_file(pgdata: Path, name: str) -> IO[str]:
    path = pgdata.with_name(f"{pgdata.name}.{name}")
    try:
        return open(path, "a", opener=open_plain)
    except OSError as error:
        reason = (error.strerror or str(error)) + describe_owner(path.parent, error)
        remedy = "run as the owner of the study's data" if has_server(pgdata.parent) else REMEDY
        raise StorageError(f"the run's folder must be writable; got {path} ({reason}); {remedy}") from error


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(file: IO[str]) -> bool:
    """False for a lock file that another command, which was refused, removed while this one waited for it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(file.name))
    except FileNotFoundError:
        return False


def _remove_locks(pgdata: Path) -> None:
    for name in ("holders", "gate"):
        pgdata.with_name(f"{pgdata.name}.{name}").unlink(missing_ok=True)
