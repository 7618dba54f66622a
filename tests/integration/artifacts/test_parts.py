"""A shared copy in the artifact store: sent in parts, whole once its description is there, and received as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from storage.artifacts import parts
from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import description_key, part_key
from storage.artifacts.parts import copy_bytes, list_copies, read_description, receive_copy, remove_copy, send_copy
from storage.artifacts.store import open_artifacts
from storage.errors import StorageError
from storage.settings import Settings
from tests.bucket_server import deny

COPY = f"{'ab' * 16}-{'0' * 16}"
CONTENT = {"images.bin": bytes(range(250)), "masks.bin": b"m" * 100}
SIZES = {name: len(content) for name, content in CONTENT.items()}
PARTS = 6  # of both files


def ignore(done: int, total: int) -> None:
    pass


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 64)
    monkeypatch.setattr(parts, "PAUSE_S", 0.0)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    if request.param == "folder":
        return open_artifacts(Settings(artifacts=str(tmp_path / "store")))
    return open_artifacts(Settings(artifacts=request.getfixturevalue("bucket_url")))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The files of a copy on the first host."""
    folder = tmp_path / "there"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in CONTENT]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty folder of another host."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def send(store: Artifacts, files: list[Path]) -> int:
    return send_copy(store, COPY, files, b"{}", ignore)


def test_what_is_received_is_what_was_sent(store: Artifacts, files: list[Path], here: Path) -> None:
    assert send(store, files) == 352
    assert read_description(store, COPY) == b"{}" and list_copies(store) == [COPY]
    receive_copy(store, COPY, SIZES, here, ignore)
    assert {path.name: path.read_bytes() for path in here.iterdir()} == CONTENT


def test_an_empty_file_arrives(store: Artifacts, tmp_path: Path, here: Path) -> None:
    (tmp_path / "empty.bin").touch()
    send(store, [tmp_path / "empty.bin"])
    receive_copy(store, COPY, {"empty.bin": 0}, here, ignore)
    assert (here / "empty.bin").read_bytes() == b""


def test_progress_tells_of_every_byte(store: Artifacts, files: list[Path], here: Path) -> None:
    sent: list[tuple[int, int]] = []
    send_copy(store, COPY, files, b"{}", lambda *told: sent.append(told))
    received: list[tuple[int, int]] = []
    receive_copy(store, COPY, SIZES, here, lambda *told: received.append(told))
    for told in (sent, received):
        assert len(told) == PARTS and told == sorted(told) and told[-1] == (350, 350)


def test_a_copy_that_is_not_whole_has_no_description(store: Artifacts, files: list[Path]) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_copy(store, COPY, files, b"{}", stop)
    assert read_description(store, COPY) is None and list_copies(store) == []
    assert copy_bytes(store, COPY) > 0


def test_only_what_is_missing_or_cut_short_is_sent_again(store: Artifacts, files: list[Path], here: Path) -> None:
    send(store, files)
    store.remove(description_key(COPY), part_key(COPY, "images.bin", 1))
    store.write(part_key(COPY, "masks.bin", 0), b"m")
    assert send(store, files) == 2 * 64 + 2
    receive_copy(store, COPY, SIZES, here, ignore)
    assert {path.name: path.read_bytes() for path in here.iterdir()} == CONTENT


@pytest.mark.parametrize(
    ("content", "found"), [(None, "0"), (b"", "0"), (b"m" * 63, "63"), (b"m" * 65, "more"), (b"m" * 900, "more")]
)
def test_a_part_of_another_size_is_one_line(
    store: Artifacts, files: list[Path], here: Path, content: bytes | None, found: str
) -> None:
    send(store, files)
    key = part_key(COPY, "masks.bin", 0)
    store.remove(key)
    if content is not None:
        store.write(key, content)
    with pytest.raises(StorageError, match=rf"must have 64 bytes; got {found} for {key}") as caught:
        receive_copy(store, COPY, SIZES, here, ignore)
    assert "\n" not in str(caught.value)


def test_a_part_whose_connection_breaks_is_tried_again(
    store: Artifacts, files: list[Path], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, files)
    opened, broken = type(store).open, set()

    @contextmanager
    def breaking(self: Artifacts, key: str) -> Iterator[BinaryIO]:
        if key not in broken:
            broken.add(key)
            raise StorageError("the connection broke")
        with opened(self, key) as file:
            yield file

    monkeypatch.setattr(type(store), "open", breaking)
    receive_copy(store, COPY, SIZES, here, ignore)
    assert len(broken) == PARTS
    assert {path.name: path.read_bytes() for path in here.iterdir()} == CONTENT


def test_a_removed_copy_leaves_nothing(store: Artifacts, files: list[Path]) -> None:
    send(store, files)
    assert copy_bytes(store, COPY) == 352
    assert remove_copy(store, COPY) == PARTS + 1
    assert copy_bytes(store, COPY) == 0 and list_copies(store) == [] and read_description(store, COPY) is None


def test_a_missing_copy_is_removed_without_an_error(store: Artifacts) -> None:
    assert remove_copy(store, COPY) == 0


@pytest.mark.parametrize("name", ["", "..", "../../etc", f"{COPY}/..", COPY.upper(), f"{COPY}\n"])
def test_no_other_name_leads_to_a_file(store: Artifacts, name: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal digits"):
        read_description(store, name)
    with pytest.raises(ValueError, match="hexadecimal digits"):
        remove_copy(store, name)


def test_foreign_files_are_no_copies(store: Artifacts) -> None:
    store.write("data/notes.json", b"a person's")
    assert list_copies(store) == []


def test_a_part_that_may_not_be_written_is_one_line(bucket_url: str, files: list[Path]) -> None:
    deny(bucket_url, "s3:PutObject", "*/data/*")
    with pytest.raises(StorageError, match=r"AccessDenied|403"):
        send(open_artifacts(Settings(artifacts=bucket_url)), files)


def test_a_link_in_the_way_is_not_followed(tmp_path: Path, files: list[Path]) -> None:
    store = open_artifacts(Settings(artifacts=str(tmp_path / "store")))
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "store" / "data")
    with pytest.raises(StorageError, match="must be a plain one in plain folders"):
        send(store, files)
    assert list((tmp_path / "elsewhere").rglob("*.bin*")) == []


def test_a_part_that_is_a_link_is_not_read(tmp_path: Path, files: list[Path], here: Path) -> None:
    store = open_artifacts(Settings(artifacts=str(tmp_path / "store")))
    send(store, files)
    part = tmp_path / "store" / part_key(COPY, "masks.bin", 0)
    part.rename(tmp_path / "secret")
    os.symlink(tmp_path / "secret", part)
    with pytest.raises(StorageError, match="got 0 for"):
        receive_copy(store, COPY, SIZES, here, ignore)


def test_a_full_disk_is_an_error_of_the_disk(
    store: Artifacts, files: list[Path], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, files)
    monkeypatch.setattr(parts, "_Part", full_disk(parts._Part))
    with pytest.raises(OSError, match="No space left"):
        receive_copy(store, COPY, SIZES, here, ignore)


def full_disk(part: type) -> type:
    """Parts of a disk on which there is no room: every write to /dev/full fails so."""

    def make(key: str, path: Path, start: int, size: int) -> object:
        return part(key, Path("/dev/full"), start, size)

    return make  # type: ignore[return-value]
