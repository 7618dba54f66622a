"""Folders that are read-only or full, from the start or later."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import FAKE_WORKER
from tests.e2e.input_folder import CONFIG, make_arrays
from tests.e2e.refusal import assert_refused

WRITERS = (
    "init search.toml --dir disk/run",
    f"run search.toml {FAKE_WORKER} --dir disk/run",
    "train best.toml -o disk/out",
    "retrain best.toml -o disk/deep/out",
    "data clean large.npz -o disk/clean.npz",
    "data check good.npz --sheet disk/deep/sheet.png",
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@contextmanager
def mount_disk(folder: Path, options: str) -> Iterator[None]:
    """Mounts a small file system in memory at `disk` in the folder."""
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", disk], check=True)


def write_large(folder: Path) -> None:
    """Writes data whose cleaned copy has more than 1 kB."""
    np.savez(folder / "large.npz", **make_arrays((64, 64), 32))


@needs_root
def test_a_read_only_folder(input_folder: Path) -> None:
    write_large(input_folder)
    words = r"must be writable; got \S*disk\S* ?.*ead-only"
    with mount_disk(input_folder, "ro,size=4m"):
        assert_refused([*WRITERS, "train default --dir disk/run"], words, input_folder)


@needs_root
def test_a_full_disk(input_folder: Path) -> None:
    words = r"must be writable; got \S*disk\S* ?.*[Nn]o space left"
    with mount_disk(input_folder, "size=4k"):
        assert_refused([*WRITERS[:2], WRITERS[3], "init --dir disk/run"], words, input_folder)


@needs_root
def test_a_disk_that_fills_while_training(input_folder: Path) -> None:
    (input_folder / "wide.toml").write_text(CONFIG.replace("width = 4", "width = 64"))  # a model of 1.7 MiB
    with mount_disk(input_folder, "size=1400k"):
        words = "files must be writable; got .*No space left"
        assert_refused("retrain wide.toml -o disk/deep/out", words, input_folder)


def test_files_that_may_not_grow(input_folder: Path) -> None:
    write_large(input_folder)
    words = r"must be writable; got (\S*disk\S* ?.*[Ff]ile too large|File too large in \S*data\S*;)"
    assert_refused(WRITERS, words, input_folder, file_bytes=1024)


@needs_root
def test_a_disk_without_room_for_a_server(input_folder: Path) -> None:
    words = r"100 MiB must be free; got \d+ MiB in \S*disk/run; free some or give another"
    with mount_disk(input_folder, "size=40m"):
        assert_refused(WRITERS[:2], words, input_folder)
