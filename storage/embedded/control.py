"""Makes a data folder of PostgreSQL, and starts and stops its server, by PostgreSQL's own programs.

The Python code of the wheel that contains them is not used: as root it opens every parent folder to all users, it
waits only ten seconds for a server that is recovering, and it fails on paths with a space.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

from storage.embedded.account import ACCOUNT, Account, account_of, new_account
from storage.embedded.binaries import find_programs
from storage.embedded.state import LOG, check_folder, invalidate_pid, is_running, server_error
from storage.errors import StorageError

SOCKET_NAME = ".s.PGSQL.5432"
START_S = 120  # includes the recovery after a crash
STOP_S = 60
ORPHANS_S = 10  # how long the processes of a killed server may take to end

# The programs get the data folder as their working folder and under this name, so that parents may be private to root
# and the path may be long or have spaces.
DATA_FOLDER = "/proc/self/cwd" if sys.platform == "linux" else "."

# What the programs get of our environment, which has passwords. Variables such as PGPORT or PGDATA are meant for
# another server; without LANG the messages are English, as they are read here.
ENVIRONMENT = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
MIN_CONNECTIONS = 100  # PostgreSQL's own default
OTHER_VERSION = re.compile(r"initialized by PostgreSQL version (\w+), which is not compatible with this version (\w+)")
NEW_REMEDY = "give another folder with --dir, or a server with DATABASE_URL"


def initialise(pgdata: Path) -> None:
    """Makes the data folder, atomically. Raises StorageError."""
    unfinished = pgdata.with_name(pgdata.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        account = new_account()
        unfinished.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(unfinished, account.uid, account.gid, follow_symlinks=False)
        # Who may enter the folder may use the socket in it; nobody may come by TCP, whatever postgresql.conf says.
        access = ("--auth-local=trust", "--auth-host=reject")
        options = ("-D", DATA_FOLDER, "-U", "postgres", *access, "--no-locale", "-E", "UTF8")
        _run(unfinished, account, "initdb", *options, remedy=NEW_REMEDY)
        unfinished.rename(pgdata)
    except OSError as error:
        raise _failure(pgdata, str(error), NEW_REMEDY) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def start(pgdata: Path, connections: int = MIN_CONNECTIONS) -> None:
    """Starts the server, on a Unix socket in `pgdata` alone, and waits until it answers. Raises StorageError.

    Args:
        pgdata: the data folder.
        connections: how many clients it is to serve at once.
    """
    if not is_running(pgdata):
        try:
            check_folder(pgdata)
            for name in ("postmaster.pid", f"{SOCKET_NAME}.lock"):
                invalidate_pid(pgdata / name)
        except OSError as error:
            raise _failure(pgdata, str(error)) from error
    deadline = time.monotonic() + ORPHANS_S
    while True:
        try:
            return _start(pgdata, max(connections, MIN_CONNECTIONS))
        except StorageError as error:
            if "still in use" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.2)  # until the processes of a killed server have ended


def stop(pgdata: Path) -> None:
    """Stops the server, if it runs; transactions are aborted. Raises StorageError."""
    if not is_running(pgdata):
        return
    try:
        wait = ("-w", "-t", str(STOP_S))
        _run(pgdata, account_of(pgdata), "pg_ctl", "-D", DATA_FOLDER, "-m", "fast", *wait, "-s", "stop")
    except StorageError:
        if is_running(pgdata):  # otherwise it was killed meanwhile
            raise


def _start(pgdata: Path, connections: int) -> None:
    options = f"-k . -h '' -c max_connections={connections}"  # needs no password: the folder's mode is 0700
    wait = ("-w", "-t", str(START_S))
    _run(pgdata, account_of(pgdata), "pg_ctl", "-D", DATA_FOLDER, "-l", LOG, *wait, "-s", "-o", options, "start")


def _run(pgdata: Path, account: Account, program: str, *arguments: str, remedy: str | None = None) -> None:
    environment = {key: os.environ[key] for key in ENVIRONMENT if key in os.environ}
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
        raise _failure(pgdata, str(error), remedy) from error
    if done.returncode:
        raise _failure(pgdata, server_error(pgdata) or _last_line(text), remedy)


def _failure(pgdata: Path, reason: str, remedy: str | None = None) -> StorageError:
    """The error of a program. Only new data can lie elsewhere: the study's own are where they are."""
    if versions := OTHER_VERSION.search(reason):
        return StorageError(
            f"the embedded server is PostgreSQL {versions[2]}; got data of PostgreSQL {versions[1]} in {pgdata}; write "
            "them to a file with `unet-search db backup` of the unet-search that made them, and `unet-search db "
            "restore` that into a new folder"
        )
    return StorageError(
        f"PostgreSQL must be able to work in {pgdata}; got: {reason}; {remedy or f'see {pgdata / LOG}'}"
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line or "No space" in line or "FATAL" in line]
    return (errors or lines or ["no message"])[-1]
