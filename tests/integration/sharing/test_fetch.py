"""A host without a study's data gets them by name from the artifact store, checked, once, or is told what to do."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search.sharing import fetch
from storage.artifacts import parts
from storage.artifacts.keys import part_key
from storage.errors import StorageError
from storage.studies.attributes import StudyAttributes
from tests.integration.sharing.conftest import Hosts
from trainer.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
Damage = Callable[[str, bytes | None], None]
# Fetches a copy whose parts take a second each, and says when it has begun.
FETCHER = """
import sys, time
from pathlib import Path
from search.sharing.fetch import fetch_data
from storage.artifacts import parts
from storage.artifacts.folder import Folder
from trainer.data.progress import no_progress
read = parts._read
def slow(artifacts, key, most):
    if "bin" in key:
        print("begun", flush=True)
        time.sleep(float(sys.argv[4]))
    return read(artifacts, key, most)
parts._read = slow
print(fetch_data(Folder(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), lambda line: None, no_progress))
"""


def shared_name(hosts: Hosts) -> str:
    return hosts.offer().copy.name


def fetcher(hosts: Hosts, name: str, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", FETCHER, hosts.artifacts.root, name, hosts.cache, str(seconds)]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_data_reach_a_host_that_lacks_them(hosts: Hosts) -> None:
    asked = hosts.make_study().question
    images = np.load(hosts.data)["images"]
    hosts.lose_data()
    opened, dataset = hosts.bring()
    assert dataset.fingerprint == asked["data.fingerprint"] and opened.question == asked
    assert np.array_equal(dataset.images[:, :, :, 0], images)  # type: ignore[call-overload]
    assert dataset.folder is not None and dataset.folder.parent == hosts.cache
    assert opened.plan.base.data.path == str(dataset.folder)
    assert "the study's data are not in" in hosts.lines[0] and "are fetched from" in hosts.lines[1]


def test_a_host_fetches_once(hosts: Hosts) -> None:
    hosts.make_study()
    hosts.lose_data()
    _, first = hosts.bring()
    hosts.artifacts.remove("data")
    _, second = hosts.bring()
    assert second.folder == first.folder and not any("fetched" in line for line in hosts.lines[2:])


def test_a_local_place_with_the_same_data_wins(hosts: Hosts) -> None:
    hosts.make_study()
    opened, dataset = hosts.bring()
    assert opened.plan.base.data.path == str(hosts.data) and hosts.lines == []
    assert dataset.fingerprint == opened.question["data.fingerprint"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_other_data_in_the_recorded_place_are_passed_by(hosts: Hosts, is_folder: bool) -> None:
    opened = hosts.make_study()
    hosts.data.unlink()
    if is_folder:  # such as the empty folder of a volume that is not mounted
        hosts.data.mkdir()
    else:
        hosts.write_data(seed=1)
    _, dataset = hosts.bring()
    assert dataset.fingerprint == opened.question["data.fingerprint"] and dataset.folder is not None
    assert hosts.lines[0].endswith("; its copy is taken")


def test_without_a_copy_the_refusal_says_how_to_make_one(hosts: Hosts) -> None:
    hosts.make_study(share=False)
    hosts.lose_data()
    with pytest.raises(InputError, match=r"which is neither; .* or run `unet-search init --share-data` where they are"):
        hosts.bring()


def test_without_a_copy_other_data_are_left_to_the_question(hosts: Hosts) -> None:
    opened = hosts.make_study(share=False)
    hosts.write_data(seed=1)
    _, dataset = hosts.bring()
    assert dataset.fingerprint != opened.question["data.fingerprint"]


def test_a_copy_that_is_not_in_the_store_is_one_line(hosts: Hosts) -> None:
    hosts.make_study()
    hosts.lose_data()
    hosts.artifacts.remove("data")
    with pytest.raises(InputError, match=r"must be whole; got 0 bytes without an end in \S*artifacts; run .*--data"):
        hosts.bring()


def test_a_copy_that_nobody_finishes_is_one_line(hosts: Hosts, damage: Damage) -> None:
    hosts.make_study()
    hosts.lose_data()
    damage("*.json", None)
    with pytest.raises(InputError, match=r"must be whole; got \S+ KiB without an end"):
        hosts.bring()


def test_a_copy_on_its_way_is_waited_for(hosts: Hosts, damage: Damage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "STALLED_S", 60.0)
    opened = hosts.make_study()
    text = hosts.offer().copy.to_json()
    hosts.lose_data()
    (description,) = (hosts.artifacts.root / "data").glob("*.json")
    description.unlink()

    def finish() -> None:
        while not hosts.lines:
            time.sleep(0.01)
        description.write_bytes(text)

    thread = threading.Thread(target=finish)
    thread.start()
    _, dataset = hosts.bring()
    thread.join()
    assert dataset.fingerprint == opened.question["data.fingerprint"]
    assert "which another host sends" in hosts.lines[1]


@pytest.mark.parametrize(
    ("pattern", "content", "error", "words"),
    [
        ("*.json", b"{}", InputError, "the description of a shared copy must be as it was written"),
        ("masks.bin.*", bytes(8 * 16 * 16), InputError, "must be of the data with fingerprint"),
        ("images.bin.*", None, StorageError, "a part of a shared copy must have 2,048 bytes; got 0"),
        ("images.bin.*", b"x", StorageError, "a part of a shared copy must have 2,048 bytes; got 1 for"),
    ],
)
def test_a_damaged_copy_is_refused_and_leaves_nothing(
    hosts: Hosts, damage: Damage, monkeypatch: pytest.MonkeyPatch, pattern: str, content: bytes, error: type, words: str
) -> None:
    monkeypatch.setattr(parts, "PAUSE_S", 0.0)
    hosts.make_study()
    hosts.lose_data()
    damage(pattern, content)
    with pytest.raises(error, match=words) as caught:
        hosts.bring()
    assert "\n" not in str(caught.value) and "unet-search init" in str(caught.value)
    assert not hosts.cache.exists() or list(hosts.cache.iterdir()) == []


def test_a_full_disk_is_one_line(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.make_study()
    hosts.lose_data()
    monkeypatch.setattr("search.sharing.fetch.shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(InputError, match=r"must fit on the disk; got \S+ KiB with 100 bytes free in .* --dir"):
        hosts.bring()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 49, 7, None])
def test_a_copy_of_another_name_is_not_looked_for(hosts: Hosts, name: object) -> None:
    """An attribute that another program wrote, or a backup brought."""
    opened = hosts.make_study()
    hosts.lose_data()
    opened.study.set_user_attr("shared", name)
    with pytest.raises(InputError, match=r"must have a name of ours|which is neither"):
        hosts.bring()


def test_several_processes_of_a_host_fetch_once(hosts: Hosts) -> None:
    hosts.make_study()
    name = shared_name(hosts)
    with fetcher(hosts, name, 0.5) as first:
        assert read_line(first) == "begun"
        with fetcher(hosts, name, 0.0) as second:
            folder = read_line(second)  # it did not begin itself
        assert [read_line(first), read_line(first)] == ["begun", folder]
    assert Path(folder).parent == hosts.cache


def test_a_killed_fetch_leaves_nothing_that_is_taken_for_whole(hosts: Hosts) -> None:
    opened = hosts.make_study()
    name = shared_name(hosts)
    with fetcher(hosts, name, 60.0) as first:
        assert read_line(first) == "begun"
        first.kill()
    hosts.lose_data()
    assert [path.name for path in hosts.cache.glob("[!.]*")] == [] and len(list(hosts.cache.iterdir())) == 1
    _, dataset = hosts.bring()
    assert dataset.fingerprint == opened.question["data.fingerprint"]
    assert list(hosts.cache.glob(".partial*")) == []


def test_progress_is_told(hosts: Hosts) -> None:
    hosts.make_study()
    told: dict[str, list[int]] = {}
    fetch.fetch_data(
        hosts.artifacts,
        shared_name(hosts),
        hosts.cache,
        hosts.lines.append,
        lambda what, done, total: told.setdefault(what, []).append(done),
    )
    assert told.keys() == {"MiB of data fetched", "images and masks hashed", "images looked at"}


def test_the_copy_is_the_studys_own(hosts: Hosts) -> None:
    """Two studies of other data have a copy each."""
    first = hosts.make_study("first")
    hosts.write_data(seed=1)
    second = hosts.make_study("second")
    hosts.lose_data()
    for opened in (first, second):
        _, dataset = hosts.bring(opened.study.study_name)
        assert dataset.fingerprint == opened.question["data.fingerprint"]
        assert StudyAttributes.read(opened.study.user_attrs).shared is not None


def test_parts_have_names_by_number(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 1000)
    opened = hosts.make_study()
    name = shared_name(hosts)
    assert len(hosts.artifacts.sizes(f"data/{name}")) == 6
    assert hosts.artifacts.sizes(f"data/{name}")[part_key(name, "images.bin", 2)] == 48
    hosts.lose_data()
    assert hosts.bring()[1].fingerprint == opened.question["data.fingerprint"]
