"""The decoded copy: made once, by one process, whole or not at all, and mapped by all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data_sets import copy_of_arrays
from trainer.config import DataConfig
from trainer.data.cache.folder import find_or_make, recall
from trainer.data.prepare import Prepared, prepare_data
from trainer.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
# Makes an entry whose file takes a second, and says when it has begun.
MAKER = """
import sys, time
from pathlib import Path
from trainer.data.cache.folder import find_or_make
def make(folder):
    with (folder / "a.txt").open("w") as file:
        file.write("begun ")
        file.flush()
        print("begun", flush=True)
        time.sleep(float(sys.argv[2]))
        file.write("done")
print(find_or_make(Path(sys.argv[1]), "key", make).joinpath("a.txt").read_text(), flush=True)
"""


def write(folder: Path, sizes: list[tuple[int, int]]) -> Path:
    random = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number, size in enumerate(sizes):
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(folder / "images" / f"{number:02d}.png")
        Image.fromarray(random.integers(0, 3, size, np.uint8)).save(folder / "masks" / f"{number:02d}.png")
    return folder


def prepare(path: Path, cache: Path, **options: Any) -> Prepared:
    return prepare_data(DataConfig.model_validate({"path": str(path), **options}), cache)


@contextmanager
def maker(cache: Path, seconds: float) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", MAKER, str(cache), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_process_makes_it_and_others_wait(tmp_path: Path) -> None:
    with maker(tmp_path, 1.0) as first:
        assert read_line(first) == "begun"
        with maker(tmp_path, 0.0) as second:
            assert read_line(second) == read_line(first) == "begun done"  # it did not begin itself


def test_what_a_killed_process_left_is_made_anew(tmp_path: Path) -> None:
    with maker(tmp_path, 60.0) as first:
        assert read_line(first) == "begun"
        first.kill()
    assert not (tmp_path / "key").exists()
    with maker(tmp_path, 0.0) as second:
        assert (read_line(second), read_line(second)) == ("begun", "begun done")
    assert [path.name for path in tmp_path.glob(".partial*")] == []


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "a").write_text("x")
        raise InputError("no")

    with pytest.raises(InputError, match="no"):
        find_or_make(tmp_path, "key", fail)
    assert list(tmp_path.glob("[!.]*")) == [] and list(tmp_path.glob(".partial*")) == []


def test_plain_values_are_kept(tmp_path: Path) -> None:
    assert recall(tmp_path, "key", lambda: {"a": [1]}) == {"a": [1]}
    assert recall(tmp_path, "key", lambda: {"a": [2]}) == {"a": [1]}
    (tmp_path / "key.json").write_text("{")  # cut short
    assert recall(tmp_path, "key", lambda: {"a": [3]}) == {"a": [3]}


def test_a_second_process_decodes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [(16, 16)] * 12)
    first = prepare(folder, tmp_path / "cache")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    told: list[str] = []
    again = prepare_data(DataConfig(path=str(folder)), tmp_path / "cache", progress=lambda what, *_: told.append(what))
    assert again.dataset.fingerprint == first.dataset.fingerprint and told == []
    unchanged = {path: path.stat().st_mtime_ns for path in stamps if path.suffix != ".lock"}
    assert all(stamps[path] == stamp for path, stamp in unchanged.items())


def test_a_changed_file_is_decoded_anew(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [(16, 16)] * 12)
    before = prepare(folder, tmp_path / "cache").dataset
    time.sleep(0.02)
    Image.fromarray(np.full((16, 16, 3), 7, np.uint8)).save(folder / "images" / "03.png")
    os.utime(folder / "images" / "03.png")
    after = prepare(folder, tmp_path / "cache").dataset
    assert after.fingerprint != before.fingerprint and (after.images[3] == 7).all()


def test_images_of_different_sizes_are_views_of_one_file(tmp_path: Path) -> None:
    sizes = [(16, 16), (24, 20), (9, 31), (16, 16)] * 3
    data = prepare(write(tmp_path / "data", sizes), tmp_path / "cache").dataset
    assert [image.shape for image in data.images] == [(*size, 3) for size in sizes]
    assert [mask.shape for mask in data.masks] == sizes
    with Image.open(tmp_path / "data" / "images" / "02.png") as picture:
        assert np.array_equal(data.images[2], np.asarray(picture))
    assert not data.images[2].flags.owndata and not data.images[2].flags.writeable


def test_places_are_of_pixels_of_their_class() -> None:
    masks = np.random.default_rng(1).integers(0, 3, (4, 12, 10), np.uint8)
    masks[2][masks[2] == 1] = 0
    copy = copy_of_arrays(np.zeros((4, 12, 10, 1), np.uint8), masks, 3)
    for index, label in np.ndindex(4, 3):
        rows, columns = copy.table.places[index, label].T
        if (index, label) == (2, 1):
            assert (rows == -1).all() and (columns == -1).all()
        else:
            assert (masks[index][rows, columns] == label).all()
            assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)


def test_a_copy_that_does_not_fit_on_the_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "data", [(16, 16)] * 12)
    monkeypatch.setattr("trainer.data.cache.decode._SMALL", 0)
    monkeypatch.setattr("trainer.data.cache.decode.shutil.disk_usage", lambda path: type("Usage", (), {"free": 100}))
    with pytest.raises(InputError, match=r"must fit on the disk; got .* free space there"):
        prepare(folder, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InputError, match="folder of the decoded copy must be writable"):
        prepare(write(tmp_path / "data", [(16, 16)] * 12), tmp_path / "cache")
