"""A search with pictures, its dashboard as a process, and a browser for tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from search.worker.trainer import Trainer
from tests import fake_train
from tests.e2e.command import run_command, start_command
from trainer.data.sample import write_sample

CHROMIUM = shutil.which("chromium")
PICTURES = ("curves.png", "confusion.png", "gallery.png")
SEARCH = """
study = { name = "tiny", trials = 3, pruner = "none" }
[train]
data = { path = "sample.npz" }
budget = { steps = "none", epochs = 2 }
[space]
"model.width" = { choice = [8, 16, 32] }
"""


def trainer() -> Trainer:
    """The fake trainer's, with one picture of each kind."""
    figures: Any = draw_pictures
    return replace(fake_train.make_trainer(), write_figures=figures)


def draw_pictures(fitted: Any, dataset: Any, folder: Path) -> list[Path]:
    paths = [folder / name for name in PICTURES]
    for path in paths:
        Image.new("RGB", (64, 48), "teal").save(path)
    return paths


def search(folder: Path) -> None:
    """Runs a search of three trials in the folder."""
    write_sample(folder / "sample.npz", images=16, test_images=2)
    (folder / "search.toml").write_text(SEARCH)
    line = "run search.toml --workers 1 --device cpu --trainer tests.e2e.dashboard.browsing:trainer"
    run_command(line, folder).output()


@contextmanager
def served(folder: Path, **environ: str) -> Iterator[str]:
    """The URL of a dashboard on the folder's studies; asserts that SIGTERM ends it with its exit status."""
    process = start_command("dashboard --port 0", folder, PYTHONUNBUFFERED="1", **environ)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.stderr.read() if process.stderr else ""
        yield line.split()[2].rstrip("/")
        process.terminate()
        process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 143


@contextmanager
def browser() -> Iterator[Any]:
    """Debian's Chromium; skips the test where Chromium or Playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses root
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=root)
        yield chromium
        chromium.close()
