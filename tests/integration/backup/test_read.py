"""A file that is no backup, or a damaged or malicious one, is refused in one line."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.backup.read import check_backup, open_backup
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
        ("trial_heartbeats", b'"' + b"a" * (17 << 20), "string"),
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


def test_a_compression_of_its_own(backup_copy: Path) -> None:
    with zipfile.ZipFile(backup_copy, "a") as archive:
        archive.writestr("artifacts/abc", b"x", zipfile.ZIP_LZMA)
    assert_refused(backup_copy, "must be stored or deflated; got method 14")
