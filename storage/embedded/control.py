"""Makes a data folder of PostgreSQL, and starts and stops its server, by PostgreSQL's own programs.

The Python code of the wheel that contains them is not used: as root it opens every parent folder to all users, it
waits only ten seconds for a server that is recovering, and it fails on paths with a space.
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
START_S = 120  # includes the recovery after a crash
STOP_S = 60
ORPHANS_S = 10  # how long the processes of a killed server may take to end
UNUSED_PID = 2**30  # above the highest process number
ACCOUNT = "pgserver"  # as whom root runs the server: PostgreSQL refuses to run as root

# The programs get the data folder as their working folder and under this name, so that parents may be private to root
# and the path may be long or have spaces.
DATA_FOLDER = "/proc/self/cwd" if sys.platform == "linux" else "."


@dataclass(frozen=True)
class Account:
    """The user who runs the server; None for the one who runs this process."""

    uid: int | None = None
    gid: int | None = None


def initialise(pgdata: Path) -> None:
    """Makes the data folder, atomically. Raises StorageError."""
    unfinished = pgdata.with_name(pgdata.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        account = _new_account()
        unfinished.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(unfinished, account.uid, account.gid)
        options = ("-D", DATA_FOLDER, "-U", "postgres", "--auth=trust", "--no-locale", "-E", "UTF8")
        _run(unfinished, account, "initdb", *options)
        unfinished.rename(pgdata)
    except OSError as error:
        raise _failure(pgdata, str(error)) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def start(pgdata: Path) -> None:
    """Starts the server, on a Unix socket in `pgdata` alone, and waits until it answers. Raises StorageError."""
    if not is_running(pgdata):
        for name in ("postmaster.pid", f"{SOCKET_NAME}.lock"):
            _invalidate_pid(pgdata / name)
    deadline = time.monotonic() + ORPHANS_S
    while True:
        try:
            return _start(pgdata)
        except StorageError as error:
            if "still in use" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)  # until the processes of a killed server have ended


def _start(pgdata: Path) -> None:
    options = "-k . -h ''"  # needs no password: the folder's mode is 0700
    wait = ("-w", "-t", str(START_S))
    _run(pgdata, _account_of(pgdata), "pg_ctl", "-D", DATA_FOLDER, "-l", "log", *wait, "-s", "-o", options, "start")


def _invalidate_pid(lock_file: Path) -> None:
    """Replaces the process number in the lock file of a dead server by one that no process has.

    Another program may have got the number since, and PostgreSQL would take it for the running server. The file itself
    is needed: by it a new server detects processes that the dead one left behind.
    """
    try:
        lines = lock_file.read_text().split("\n")
        lock_file.write_text("\n".join([str(UNUSED_PID), *lines[1:]]))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(lock_file.parent, str(error)) from error


def stop(pgdata: Path) -> None:
    """Stops the server, if it runs; transactions are aborted. Raises StorageError."""
    if not is_running(pgdata):
        return
    try:
        wait = ("-w", "-t", str(STOP_S))
        _run(pgdata, _account_of(pgdata), "pg_ctl", "-D", DATA_FOLDER, "-m", "fast", *wait, "-s", "stop")
    except StorageError:
        if is_running(pgdata):  # otherwise it was killed meanwhile
            raise


def is_running(pgdata: Path) -> bool:
    """Whether the server of postmaster.pid runs; after a crash another program may have its process number."""
    import psutil

    try:
        process = psutil.Process(int((pgdata / "postmaster.pid").read_text().split("\n", 1)[0]))
        # Dead servers stay as zombies where process 1 does not reap them, as in many containers.
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
    already_exists = 9  # another command has added it meanwhile
    if done.returncode not in (0, already_exists):
        raise StorageError(
            f"root runs the embedded server as the system account {ACCOUNT}; got: {_last_line(done.stderr)}; "
            f"add the account, run as another user, or set DATABASE_URL"
        )


def _account_of(pgdata: Path) -> Account:
    """The owner of the data folder: in another container ACCOUNT may have another number."""
    if os.geteuid() != 0:
        return Account()
    owner = pgdata.stat()
    return Account(owner.st_uid, owner.st_gid)


def _run(pgdata: Path, account: Account, program: str, *arguments: str) -> None:
    # Variables such as PGPORT or PGDATA are meant for another server, and would change this one.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    try:
        with TemporaryFile("w+") as output:  # a pipe would not end: the server has it open, too
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
    """The last error in the server's own log."""
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
