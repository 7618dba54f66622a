"""A backup that was handed in is data: whatever is wrong with it is one line, and nothing happens."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.artifacts.store import open_artifacts
from storage.backup.read import check_backup, open_backup
from storage.backup.write import write_backup
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from tests.full_study import fill

Members = dict[str, bytes]


@pytest.fixture
def good(db: Database, tmp_path: Path) -> Path:
    """A backup of a small study."""
    artifacts = open_artifacts(Settings(dir=tmp_path / "run", artifacts=None))
    fill(db, artifacts, trials=2)
    write_backup(db, artifacts, tmp_path / "good.zip")
    return tmp_path / "good.zip"


def check(path: Path) -> None:
    with open_backup(path) as backup:
        check_backup(backup)


def refused(path: Path, words: str) -> None:
    with pytest.raises(StorageError) as caught:
        check(path)
    message = str(caught.value)
    assert re.search(words, message), message
    assert str(path) in message and "\n" not in message


def corrupt(good: Path, change: Callable[[Members], object], words: str) -> None:
    """The backup is refused after a change of its members."""
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    path = good.with_name("corrupt.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(path, words)


def set_manifest(members: Members, **changes: object) -> None:
    members["format.json"] = json.dumps(json.loads(members["format.json"]) | changes).encode()


def test_a_good_one_is_accepted(good: Path) -> None:
    check(good)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"SQLite format 3\x00" + bytes(500)])
def test_a_foreign_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "foreign").write_bytes(content)
    refused(tmp_path / "foreign", "must be a whole file of `unet-search db backup`")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.zip", "must be a readable file; got .*: No such file")
    refused(tmp_path, "must be a readable file; got .*: Is a directory")


def test_a_foreign_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("mimetype", "text")
    refused(tmp_path / "foreign.zip", "no item named 'format.json'")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off(good: Path, share: float) -> None:
    content = good.read_bytes()
    good.write_bytes(content[: int(len(content) * share)])
    refused(good, "must be a whole file")


def test_a_byte_that_changed(good: Path) -> None:
    with zipfile.ZipFile(good) as archive:
        places = [info.header_offset + len(info.filename) + 60 for info in archive.infolist() if info.file_size > 200]
    whole = good.read_bytes()
    for place in places:
        good.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        refused(good, "must be a whole file")


@pytest.mark.parametrize("number", [2, "1", None, True, 1.5])
def test_another_format(good: Path, number: object) -> None:
    corrupt(good, lambda members: set_manifest(members, format=number), "must be of format 1|whole file")


@pytest.mark.parametrize(
    "changes", [{"studies": "mars"}, {"studies": ["venus"]}, {"rows": {}}, {"files": 99}, {"files": -1}, {"more": 1}]
)
def test_a_manifest_that_does_not_fit(good: Path, changes: dict[str, object]) -> None:
    corrupt(good, lambda members: set_manifest(members, **changes), "must be a whole file")


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
def test_a_name_that_does_not_belong(good: Path, name: str) -> None:
    corrupt(good, lambda members: members.update({name: b"evil"}), "must hold nothing else")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice(good: Path) -> None:
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr("format.json", "{}")
    refused(good, "nothing twice|must be of format")


@pytest.mark.parametrize(
    ("table", "line", "words"),
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
def test_a_row_that_does_not_fit(good: Path, table: str, line: bytes, words: str) -> None:
    def add(members: Members) -> None:
        members[f"rows/{table}.jsonl"] += line

    corrupt(good, add, words)


def test_a_table_that_is_missing(good: Path) -> None:
    corrupt(good, lambda members: members.pop("rows/trial_values.jsonl"), "no item named 'rows/trial_values.jsonl'")


def test_a_compression_of_its_own(good: Path) -> None:
    with zipfile.ZipFile(good, "a") as archive:
        archive.writestr("artifacts/abc", b"x", zipfile.ZIP_LZMA)
    refused(good, "must be stored or deflated; got method 14")
