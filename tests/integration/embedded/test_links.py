"""Root follows no link that the owner of a folder put there, and waits at no pipe."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from search.log import append_line
from search.supervisor.devices import DeviceSlot
from search.supervisor.process import WorkerProcess
from search.worker.contract import Order
from storage.embedded.server import embedded_server
from storage.errors import StorageError
from storage.folders import open_plain
from tests.integration.embedded.conftest import query_version, server_pid

OWNER = 65534
SECRET = "1\nFATAL:  a secret of root's\n"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that others must not reach through it")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that root alone may read and write."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def owned(sketched_folder: Path) -> Path:
    """A run's folder of another user."""
    give_away(sketched_folder)
    return sketched_folder


def give_away(folder: Path) -> None:
    subprocess.run(["chown", "-R", f"{OWNER}:{OWNER}", str(folder)], check=True)


def link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    os.chown(path, OWNER, OWNER, follow_symlinks=False)


def hard_link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.hardlink_to(target)


def pipe(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


TRAPS = (link, hard_link, pipe)
FILES = ("pgdata.gate", "pgdata.holders", "pgdata/postmaster.pid", "pgdata/.s.PGSQL.5432.lock", "pgdata/log")


def test_a_folder_of_another_user_is_served_as_that_user(used_folder: Path) -> None:
    give_away(used_folder)
    with embedded_server(used_folder) as url:
        assert query_version(url)
        pid = server_pid(used_folder)
        assert pid is not None and psutil.Process(pid).uids().real == OWNER


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", FILES)
def test_a_trap_in_place_of_a_file(owned: Path, secret: Path, name: str, trap: Callable[[Path, Path], None]) -> None:
    trap(owned / name, secret)
    with pytest.raises(StorageError, match=r"a link, a pipe or the like in place of a plain file; remove it") as caught:
        with embedded_server(owned):
            pass
    assert secret.read_text() == SECRET and "secret of root" not in str(caught.value)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_in_place_of_a_workers_log(tmp_path: Path, secret: Path, trap: Callable[[Path, Path], None]) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    give_away(logs)
    trap(logs / "worker.log", secret)
    order = Order(study="mars", worker="host:0", owner=UUID(int=1), device="cpu")
    worker = WorkerProcess(DeviceSlot(0, "cpu", gpu=False), order, logs / "worker.log")
    with pytest.raises(PermissionError, match="in place of a plain file"):
        worker.start(os.environ)
    with pytest.raises(PermissionError, match="in place of a plain file"):
        append_line(worker.log, "host:0", "was killed")
    assert worker.last_cause() == "" and secret.read_text() == SECRET


def test_a_link_in_place_of_a_folder_of_logs(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link(tmp_path / "logs", outside)
    with pytest.raises(PermissionError, match=f"a link of user {OWNER} to another user's folder"):
        append_line(tmp_path / "logs" / "worker.log", "host:0", "was killed")
    assert not list(outside.iterdir())


def test_a_link_in_place_of_unfinished_data(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    os.chown(folder, OWNER, OWNER)
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    link(folder / "pgdata.unfinished", target)
    with pytest.raises(StorageError), embedded_server(folder):
        pass
    assert target.stat().st_uid == 0 and not list(target.iterdir())


def test_a_link_in_place_of_the_data(owned: Path, folder: Path, initialised: Path) -> None:
    """Somebody else's data, which root would start a server on."""
    (owned / "pgdata").rename(owned.parent / "mine")
    link(owned / "pgdata", initialised / "pgdata")
    with pytest.raises(StorageError, match=f"a link of user {OWNER} to another user's folder"), embedded_server(owned):
        pass


def test_a_link_of_the_datas_own_user_is_followed(owned: Path) -> None:
    """As where the data were moved to a larger disk."""
    target = owned.parent / "disk"
    (owned / "pgdata").rename(target)
    link(owned / "pgdata", target)
    target.chmod(0o700)
    assert open_plain(owned / "pgdata" / "PG_VERSION", os.O_RDONLY) > 0


def test_another_users_short_link(folder: Path, initialised: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.embedded.server.gettempdir", lambda: str(folder.parent))
    monkeypatch.setattr("storage.embedded.server.MAX_SOCKET_PATH_BYTES", 1)
    from storage.embedded.server import _short_link

    link(_short_link(initialised / "pgdata"), initialised / "pgdata")
    with pytest.raises(StorageError, match="got what another user made; remove it"), embedded_server(initialised):
        pass
