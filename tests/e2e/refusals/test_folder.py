"""Folders that are read-only or full, from the start or later."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import refuse
from tests.e2e.good_input import BEST, FAKE, arrays, needs_root, on

WRITERS = (
    "init search.toml --dir {0}/run",
    f"run search.toml {FAKE} --dir {{0}}/run",
    "train best.toml -o {0}/out",
    "retrain best.toml -o {0}/deep/out",
    "data clean large.npz -o {0}/clean.npz",
    "data check good.npz --sheet {0}/deep/sheet.png",
)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A small file system of its own, mounted at a new folder."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def write_large(place: Path) -> None:
    np.savez(place / "large.npz", **arrays((64, 64), 32))


@needs_root
def test_a_read_only_folder(place: Path) -> None:
    write_large(place)
    with mounted(place / "there", "ro,size=4m"):
        refuse(
            [*on("there", *WRITERS), "train default --dir there/run"],
            r"must be writable; got \S*there\S* ?.*ead-only",
            place,
        )


@needs_root
def test_a_full_disk(place: Path) -> None:
    with mounted(place / "there", "size=4k"):
        words = r"must be writable; got \S*there\S* ?.*[Nn]o space left"
        refuse(on("there", *WRITERS[:2], WRITERS[3], "init --dir {}/run"), words, place)


@needs_root
def test_a_disk_that_fills_while_training(place: Path) -> None:
    (place / "wide.toml").write_text(BEST.replace("depth = 1, width = 4", "depth = 3, width = 32"))
    with mounted(place / "there", "size=2m"):
        refuse("retrain wide.toml -o there/deep/out", "files must be writable; got .*No space left", place)


def test_files_that_may_not_grow(place: Path) -> None:
    write_large(place)
    refuse(on("there", *WRITERS), r"must be writable; got \S*there\S* ?.*[Ff]ile too large", place, file_bytes=1024)


@needs_root
def test_a_disk_without_room_for_a_server(place: Path) -> None:
    with mounted(place / "there", "size=40m"):
        commands = on("there", "init search.toml --dir {}/run", f"run search.toml {FAKE} --dir {{}}/run")
        refuse(commands, r"100 MiB must be free; got \d+ MiB in \S*there/run; free some or give another", place)
