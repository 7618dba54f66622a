"""PostgreSQL's own programs, from the wheel that brings them: make a data folder, start and stop its server.

The wheel's Python side is not used: run by root it opens every parent folder to everyone, it gives a starting server
ten seconds however long the recovery takes, and it fails on paths with a space.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from storage.embedded.binaries import find_programs
from storage.errors import StorageError

SOCKET_NAME = ".s.PGSQL.5432"
START_S = 120  # recovery after a crash takes its time
STOP_S = 60
LINGER_S = 10
NOBODY = 2**30  # no process number is as high
ACCOUNT = "pgserver"  # PostgreSQL refuses to run as root

# The server finds its data by its working folder: so parents that are private to root stay private, and neither
# spaces in the path nor its length matter.
DATA = "/proc/self/cwd" if sys.platform == "linux" else "."


@dataclass(frozen=True)
class Account:
    """Who runs the server; None for whoever runs this."""

    uid: int | None = None
    gid: int | None = None


def initialise(pgdata: Path) -> None:
    """Makes the data folder, whole or not at all. Raises StorageError."""
    unfinished = pgdata.with_name(pgdata.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        account = _new_account()
        unfinished.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(unfinished, account.uid, account.gid)
        _run(unfinished, account, "initdb", "-D", DATA, "-U", "postgres", "--auth=trust", "--no-locale", "-E", "UTF8")
        unfinished.rename(pgdata)
    except OSError as error:
        raise _failure(pgdata, str(error)) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def start(pgdata: Path) -> None:
    """Starts the server and waits until it answers; it listens on a Unix socket in `pgdata` alone."""
    if not is_running(pgdata):
        for name in ("postmaster.pid", f"{SOCKET_NAME}.lock"):
            _disown(pgdata / name)
    deadline = time.monotonic() + LINGER_S
    while True:
        try:
            return _start(pgdata)
        except StorageError as error:
            if "still in use" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)  # processes of a server that was killed are still going


def _start(pgdata: Path) -> None:
    options = "-k . -h ''"  # trust is safe there: the folder's mode is 0700
    wait = ("-w", "-t", str(START_S))
    _run(pgdata, _account_of(pgdata), "pg_ctl", "-D", DATA, "-l", "log", *wait, "-s", "-o", options, "start")


def _disown(lock_file: Path) -> None:
    """Writes a process number that cannot be into the lock file of a dead server.

    The old number may be another program's by now, which PostgreSQL would take for the living server. Removing the
    file instead would remove the server's guard against processes that its predecessor left behind.
    """
    try:
        lines = lock_file.read_text().split("\n")
        lock_file.write_text("\n".join([str(NOBODY), *lines[1:]]))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(lock_file.parent, str(error)) from error


def stop(pgdata: Path) -> None:
    """Stops the server, running transactions are aborted; does nothing when it is down."""
    if not is_running(pgdata):
        return
    try:
        _run(pgdata, _account_of(pgdata), "pg_ctl", "-D", DATA, "-m", "fast", "-w", "-t", str(STOP_S), "-s", "stop")
    except StorageError:
        if is_running(pgdata):  # else it was killed meanwhile, which is all the same
            raise


def is_running(pgdata: Path) -> bool:
    """Whether the server of postmaster.pid lives; after a crash its number may be another program's by now."""
    import psutil

    try:
        process = psutil.Process(int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0]))
        # Where process 1 buries nobody, as in many containers, dead servers stay as zombies.
        return bool(process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return False


def _new_account() -> Account:
    if os.geteuid() != 0:
        return Account()
    import pwd

    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        _add_account()
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def _add_account() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    done = subprocess.run(command, capture_output=True, text=True)
    already_exists = 9  # another command was faster
    if done.returncode not in (0, already_exists):
        raise StorageError(
            f"root runs the embedded server as the system account {ACCOUNT}; got: {_last_line(done.stderr)}; "
            f"add the account, run as another user, or set DATABASE_URL"
        )


def _account_of(pgdata: Path) -> Account:
    """Whoever made the data folder: in another container the account of that name may have another number."""
    if os.geteuid() != 0:
        return Account()
    owner = pgdata.stat()
    return Account(owner.st_uid, owner.st_gid)


def _run(pgdata: Path, account: Account, program: str, *arguments: str) -> None:
    # Variables such as PGPORT or PGDATA, meant for another server, would change this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    try:
        with TemporaryFile("w+") as output:  # not a pipe: the server keeps it open, and reading would never end
            done = subprocess.run(
                [str(find_programs(ACCOUNT) / program), *arguments],
                cwd=pgdata,
                env=environment,
                user=account.uid,
                group=account.gid,
                extra_groups=None if account.uid is None else [],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            output.seek(0)
            text = output.read()
    except OSError as error:
        raise _failure(pgdata, str(error)) from error
    if done.returncode:
        raise _failure(pgdata, _server_error(pgdata) or _last_line(text))


def _failure(pgdata: Path, reason: str) -> StorageError:
    return StorageError(
        f"PostgreSQL must be able to work in {pgdata}; got: {reason}; "
        "give another folder with --dir, or a server with DATABASE_URL"
    )


def _server_error(pgdata: Path) -> str | None:
    """The last thing the server itself complained of."""
    try:
        lines = (pgdata / "log").read_text(errors="replace").splitlines()
    except OSError:
        return None
    errors = [line for line in lines[-50:] if "FATAL:" in line or "PANIC:" in line]
    return errors[-1].split(": ", 1)[-1].strip() if errors else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or "No space" in line or "FATAL" in line]
    return (errors or lines or ["no message"])[-1]
