"""`unet-search retrain`: an exported trial in full, on all data where that is asked."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.command import run_command, run_forked
from trainer.configfile import load_config

CONFIG = """
model = { depth = 1, width = 4, stem = 1, norm = "none", se = false }
augment = { mode = "none" }
data = { path = "data.npz", validation = 0.5, clean = false, limit = 2 }
budget = { steps = "none", epochs = 9 }
"""
BEST = CONFIG + '[provenance]\nbest_epoch = 2\nfingerprint = "%s"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with data.npz, of two classes as 0 and 255, and a best.toml whose data may have any fingerprint."""
    masks = np.random.default_rng(0).integers(0, 2, (8, 1, 2), np.uint8).repeat(16, 1).repeat(8, 2)
    np.savez(tmp_path / "data.npz", images=masks * 200, masks=masks * 255)
    (tmp_path / "best.toml").write_text(CONFIG + "[provenance]\nbest_epoch = 2\n")
    return tmp_path


def test_all_data_are_trained_on_for_the_best_epochs(folder: Path) -> None:
    done = run_command("retrain best.toml -o model --all-data --data-limit none --device cpu --json", folder)
    printed = json.loads(done.output())
    assert "training on 8 images of 16x16, without validation" in done.err
    metrics = json.loads((folder / "model" / "metrics.json").read_text())
    assert metrics.items() <= printed.items() and printed["folder"] == "model"
    assert (metrics["epochs"], metrics["best_epoch"], metrics["metric"]) == (2, 2, "miou")
    assert (metrics["value"], metrics["miou"], metrics["iou"], metrics["dice"]) == (None, None, [None] * 2, [None] * 2)
    assert {path.name for path in (folder / "model").iterdir()} == {
        "model.keras",
        "config.toml",
        "metrics.json",
        "curves.png",
    }
    data = load_config(folder / "model" / "config.toml").data
    assert (data.limit, data.classes, data.labels, data.scale, data.patch) == (None, 2, {"0": 0, "255": 1}, None, None)


def test_seeds_make_an_ensemble_and_what_is_trained_is_not_trained_again(folder: Path) -> None:
    line = "retrain best.toml -o model --seeds 2 --data-limit none --device cpu --set budget.epochs=2"
    first = run_command(line, folder)
    lines = first.output().splitlines()
    assert [text.split(":")[0] for text in lines[:2]] == ["seed-0", "seed-1"]
    assert re.search(r"^ensemble of seed-\d(, seed-\d)?: mIoU 0\.\d{4}.*; in model$", lines[2])
    assert {path.name for path in (folder / "model").iterdir()} == {
        "model.keras",
        "config.toml",
        "metrics.json",
        "confusions.npy",
        "seed-0",
        "seed-1",
    }
    seeds = [load_config(folder / "model" / name / "config.toml").seed for name in ("seed-0", "seed-1")]
    assert seeds == [0, 1]
    again = run_command(line, folder)
    assert again.output() == first.output()
    assert again.err.count("holds it already") == 2 and "epoch 1/2" not in again.err


@pytest.mark.slow
def test_scores_and_an_exported_model(folder: Path) -> None:
    shown = run_command("retrain best.toml -o model --data-limit 1 --set metric=dice --device cpu", folder)
    line = shown.output().splitlines()[0]
    scores = (
        r"Dice 0\.\d{4}, mIoU 0\.\d{4}; foreground IoU [01]\.\d{4}, Dice [01]\.\d{4}; mean of the last 1 of 9 epochs; "
    )
    assert re.match(scores, line), line
    assert "as Keras counts" not in line, "no label is ignored"
    assert re.search(r"^training on 1 images of 16x16, validating on [1-7]$", shown.err, re.MULTILINE)
    metrics = json.loads((folder / "model" / "metrics.json").read_text())
    assert metrics["miou_keras"] is None and metrics["metric"] == "dice"
    assert metrics["value"] == pytest.approx(np.mean(metrics["dice"]))

    done = run_command("export-model model --format savedmodel", folder)
    assert re.match(
        r"\S+saved_model gives the masks of model\.keras on 8 images of data\.npz \(logits differ by ", done.output()
    )
    assert not done.err
    assert (folder / "model" / "saved_model" / "saved_model.pb").is_file()
    described = json.loads((folder / "model" / "saved_model.json").read_text())
    assert [entry["value"] for entry in described["classes"]] == ["0", "255"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--data-limit 0", "--data-limit must be a number of images from 1 on, or \"none\"; got '0'"),
        ("--data-limit few", "--data-limit must be a number of images from 1 on, or \"none\"; got 'few'"),
        ("--images pictures", "data are named by --data, or by --images and --masks together"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_line(folder: Path, line: str, words: str) -> None:
    done = run_forked(f"retrain best.toml -o model {line}", folder)
    assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done.err
    assert not (folder / "model").exists()


@pytest.mark.parametrize("epoch", ["", "best_epoch = 0", 'best_epoch = "two"', "best_epoch = true"])
def test_all_data_need_the_best_epoch(folder: Path, epoch: str) -> None:
    (folder / "best.toml").write_text(f"{CONFIG}[provenance]\n{epoch}\n")
    done = run_forked("retrain best.toml -o model --all-data", folder)
    assert done.status == 2 and done.err.count("\n") == 1, done.err
    assert "--all-data needs the epoch in which the trial was best" in done.err
    assert "--set budget.epochs=N" in done.err


def test_other_data_than_those_of_the_search_are_refused(folder: Path) -> None:
    (folder / "best.toml").write_text(BEST % ("0" * 64))
    done = run_forked("retrain best.toml -o model", folder)
    assert done.status == 2 and done.err.count("\n") == 1, done.err
    assert "the data must be those of the search, fingerprint 0000000000000000; got" in done.err
    assert not (folder / "model").exists()
