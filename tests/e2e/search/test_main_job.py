"""The main job as a person does it: search, look, export, train again, predict. Real networks, tiny."""

import json
import signal
import socket
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.embedded.control import is_running
from tests.e2e.launch import finish, start
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "tiny", trials = 3, startup_trials = 1 }
[train]
data = { path = "sample.npz" }
budget = { epochs = 2 }
model = { depth = 1, width = 4 }
optimizer = { batch_size = 16 }
[space]
"model.residual" = { choice = [true, false] }
"optimizer.learning_rate" = { float = [1e-3, 1e-1], log = true }
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a search has ended."""
    folder = tmp_path_factory.mktemp("main job")  # with a space, as folders have
    write_sample(folder / "sample.npz", images=48, test_images=5)
    (folder / "search.toml").write_text(SEARCH)
    out = finish("run", "search.toml", "--workers", "2", "--device", "cpu", cwd=folder)
    assert "3 of 3 trials" in out
    assert "best: trial" in out
    return folder


@pytest.fixture(scope="module")
def model(searched: Path) -> Path:
    finish("export", "-o", "best.toml", cwd=searched)
    finish("retrain", "best.toml", "-o", "model", "--device", "cpu", cwd=searched)
    return searched / "model"


def test_status_tells_scripts_what_happened(searched: Path) -> None:
    figures = json.loads(finish("status", "--json", cwd=searched))
    trials = figures["trials"]
    assert figures["study"] == "tiny"
    assert figures["budget"] == trials["complete"] + trials["pruned"]
    assert trials["running"] == trials["waiting"] == trials["failed"] == 0
    assert 0 < figures["best"]["miou"] <= 1
    assert len(figures["best"]["iou"]) == 5
    assert figures["running"] == []
    assert figures["device_hours"] > 0
    assert figures["seconds_left"] == 0


def test_the_run_leaves_best_toml_with_its_provenance(searched: Path) -> None:
    best = tomllib.loads((searched / "unet-search" / "best.toml").read_text())
    figures = json.loads(finish("status", "--json", cwd=searched))
    assert best["provenance"]["value"] == figures["best"]["miou"]
    assert best["provenance"]["study"] == "tiny"
    assert best["model"]["width"] == 4


def test_an_export_equals_the_best(searched: Path, model: Path) -> None:
    exported, kept = (
        tomllib.loads(path.read_text()) for path in (searched / "best.toml", searched / "unet-search" / "best.toml")
    )
    assert {**exported, "provenance": None} == {**kept, "provenance": None}


def test_a_finished_search_ends_at_once_and_can_be_extended(searched: Path) -> None:
    assert "3 of 3 trials" in finish("run", "search.toml", cwd=searched)
    out = finish("run", "search.toml", "--trials", "4", "--workers", "1", "--device", "cpu", cwd=searched)
    assert "4 of 4 trials" in out


def test_the_winner_is_trained_again(model: Path) -> None:
    metrics = json.loads((model / "metrics.json").read_text())
    assert metrics["epochs"] == 2
    assert (model / "model.keras").is_file()
    assert (model / "gallery.png").is_file()


def test_masks_are_predicted(searched: Path, model: Path) -> None:
    finish("predict", "model", "--data", "sample.npz", "-o", "masks.npz", cwd=searched)
    with np.load(searched / "masks.npz") as file:
        masks = file["masks"]
    assert masks.shape == (5, 64, 128)
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) <= {1, 2, 3, 4}


def test_a_model_is_scored(searched: Path, model: Path) -> None:
    figures = json.loads(finish("evaluate", "model", "--data", "sample.npz", "--json", cwd=searched))
    assert 0 < figures["miou"] <= 1
    assert figures["images"] == 48


@pytest.fixture
def dashboard(searched: Path) -> Iterator[str]:
    process = start("dashboard", "--port", "0", cwd=searched, PYTHONUNBUFFERED="1")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.stderr.read() if process.stderr else ""
        url = line.split()[2].rstrip("/")
        address = url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))):  # a browser opens some ahead, and says nothing
            yield url
            process.terminate()
            process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not is_running(searched / "unet-search" / "pgdata")


def test_the_dashboard_shows_every_trial_with_its_pictures(dashboard: str) -> None:
    studies = fetch(f"{dashboard}/api/studies")["study_summaries"]
    assert [study["study_name"] for study in studies] == ["tiny"]
    number = studies[0]["study_id"]
    trials = [
        t for t in fetch(f"{dashboard}/api/studies/{number}?after=0")["trials"] if t["state"] in ("Complete", "Pruned")
    ]
    assert len(trials) >= 3
    for trial in trials:
        artifacts = trial["artifacts"]
        assert {artifact["filename"] for artifact in artifacts} == {"curves.png", "confusion.png", "gallery.png"}
        url = f"{dashboard}/artifacts/{number}/{trial['trial_id']}/{artifacts[0]['artifact_id']}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.read(4) == b"\x89PNG"


def fetch(url: str) -> dict[str, list[dict[str, object]]]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)  # type: ignore[no-any-return]
