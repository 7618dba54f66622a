"""Data that were copied or that another PostgreSQL made: the line says what to do with them, not to go elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.embedded.server import embedded_server
from storage.errors import StorageError
from tests.integration.embedded.conftest import copy_server, query_version, server_pid

OTHER_USER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others")


def refuse(folder: Path, words: str) -> None:
    """Asserts that the folder is refused in one line with these words, which names no other folder."""
    with pytest.raises(StorageError, match=words) as caught, embedded_server(folder):
        pass
    assert "\n" not in str(caught.value) and "another folder" not in str(caught.value)


@contextmanager
def being(user: int) -> Iterator[None]:
    """Has the rights of another user alone."""
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@as_root
def test_a_copy_that_belongs_to_root(sketched_folder: Path) -> None:
    os.chown(sketched_folder / "pgdata", 0, 0)
    refuse(
        sketched_folder, "got root's own .*pgdata, perhaps a copy; run `chown -R pgserver '/tmp/unet test .*pgdata'`"
    )


@as_root
def test_a_folder_of_another_user(sketched_folder: Path) -> None:
    sketched_folder.chmod(0o777)
    sketched_folder.parent.chmod(0o755)
    owner = (sketched_folder / "pgdata").stat().st_uid
    with being(OTHER_USER):
        refuse(
            sketched_folder, rf"got user {owner}'s .*, and this is user {OTHER_USER}; run as that user, or .*db backup"
        )


@as_root
def test_a_folder_of_another_user_that_cannot_be_written(sketched_folder: Path) -> None:
    sketched_folder.chmod(0o755)
    sketched_folder.parent.chmod(0o755)
    with being(OTHER_USER):
        refuse(sketched_folder, "belongs to user 0, and this is user 65534.*; run as the owner of the study's data")


def test_a_copy_that_is_open_to_others(sketched_folder: Path) -> None:
    (sketched_folder / "pgdata").chmod(0o755)
    refuse(sketched_folder, "must be closed to other users; got mode 0755 of .*; run `chmod 700 '")


@pytest.mark.parametrize("version", ["15", "19"])
def test_data_of_another_version(sketched_folder: Path, version: str) -> None:
    (sketched_folder / "pgdata" / "PG_VERSION").write_text(f"{version}\n")
    refuse(sketched_folder, f"is PostgreSQL 18; got data of PostgreSQL {version} in .*db backup.*db restore")


def test_a_copy_made_while_the_server_ran(used_folder: Path, folder: Path) -> None:
    with embedded_server(used_folder) as url:
        pid = server_pid(used_folder)
        copy = copy_server(used_folder, folder.parent / "copy")
        refuse(copy, f"whose original runs as process {pid}; end its commands and copy it again, or use .*db backup")
        assert query_version(url) and server_pid(used_folder) == pid


def test_the_number_of_another_folders_server_is_no_obstacle(used_folder: Path, folder: Path) -> None:
    other = copy_server(used_folder, folder.parent / "other")
    with embedded_server(other):
        pid = server_pid(other)
        # A server that was killed long ago, as a container's with the same number may have been.
        (used_folder / "pgdata" / "postmaster.pid").write_text(f"{pid}\n/proc/self/cwd\n1000000000\n5432\n")
        with embedded_server(used_folder) as url:
            assert query_version(url) and server_pid(used_folder) != pid
        assert server_pid(other) == pid
