"""The account that runs the server: PostgreSQL refuses to run as root."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StorageError

ACCOUNT = "pgserver"  # as whom root runs the server


@dataclass(frozen=True)
class Account:
    """The user who runs the server; None for the one who runs this process."""

    uid: int | None = None
    gid: int | None = None


def new_account() -> Account:
    """Who is to own new data: for root the account, which is added where it is missing. Raises StorageError."""
    if os.geteuid() != 0:
        return Account()
    import pwd

    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        _add_account()
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def account_of(pgdata: Path) -> Account:
    """The owner of the data folder: in another container ACCOUNT may have another number."""
    if os.geteuid() != 0:
        return Account()
    owner = pgdata.stat()
    return Account(owner.st_uid, owner.st_gid)


def _add_account() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    done = subprocess.run(command, capture_output=True, text=True)
    already_exists = 9  # another command has added it meanwhile
    if done.returncode not in (0, already_exists):
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise StorageError(
            f"root runs the embedded server as the system account {ACCOUNT}; got: {reason}; "
            "add the account, run as another user, or set DATABASE_URL"
        )
