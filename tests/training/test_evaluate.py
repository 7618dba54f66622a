"""Scores of labelled images as they lie on the disk: real networks, whose answer is known."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from search.commands.evaluate import evaluate
from tests.training.test_predict_files import LEVELS, make_mask, write_images, write_model
from trainer.data.pixels import Pixels
from trainer.errors import InputError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("plain") / "model")


def run_evaluate(*arguments: object) -> str:
    """What the command prints; its errors are raised."""
    done = CliRunner().invoke(evaluate, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.output


def read_scores(*arguments: object) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads(run_evaluate(*arguments, "--json"))
    return scores


def write_labelled(folder: Path, pairs: dict[str, tuple[Pixels, Pixels]]) -> Path:
    """Images whose masks the networks find, and the true masks, which may differ."""
    write_images(folder / "images", {name: found for name, (found, _) in pairs.items()})
    (folder / "masks").mkdir()
    for name, (_, truth) in pairs.items():
        Image.fromarray(truth).save(folder / "masks" / f"{name}.png")
    return folder


def test_one_image_is_scored_in_its_own_size(tmp_path: Path, model: Path) -> None:
    mask = make_mask(0, 50, 70)
    scores = read_scores(model, "--data", write_labelled(tmp_path / "in", {"a": (mask, mask)}))
    assert (scores["miou"], scores["images"], scores["iou"]) == (1, 1, [1, 1, 1])
    assert scores["miou_keras"] is None and scores["foreground"] is None
    assert scores["dice"] == scores["precision"] == scores["recall"] == [1, 1, 1]
    assert scores["names"] == ["0", "1", "2"]


def test_every_image_counts_corrupt_ones_too(tmp_path: Path, model: Path) -> None:
    """Neither split nor cleaned: two equal images, and one of a single class."""
    masks = [make_mask(0), make_mask(0), np.zeros((16, 16), np.uint8)]
    pairs = {str(number): (mask, mask) for number, mask in enumerate(masks)}
    assert read_scores(model, "--data", write_labelled(tmp_path / "in", pairs))["images"] == 3


def test_two_classes_have_a_foreground(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "model", labels={"0": 0, "128": 1, "255": 2}, ignore=0, names=("rim", "cell", "dirt")
    )
    truth = np.array([[0, 128, 255, 255]], np.uint8).repeat(4, 0).repeat(4, 1)
    found = np.array([[1, 1, 2, 1]], np.uint8).repeat(4, 0).repeat(4, 1)
    data = write_labelled(tmp_path / "in", {"a": (found, truth)})
    scores = read_scores(model, "--data", data)
    assert scores["iou"] == [None, 0.5, 0.5]
    assert scores["foreground"] == {"name": "dirt", "iou": 0.5, "dice": pytest.approx(2 / 3)}
    assert scores["miou_keras"] == 0.5
    shown = run_evaluate(model, "--data", data)
    assert "foreground, dirt: IoU 0.5000, Dice 0.6667" in shown and "as Keras counts: 0.5000" in shown


def test_several_networks_and_flips(tmp_path: Path, model: Path) -> None:
    """The one that is certain decides; the first tells the metric."""
    wrong = write_model(tmp_path / "wrong", levels=LEVELS[[1, 2, 0]], certainty=3)
    masks = [make_mask(0, 50, 70), make_mask(1)]
    data = write_labelled(tmp_path / "in", {str(number): (mask, mask) for number, mask in enumerate(masks)})
    assert read_scores(wrong, "--data", data, "--flips", "both")["miou"] == 0
    scores = read_scores(wrong, model, "--data", data, "--flips", "both", "--device", "cpu")
    assert (scores["miou"], scores["images"], scores["metric"]) == (1, 2, "miou")


def test_networks_of_other_classes_are_refused(tmp_path: Path, model: Path) -> None:
    other, mask = write_model(tmp_path / "other", names=("a", "b", "c")), make_mask(0)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask)})
    with pytest.raises(InputError, match=r"must agree in data\.names; got \(\) in .* and \('a', 'b', 'c'\) in"):
        run_evaluate(model, other, "--data", data)


def test_the_metric_of_the_study_is_shown(tmp_path: Path) -> None:
    model, mask = write_model(tmp_path / "model", names=("a", "b", "c")), make_mask(0)
    text = (model / "config.toml").read_text().replace('metric = "miou"', 'metric = "iou:b"')
    (model / "config.toml").write_text(text)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask)})
    assert "IoU b: 1.0000" in run_evaluate(model, "--data", data)


def test_a_table_and_a_gallery(tmp_path: Path, model: Path) -> None:
    right, wrong = make_mask(0), (make_mask(1) + 1) % 3
    pairs = {"b.v1": (right, right), "a": (make_mask(1), wrong)}
    data, table, gallery = write_labelled(tmp_path / "in", pairs), tmp_path / "deep" / "s.csv", tmp_path / "w.png"
    run_evaluate(model, "--data", data, "--csv", table, "--worst", 1, "-o", gallery)
    with table.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["name", "miou", "iou:0", "iou:1", "iou:2"]
    assert [row[:2] for row in rows] == [["a", "0.0"], ["b.v1", "1.0"]]
    with Image.open(gallery) as picture:
        assert picture.format == "PNG"


def test_a_gallery_is_worst_png_without_a_name(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = make_mask(0)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask)})
    monkeypatch.chdir(tmp_path)
    run_evaluate(model, "--data", data, "--worst", 3)
    assert (tmp_path / "worst.png").is_file()
    with pytest.raises(InputError, match="without it; add --worst"):
        run_evaluate(model, "--data", data, "--gallery", "other.png")


@pytest.mark.parametrize("option", ["--csv", "--worst=1 -o"])
def test_data_are_never_written_over(tmp_path: Path, model: Path, option: str) -> None:
    mask = make_mask(0)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask)})
    before = (data / "masks" / "a.png").read_bytes()
    with pytest.raises(InputError, match="must not be written over"):
        run_evaluate(model, "--data", data, *option.split(), data / "masks" / "a.png")
    assert (data / "masks" / "a.png").read_bytes() == before


def test_a_label_that_is_not_listed_is_refused_with_its_file(tmp_path: Path, model: Path) -> None:
    mask = make_mask(0)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask), "b": (mask, mask + 5)})
    with pytest.raises(InputError, match=r"got [567] in [\d,]+ pixels of \S*b\.png"):
        run_evaluate(model, "--data", data)


def test_a_mask_of_another_size_is_refused(tmp_path: Path, model: Path) -> None:
    data = write_labelled(tmp_path / "in", {"a": (make_mask(0), make_mask(0, 16, 12))})
    with pytest.raises(InputError, match=r"a\.png 16x16 and \S*a\.png 16x12"):
        run_evaluate(model, "--data", data)


def test_masks_without_a_scored_pixel_are_refused(tmp_path: Path) -> None:
    model, mask = write_model(tmp_path / "model", ignore=0), np.zeros((16, 16), np.uint8)
    data = write_labelled(tmp_path / "in", {"a": (mask, mask)})
    with pytest.raises(InputError, match="must have pixels of a class that is scored"):
        run_evaluate(model, "--data", data)


def test_arrays_are_scored_too(tmp_path: Path, model: Path) -> None:
    masks = np.stack([make_mask(seed) for seed in range(5)])
    np.savez(tmp_path / "d.npz", images=LEVELS[masks], masks=masks)
    scores = read_scores(model, "--data", tmp_path / "d.npz")
    assert (scores["miou"], scores["images"]) == (1, 5)
