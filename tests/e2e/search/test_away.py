"""What a command says while its database or its study is away, and after a signal to all its processes."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import create_engine, text

from storage.embedded.control import is_running
from tests.e2e.command import FAKE_WORKER, find_workers, run_forked, start_command
from tests.e2e.conftest import Search, wait_until
from tests.e2e.input_folder import write_input
from tests.fake_train import Pause
from tests.postgres_server import database_name

RUN = f"run search.toml {FAKE_WORKER}"
PATIENCE_S = 240


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a search of two trials."""
    (folder := tmp_path / "here").mkdir()
    write_input(folder)
    return folder


@contextmanager
def away(search: Search, server_url: str) -> Iterator[Callable[[], None]]:
    """A function that cuts all connections to the search's database and refuses new ones until the end."""
    name = database_name(search.db.url)
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    cut = text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name")
    with engine.connect() as connection:

        def leave() -> None:
            connection.execute(text(f'alter database "{name}" allow_connections false'))
            connection.execute(cut, {"name": name})

        try:
            yield leave
        finally:
            connection.execute(text(f'alter database "{name}" allow_connections true'))
    engine.dispose()


def end(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    """Sends a signal; returns the exit status and the last line on standard error, where no traceback may be."""
    process.send_signal(number)
    return wait(process)


def wait(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """The same for a process that ends by itself."""
    _, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in err, err
    return process.returncode, err.splitlines()[-1]


def read_logs(folder: Path) -> str:
    return "".join(log.read_text() for log in (folder / "unet-search" / "logs").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes(folder: Path, number: signal.Signals) -> None:
    """The embedded server among them, as at a shutdown."""
    pause = Pause(folder, epoch=1)
    process = start_command(RUN, folder, **pause.environ)
    wait_until(lambda: pause.is_reached(0))
    data = folder / "unet-search" / "pgdata"
    server = psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))
    everyone = [*find_workers(process.pid), server, *server.children()]
    for other in everyone:
        with suppress(psutil.NoSuchProcess):  # it ends with the server
            other.send_signal(number)
    assert end(process, number) == (
        128 + number,
        f"interrupted by {number.name}; the same command goes on where it stopped",
    )
    assert "Traceback" not in read_logs(folder)
    assert not is_running(data)


def test_ctrl_c_while_the_database_is_away(search: Search, server_url: str, folder: Path) -> None:
    pause = Pause(folder, epoch=1)
    process = start_command(RUN, folder, DATABASE_URL=search.db.url, **pause.environ)
    wait_until(lambda: pause.is_reached(0))
    with away(search, server_url) as leave:
        leave()
        assert end(process) == (130, "interrupted by SIGINT; the same command goes on where it stopped")
    assert "Traceback" not in read_logs(folder)


def test_status_watches_on_over_a_restart(search: Search, server_url: str) -> None:
    search.create_study(7)
    process: Any = start_command("status --watch", search.folder, DATABASE_URL=search.db.url, PYTHONUNBUFFERED="1")
    with away(search, server_url) as leave:
        assert "of 7 trials" in process.stdout.readline()
        leave()
        assert process.stderr.readline().startswith("the database does not answer and is asked again, until Ctrl-C: ")
        later = [process.stdout.readline() for _ in range(2)]
    while "of 7 trials" not in process.stdout.readline():
        assert process.poll() is None, later
    assert end(process) == (130, "unet-search: interrupted")


@pytest.mark.parametrize("by_optuna", [False, True])
def test_a_study_that_is_deleted_under_a_run(search: Search, folder: Path, by_optuna: bool) -> None:
    """After `stop`, while its last trial is trained, or by another program at any time."""
    pause, environ = Pause(folder, epoch=1), {"DATABASE_URL": search.db.url}
    process = start_command(RUN, folder, **environ, **pause.environ)
    wait_until(lambda: pause.is_reached(0))
    if by_optuna:
        search.db.storage.delete_study(search.db.storage.get_study_id_from_name("fake"))
    else:
        run_forked("stop", folder, **environ).output()
        run_forked("study delete fake --yes", folder, **environ).output()
    pause.end()
    status, line = wait(process)
    assert status == 2
    assert line.startswith("unet-search: a study must stay while it is searched; got fake, which was deleted")
    assert "Traceback" not in read_logs(folder)
