"""What a data folder says of its server: whether it runs, whether it could, and what it complained of.

The folder may be another user's than root's, who reads and writes in it: links in it are not followed.
"""

import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from storage.embedded.account import ACCOUNT
from storage.errors import StorageError
from storage.folders import open_plain

if TYPE_CHECKING:
    import psutil

LOG = "log"  # of the server, in its data folder
MOST_BYTES = 16384  # that are read, at the end of the log
UNUSED_PID = 2**30  # above the highest process number
START_TIME_S = 5.0  # by how much two clocks may differ on when a process started
OTHERS_MODE = 0o027  # what nobody else may do with the data, or PostgreSQL refuses them


def is_running(pgdata: Path) -> bool:
    """Whether the server of postmaster.pid runs, in this folder.

    After a crash another program may have its process number, and in a copy of the folder it is the original's.
    """
    import psutil

    process = _find_process(pgdata)
    try:
        return process is not None and os.path.samefile(process.cwd(), pgdata)
    except psutil.AccessDenied:  # root in a container may not look
        return True
    except (OSError, psutil.Error):
        return False


def check_folder(pgdata: Path) -> None:
    """Raises StorageError for data that PostgreSQL would refuse, as those of a copy, and OSError for a trap in them."""
    found, user, shown = pgdata.stat(), os.geteuid(), shlex.quote(str(pgdata))
    if user == found.st_uid == 0:
        raise StorageError(
            f"root runs the embedded server as the account that its data belong to; got root's own {pgdata}, perhaps "
            f"a copy; run `chown -R {ACCOUNT} {shown}`"
        )
    if user not in (0, found.st_uid):
        raise StorageError(
            f"the embedded server's data must belong to the user who runs it; got user {found.st_uid}'s {pgdata}, and "
            f"this is user {user}; run as that user, or have that user make a file with `unet-search db backup`"
        )
    if found.st_mode & OTHERS_MODE:
        raise StorageError(
            f"the embedded server's data must be closed to other users; got mode {found.st_mode & 0o777:04o} of "
            f"{pgdata}, perhaps a copy; run `chmod 700 {shown}`"
        )
    with suppress(FileNotFoundError):
        _read_text(pgdata / LOG)  # at a pipe the server would wait for long
    process = _find_process(pgdata)
    if process is not None and abs(process.create_time() - _start_time(pgdata)) < START_TIME_S:
        raise StorageError(
            f"the embedded server's data must not be a copy that was made while it ran; got {pgdata}, whose original "
            f"runs as process {process.pid}; end its commands and copy it again, or use `unet-search db backup`"
        )


def invalidate_pid(lock_file: Path) -> None:
    """Replaces the process number in the lock file of a dead server by one that no process has.

    Another program may have got the number since, and PostgreSQL would take it for the running server. The file itself
    is needed: by it a new server detects processes that the dead one left behind. Raises OSError.
    """
    with suppress(FileNotFoundError), open(lock_file, "r+", opener=open_plain) as file:
        lines = file.read().split("\n")
        file.seek(0)
        file.write("\n".join([str(UNUSED_PID), *lines[1:]]))
        file.truncate()


def server_error(pgdata: Path) -> str | None:
    """The last error in the server's own log, with the details that follow it."""
    try:
        lines = _read_text(pgdata / LOG).splitlines()
    except OSError:
        return None
    errors = [number for number, line in enumerate(lines) if "FATAL:" in line or "PANIC:" in line]
    if not errors:
        return None
    details = [line for line in lines[errors[-1] + 1 :][:1] if "DETAIL:" in line]
    return "; ".join(line.split(": ", 1)[-1].strip() for line in (lines[errors[-1]], *details))


def _find_process(pgdata: Path) -> "psutil.Process | None":
    """A living server with the number in postmaster.pid."""
    import psutil

    try:
        process = psutil.Process(int(_read_text(pgdata / "postmaster.pid").split("\n", 1)[0]))
        # Dead servers stay as zombies where process 1 does not reap them, as in many containers.
        is_server = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
        return process if is_server else None
    except (OSError, ValueError, psutil.Error):
        return None


def _start_time(pgdata: Path) -> float:
    """When the server of postmaster.pid started, in seconds since 1970."""
    lines = _read_text(pgdata / "postmaster.pid").split("\n")
    return float(lines[2]) if len(lines) > 2 and lines[2].isdecimal() else 0.0


def _read_text(path: Path) -> str:
    """The end of a file in the data folder. Raises OSError."""
    with open(path, "rb", opener=open_plain) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_BYTES))
        return file.read().decode(errors="replace")
