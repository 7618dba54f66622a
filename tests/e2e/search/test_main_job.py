"""The main job as a person does it: search, look, export, train again, predict. Real networks, tiny."""

import json
import signal
import socket
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.embedded.control import is_running
from tests.e2e.command import run_command, start_command
from trainer.data.sample import write_sample

SEARCH = """
study = { name = "tiny", trials = 2, startup_trials = 1 }
[train]
data = { path = "sample.npz" }
budget = { steps = "none", epochs = 2 }
model = { depth = 1, width = 4 }
optimizer = { batch_size = 16 }
[space]
"model.residual" = { choice = [true, false] }
"optimizer.learning_rate" = { float = [1e-3, 1e-1], log = true }
"""
PICTURES = {"curves.png", "confusion.png", "gallery.png"}
PATIENCE_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a search has ended."""
    folder = tmp_path_factory.mktemp("main job")  # with a space, as folders have
    write_sample(folder / "sample.npz", images=48, test_images=5)
    (folder / "search.toml").write_text(SEARCH)
    out = run_command("run search.toml --workers 2 --device cpu", folder).output()
    assert "2 of 2 trials" in out and "best: trial" in out
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    """The folder of the winner, trained again."""
    run_command("export -o best.toml", folder).output()
    run_command("retrain best.toml -o model --device cpu", folder).output()
    return folder / "model"


def test_status_tells_scripts_what_happened(folder: Path) -> None:
    status = json.loads(run_command("status --json", folder).output())
    trials = status["trials"]
    assert status["study"] == "tiny"
    assert status["budget"] == trials["complete"] + trials["pruned"] == 2
    assert trials["running"] == trials["waiting"] == trials["failed"] == 0
    assert 0 < status["best"]["miou"] <= 1
    assert len(status["best"]["iou"]) == 5
    assert status["running"] == []
    assert status["device_hours"] > 0
    assert status["seconds_left"] == 0
    provenance = tomllib.loads((folder / "unet-search" / "best.toml").read_text())["provenance"]
    assert (provenance["study"], provenance["value"]) == ("tiny", status["best"]["miou"])


def test_an_export_equals_the_runs_best_toml(folder: Path, model: Path) -> None:
    exported, written = (
        tomllib.loads(path.read_text()) for path in (folder / "best.toml", folder / "unet-search" / "best.toml")
    )
    assert exported["model"]["width"] == 4
    assert {**exported, "provenance": None} == {**written, "provenance": None}


def test_a_finished_search_ends_at_once(folder: Path) -> None:
    done = run_command("run search.toml", folder)
    assert "2 of 2 trials" in done.output() and "worker 0" not in done.err


def test_the_winner_is_trained_again(model: Path) -> None:
    assert json.loads((model / "metrics.json").read_text())["epochs"] == 2
    assert (model / "model.keras").is_file()
    assert (model / "gallery.png").is_file()


def test_masks_are_predicted(folder: Path, model: Path) -> None:
    run_command("predict model --data sample.npz -o masks.npz", folder).output()
    with np.load(folder / "masks.npz") as file:
        masks = file["masks"]
    assert masks.shape == (5, 64, 128)
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) <= {1, 2, 3, 4}


def test_a_model_is_scored(folder: Path, model: Path) -> None:
    scores = json.loads(run_command("evaluate model --data sample.npz --json", folder).output())
    assert 0 < scores["miou"] <= 1
    assert scores["images"] == 48


@pytest.fixture
def dashboard(folder: Path) -> Iterator[str]:
    """The URL of a dashboard, which must end at SIGTERM though a browser holds a connection open."""
    process = start_command("dashboard --port 0", folder, PYTHONUNBUFFERED="1")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line, process.stderr.read() if process.stderr else ""
        url = line.split()[2].rstrip("/")
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))):
            yield url
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not is_running(folder / "unet-search" / "pgdata")


def test_the_dashboard_shows_every_trial_with_its_pictures(dashboard: str) -> None:
    (study,) = fetch(f"{dashboard}/api/studies")["study_summaries"]
    assert study["study_name"] == "tiny"
    number = study["study_id"]
    trials = fetch(f"{dashboard}/api/studies/{number}?after=0")["trials"]
    trials = [trial for trial in trials if trial["state"] in ("Complete", "Pruned")]
    assert len(trials) == 2
    for trial in trials:
        artifacts = trial["artifacts"]
        assert {artifact["filename"] for artifact in artifacts} == PICTURES
        url = f"{dashboard}/artifacts/{number}/{trial['trial_id']}/{artifacts[0]['artifact_id']}"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            assert answer.read(4) == b"\x89PNG"


def fetch(url: str) -> dict[str, list[dict[str, Any]]]:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        return json.load(answer)  # type: ignore[no-any-return]
