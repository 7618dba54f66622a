"""The embedded server starts with its first user, stops with its last one, and leaves nothing behind when refused."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from storage.database.connection import open_database
from storage.embedded.binaries import is_public
from storage.embedded.server import embedded_server
from storage.embedded.state import is_running
from storage.errors import StorageError
from storage.settings import Settings
from tests.integration.embedded.conftest import copy_server, query, query_version, server_pid

# Uses the server until its standard input ends.
USE = """
import sys; from pathlib import Path; from storage.embedded.server import embedded_server
with embedded_server(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def start_user(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """Starts a process that uses the server; returns it and the URL that it got."""
    user = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", USE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    return user, user.stdout.readline().strip()


def test_it_is_postgresql_18_on_a_socket_alone(folder: Path) -> None:
    modes = [parent.stat().st_mode for parent in folder.parents]
    with embedded_server(folder) as url:
        assert query_version(url).startswith("18.")
        pid = server_pid(folder)
        assert pid is not None and not psutil.Process(pid).net_connections("tcp")
        assert stat.S_IMODE((folder / "pgdata").stat().st_mode) == 0o700
    assert not is_running(folder / "pgdata") and server_pid(folder) is None
    assert modes == [parent.stat().st_mode for parent in folder.parents]


def test_many_join_and_the_last_one_stops_it(used_folder: Path) -> None:
    users = [start_user(used_folder) for _ in range(3)]
    assert len({url for _, url in users}) == 1
    pid = server_pid(used_folder)
    with embedded_server(used_folder) as url:
        for user, _ in users:
            user.communicate("", timeout=30)
        assert server_pid(used_folder) == pid and query_version(url)
    assert server_pid(used_folder) is None


def test_a_server_whose_user_was_killed_is_joined_and_stopped(used_folder: Path) -> None:
    user, url = start_user(used_folder)
    pid = server_pid(used_folder)
    user.send_signal(signal.SIGKILL)
    user.communicate()
    assert query_version(url)
    with embedded_server(used_folder):
        assert server_pid(used_folder) == pid
    assert server_pid(used_folder) is None


def test_a_killed_server_recovers_though_another_process_has_its_number(used_folder: Path) -> None:
    with embedded_server(used_folder):
        pid = server_pid(used_folder)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):  # the number of a living process, as happens in containers
        path = used_folder / "pgdata" / name
        path.write_text(path.read_text().replace(str(pid), str(os.getpid()), 1))
    with embedded_server(used_folder) as url:
        assert query_version(url)


def test_what_was_written_is_there_later(folder: Path) -> None:
    settings = Settings(database_url=None, dir=folder)
    with open_database(settings, create=True) as db:
        db.storage.create_new_study([2], "mars")  # type: ignore[list-item]
    with open_database(settings) as db:
        assert [study.study_name for study in db.storage.get_all_studies()] == ["mars"]


@pytest.mark.parametrize("name", ["x" * 120, "a,b", "caf\udce9"], ids=["too long", "two hosts to libpq", "no UTF-8"])
def test_a_path_that_libpq_cannot_take_works(folder: Path, initialised: Path, name: str) -> None:
    folder.mkdir()
    with embedded_server(copy_server(initialised, folder / name)) as url:
        assert query_version(url)


def test_it_takes_as_many_clients_as_its_first_command_needs(used_folder: Path) -> None:
    with embedded_server(used_folder, connections=150) as url, embedded_server(used_folder) as same:
        assert query(url, "show max_connections") == query(same, "show max_connections") == "150"
    with embedded_server(used_folder) as url:
        assert query(url, "show max_connections") == "100"


def test_a_folder_that_is_a_file_is_refused(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(StorageError, match="must be writable"), embedded_server(folder):
        pass


def test_a_read_only_folder_is_refused_and_stays_as_it_was() -> None:
    folder = Path("/proc/unet-search")  # read-only even to root
    with pytest.raises(StorageError, match="--dir") as caught, embedded_server(folder):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="a full disk is made by mounting one")
def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.parent.joinpath("disk").mkdir()
    disk = folder.parent / "disk"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)]).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(StorageError, match=r"100 MiB must be free; got \d MiB in"), embedded_server(disk / "run"):
            pass
        monkeypatch.setattr("storage.embedded.server.MIN_FREE_MIB", 1)  # as if the disk filled a moment later
        with pytest.raises(StorageError, match="No space left") as caught, embedded_server(disk / "run"):
            pass
        assert "\n" not in str(caught.value) and list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_root_with_programs_in_a_private_folder_uses_a_public_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another account")
    with tempfile.TemporaryDirectory() as name:
        public = Path(name)
        public.chmod(0o755)
        monkeypatch.setattr("storage.embedded.binaries.is_public", lambda path: False)
        monkeypatch.setattr("storage.embedded.binaries.PUBLIC", public / "cache")
        for _ in range(2):  # copied once, used again
            with embedded_server(folder) as url:
                assert query_version(url)
        assert [path.name.split("-")[0] for path in (public / "cache").iterdir()] == ["pgserver"]
        assert is_public(public / "cache")


def test_a_private_folder_is_not_public(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir(mode=0o755)
    tmp_path.chmod(0o700)
    assert not is_public(tmp_path / "inner")


def test_programs_that_cannot_be_copied_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs the server as another account")
    monkeypatch.setattr("storage.embedded.binaries.is_public", lambda path: False)
    monkeypatch.setattr("storage.embedded.binaries.PUBLIC", Path("/proc/no-such-folder"))
    with pytest.raises(StorageError, match="its programs must lie where others may enter"), embedded_server(folder):
        pass
    assert not folder.exists()
