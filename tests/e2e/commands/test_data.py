"""Data as they lie on the disk, from `data check` to a search on them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e.command import FAKE_WORKER, run_forked
from tests.e2e.conftest import Search


@pytest.fixture
def apart(search: Search) -> Path:
    """A folder with images in `scans/` and their masks, 0 and 255, in `drawn/`."""
    random = np.random.default_rng(0)
    for name in ("scans", "drawn"):
        (search.folder / name).mkdir()
    for number in range(12):
        mask = (random.integers(0, 2, (16, 16)) * 255).astype(np.uint8)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(search.folder / f"scans/{number}.jpg")
        Image.fromarray(mask).save(search.folder / f"drawn/{number}_mask.png")
    return search.folder


def test_what_was_found_is_written_as_a_search(search: Search, apart: Path) -> None:
    line = "data check --images scans --masks drawn --write found.toml"
    said = run_forked(line, apart).output()
    assert "_mask" in said and "class 1 (foreground): value 255" in said
    trials = "--trials 2 --set budget.steps=none --set budget.epochs=2"
    run_forked(f"run found.toml {trials} {FAKE_WORKER}", apart, DATABASE_URL=search.db.url).output()
    status = json.loads(run_forked("status --json", apart, DATABASE_URL=search.db.url).output())
    assert status["trials"]["complete"] + status["trials"]["pruned"] == 2


def test_a_worker_on_another_host_names_its_own_folders(search: Search, apart: Path) -> None:
    environ = {"DATABASE_URL": search.db.url}
    run_forked(
        "init --trials 2 --set budget.steps=none --set budget.epochs=2 --images scans --masks drawn", apart, **environ
    ).output()
    for name in ("scans", "drawn"):
        (apart / name).rename(apart / f"{name}-here")
    gone = run_forked(f"worker {FAKE_WORKER}", apart, **environ)
    assert gone.status == 2 and "scans" in gone.err
    line = f"worker {FAKE_WORKER} --images scans-here --masks drawn-here"
    assert "2 of 2 trials" in run_forked(line, apart, **environ).output()


def test_half_of_a_pair_of_folders_is_refused(apart: Path) -> None:
    done = run_forked("init --images scans", apart)
    assert (done.status, "--images and --masks together" in done.err) == (2, True)


def test_the_json_has_what_was_found(apart: Path) -> None:
    found = json.loads(run_forked("data check --images scans --masks drawn --json", apart).output())
    assert (found["images"], found["classes"], found["channels"]) == (12, ["background", "foreground"], 3)
    assert not (apart / "unet-search").exists()  # nothing is kept where there is no run
