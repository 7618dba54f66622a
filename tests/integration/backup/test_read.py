"""A file that is no backup, or a damaged or malicious one, is refused in one line."""

import json
import os
import random
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from copy import copy
from pathlib import Path

import pytest

from storage.backup.check import check_backup
from storage.backup.read import open_backup
from storage.errors import StorageError
from tests.integration.backup.backup_file import Members, change_backup
from tests.integration.conftest import FullStudy


def check(path: Path) -> None:
    with open_backup(path) as backup:
        check_backup(backup)


def assert_refused(path: Path, pattern: str) -> None:
    with pytest.raises(StorageError) as caught:
        check(path)
    message = str(caught.value)
    assert re.search(pattern, message), message
    assert str(path) in message and "\n" not in message


def assert_change_refused(path: Path, change: Callable[[Members], object], pattern: str) -> None:
    change_backup(path, change)
    assert_refused(path, pattern)


def set_manifest(members: Members, **changes: object) -> None:
    members["format.json"] = json.dumps(json.loads(members["format.json"]) | changes).encode()


def test_a_good_one_is_accepted(full: FullStudy) -> None:
    check(full.backup)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"SQLite format 3\x00" + bytes(500)])
def test_a_foreign_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "foreign").write_bytes(content)
    assert_refused(tmp_path / "foreign", "must be a whole file of `unet-search db backup`")


def test_no_file(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.zip", "must be a readable file; got .*: No such file")
    assert_refused(tmp_path, "must be a readable file; got .*: Is a directory")


def test_a_foreign_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("mimetype", "text")
    assert_refused(tmp_path / "foreign.zip", "no item named 'format.json'")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off(backup_copy: Path, share: float) -> None:
    content = backup_copy.read_bytes()
    backup_copy.write_bytes(content[: int(len(content) * share)])
    assert_refused(backup_copy, "must be a whole file")


def test_a_byte_that_changed(backup_copy: Path) -> None:
    with zipfile.ZipFile(backup_copy) as archive:
        places = [info.header_offset + len(info.filename) + 60 for info in archive.infolist() if info.file_size > 200]
    whole = backup_copy.read_bytes()
    for place in places:
        backup_copy.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        assert_refused(backup_copy, "must be a whole file")


@pytest.mark.parametrize("number", [2, "1", None, True, 1.5])
def test_another_format(backup_copy: Path, number: object) -> None:
    assert_change_refused(
        backup_copy, lambda members: set_manifest(members, format=number), "must be of format 1|whole file"
    )


@pytest.mark.parametrize(
    "changes", [{"studies": "mars"}, {"studies": ["venus"]}, {"rows": {}}, {"files": 99}, {"files": -1}, {"more": 1}]
)
def test_a_manifest_that_does_not_fit(backup_copy: Path, changes: dict[str, object]) -> None:
    assert_change_refused(backup_copy, lambda members: set_manifest(members, **changes), "must be a whole file")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../evil",
        "artifacts/../../evil",
        "artifacts/checkpoints/mars/../../../../1",
        "artifacts/checkpoints/venus/1",
        "artifacts/checkpoints/mars/model",
        "artifacts/weights/mars/1",
        "artifacts/others/mars/1",
        "artifacts/checkpoints",
        "artifacts//abc",
        "artifacts/./abc",
        "artifacts\\abc",
        "rows/pg_authid.jsonl",
        "artifacts/",
    ],
)
def test_a_name_that_does_not_belong(backup_copy: Path, name: str) -> None:
    assert_change_refused(backup_copy, lambda members: members.update({name: b"evil"}), "must hold nothing else")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice(backup_copy: Path) -> None:
    with zipfile.ZipFile(backup_copy, "a") as archive:
        archive.writestr("format.json", "{}")
    assert_refused(backup_copy, "nothing twice|must be of format")


@pytest.mark.parametrize(
    ("table", "line", "pattern"),
    [
        ("trials", b'{"trial_id": 1}\n', "must have the columns trial_id, study_id, number"),
        ("studies", b'{"study_id": 7, "study_name": "a", "owner": "x"}\n', "must have the columns"),
        ("studies", b'{"study_id": 7, "study_name": "a"}\n', "must have 1 rows; got 2"),
        ("trial_heartbeats", b'{"trial_id": 999, "heartbeat": null}\n', "must be known; got 999"),
        ("trial_heartbeats", b'{"trial_id": [1], "heartbeat": null}\n', r"must be known; got \[1\]"),
        ("trial_heartbeats", b"[1, 2]\n", "must have the columns"),
        ("trial_heartbeats", b"\xff\xfe\n", "decode"),
        ("trial_heartbeats", b"[" * 100_000, "recursion"),
        ("trial_heartbeats", b'"' + random.Random(0).randbytes(2 << 20).hex().encode(), "string"),
    ],
)
def test_a_row_that_does_not_fit(backup_copy: Path, table: str, line: bytes, pattern: str) -> None:
    def add(members: Members) -> None:
        members[f"rows/{table}.jsonl"] += line

    assert_change_refused(backup_copy, add, pattern)


def test_a_table_that_is_missing(backup_copy: Path) -> None:
    assert_change_refused(
        backup_copy, lambda members: members.pop("rows/trial_values.jsonl"), "no item named 'rows/trial_values.jsonl'"
    )


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_that_are_compressed(backup_copy: Path) -> None:
    """They could be a thousand times as large as the backup."""
    with zipfile.ZipFile(backup_copy, "a") as archive:
        archive.writestr("artifacts/checkpoints/mars/5", bytes(1 << 24), zipfile.ZIP_DEFLATED)
        set_file_count(archive, 11)
    assert_refused(backup_copy, "checkpoints/mars/5 must be stored as it is; got a compressed one")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_that_lie_upon_each_other(backup_copy: Path) -> None:
    """They could be as many times as large as the backup as there are of them."""
    with zipfile.ZipFile(backup_copy, "a") as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
        for number in range(100, 200):
            archive.filelist.append(copy_of(largest, f"artifacts/checkpoints/mars/{number}"))
        set_file_count(archive, 110)
    assert_refused(backup_copy, "what it holds must be in it once; got [0-9,]+ bytes in ")


def copy_of(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    twin = copy(info)
    twin.filename = twin.orig_filename = name
    return twin


def set_file_count(archive: zipfile.ZipFile, files: int) -> None:
    manifest = json.loads(archive.read("format.json")) | {"files": files}
    archive.filelist = [info for info in archive.filelist if info.filename != "format.json"]
    archive.writestr("format.json", json.dumps(manifest))


def test_rows_that_unpack_to_far_more_than_rows_do(backup_copy: Path) -> None:
    zeros = b'"' + b"0" * (8 << 20)
    assert_change_refused(
        backup_copy,
        lambda members: members.update({"rows/trial_heartbeats.jsonl": zeros}),
        "must be deflated to more than 1/200 of its size; got 8,388,609 bytes",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"studies": [0] * 1_000_000},
        {"rows": {f"table {number}": -1 for number in range(100_000)}},
        {"versions": {f"library {number}": 0 for number in range(100_000)}},
        {f"key {number}": 0 for number in range(100_000)},
    ],
    ids=["studies", "rows", "versions", "keys"],
)
def test_a_list_that_is_wrong_at_every_place_takes_no_message_for_each(
    backup_copy: Path, changes: dict[str, object]
) -> None:
    change_backup(backup_copy, lambda members: set_manifest(members, **changes))
    tracemalloc.start()
    try:
        assert_refused(backup_copy, "must have at most 10,000 entries; got 1,?0")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_a_pipe_or_device(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "backup.zip")
    assert_refused(tmp_path / "backup.zip", "must be a readable file; got .*: a pipe or device; give a file")


def test_a_compression_of_its_own(backup_copy: Path) -> None:
    with zipfile.ZipFile(backup_copy, "a") as archive:
        archive.writestr("artifacts/abc", b"x", zipfile.ZIP_LZMA)
    assert_refused(backup_copy, "must be stored or deflated; got method 14")
