"""Atomic writes of one file by several processes, some of which are killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.files import atomic_write

DIE = """
import os, signal, sys
from pathlib import Path
from trainer.files import atomic_write
with atomic_write(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text)


def test_what_a_killed_process_left_is_removed_at_the_next_write(tmp_path: Path) -> None:
    file = tmp_path / "best [1].toml"
    subprocess.run([sys.executable, "-c", DIE, file])
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half"
    write(file, "whole")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_two_writers_of_one_process_number_disturb_each_other_as_little(tmp_path: Path) -> None:
    """As process 1 of two containers that share a folder."""
    file = tmp_path / "best.toml"
    with atomic_write(file) as first:
        first.write_text("first")
        with atomic_write(file) as second:
            second.write_text("second")
            assert first.read_text() == "first" and first != second
        assert file.read_text() == "second"
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / name for name in (".partial-0123abcd-other.toml", ".partial-best.toml", "0123abcd-best.toml")]
    for other in others:
        other.touch()
    write(tmp_path / "best.toml", "whole")
    assert {*others, tmp_path / "best.toml"} == set(tmp_path.iterdir())


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "best.toml"
    file.write_text("before")
    with pytest.raises(OSError, match="full"), atomic_write(file) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_pipe_or_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe, a device or the like is there"):
        write(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo() and len(list(tmp_path.iterdir())) == 1
