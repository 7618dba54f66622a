"""Paths that are no plain files."""

import os
from pathlib import Path

import pytest

from tests.unit.data.disk.files import refused
from trainer.data.disk.read import read_header
from trainer.data.item import Picture
from trainer.errors import InputError


@pytest.mark.parametrize("name", ["missing.png", "x" * 5000, "a\0b"])
def test_a_path_to_nothing_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, "an image must be a plain file; got .*, which is missing; correct the path")


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "broken"])
def test_pipes_folders_devices_and_broken_links_are_refused(tmp_path: Path, kind: str) -> None:
    """A pipe's reader would wait for a writer for ever."""
    path = tmp_path / "a.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/nowhere")
    words = "an image must be a plain file; got .*a.png, a folder, pipe, device or broken link; remove it"
    refused(path, words)
    refused(path, words, mask=True)
    with pytest.raises(InputError, match=words):
        read_header(Picture(path))
