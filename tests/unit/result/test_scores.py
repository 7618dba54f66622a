"""Scores against numbers computed by hand."""

import csv
from pathlib import Path

import numpy as np
import pytest

from trainer.config import VOID, DataConfig
from trainer.errors import InputError
from trainer.result.scores import compare, score_image, summarise_scores, write_scores

BINARY = DataConfig(classes=2, ignore=None)
# TP 2, FP 1, FN 1 of the foreground; TP 4 of the background, one pixel is not scored.
TRUTH = np.array([[1, 1, 1, 0], [0, 0, 0, 0], [VOID, 0, 0, 0]], np.uint8)[:, :4]
FOUND = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], np.uint8)


def test_two_classes_have_a_foreground() -> None:
    figures = summarise_scores(compare(TRUTH, FOUND, BINARY), 1, BINARY, ["back", "vessel"], "miou")
    assert figures["foreground"] == {"name": "vessel", "iou": 0.5, "dice": pytest.approx(2 / 3)}
    assert figures["iou"] == [pytest.approx(7 / 9), 0.5]
    assert figures["precision"] == [pytest.approx(7 / 8), pytest.approx(2 / 3)]
    assert figures["recall"] == [pytest.approx(7 / 8), pytest.approx(2 / 3)]
    assert figures["dice"] == [pytest.approx(14 / 16), pytest.approx(2 / 3)]
    assert figures["miou"] == pytest.approx((7 / 9 + 0.5) / 2)
    assert figures["mean_dice"] == pytest.approx((14 / 16 + 2 / 3) / 2)
    assert (figures["images"], figures["names"]) == (1, ["back", "vessel"])


def test_an_ignored_class_leaves_the_second_of_the_others_as_foreground() -> None:
    config = DataConfig(classes=3, ignore=0)
    truth = np.array([[0, 1, 2, 2]], np.uint8)
    figures = summarise_scores(compare(truth, truth, config), 1, config, ["none", "a", "b"], "miou")
    assert figures["foreground"] == {"name": "b", "iou": 1.0, "dice": 1.0}


def test_keras_is_quoted_only_where_a_class_is_ignored() -> None:
    for ignore, quoted in ((None, False), (VOID, False), (0, True)):
        config = DataConfig(classes=3, ignore=ignore)
        truth = np.array([[1, 1, 2, 2]], np.uint8)
        figures = summarise_scores(compare(truth, truth, config), 1, config, ["a", "b", "c"], "miou")
        assert (figures["miou_keras"] is not None) == quoted
        assert figures["foreground"] is None or ignore == 0


def test_a_class_without_a_true_pixel_has_no_scores() -> None:
    config = DataConfig(classes=3, ignore=None)
    confusion = compare(np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 2, 1, 1]], np.uint8), config)
    figures = summarise_scores(confusion, 1, config, ["a", "b", "c"], "miou")
    assert [figures[key][2] for key in ("iou", "dice", "precision", "recall")] == [None] * 4
    assert figures["recall"][:2] == [0.5, 1]
    assert figures["miou"] == 0.75


def test_a_class_that_is_never_found_has_scores_of_0() -> None:
    truth = np.array([[0, 1]], np.uint8)
    figures = summarise_scores(compare(truth, truth * 0, BINARY), 1, BINARY, ["a", "b"], "miou")
    assert [figures[key][1] for key in ("iou", "dice", "precision", "recall")] == [0] * 4


def test_the_studys_metric() -> None:
    confusion = compare(TRUTH, FOUND, BINARY)
    figures = summarise_scores(confusion, 1, BINARY, ["back", "vessel"], "iou:vessel")
    assert (figures["metric"], figures["value"]) == ("iou:vessel", 0.5)
    with pytest.raises(InputError, match="names of scored classes"):
        summarise_scores(confusion, 1, BINARY, ["back", "vessel"], "iou:vein")


def test_large_masks_are_counted_by_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, found = np.random.default_rng(0).integers(0, 2, (2, 31, 17), np.uint8)
    whole = compare(truth, found, BINARY)
    monkeypatch.setattr("trainer.result.scores._BAND_PIXELS", 40)
    np.testing.assert_array_equal(compare(truth, found, BINARY), whole)
    assert whole.sum() == truth.size


def test_a_table_has_a_row_an_image(tmp_path: Path) -> None:
    nothing = np.full((1, 2), VOID, np.uint8)
    rows = [score_image("a.v1", compare(TRUTH, FOUND, BINARY), BINARY)]
    rows += [score_image("b", compare(nothing, nothing * 0, BINARY), BINARY)]
    write_scores(rows, ["back", "vessel"], tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(newline="") as file:
        header, first, second = csv.reader(file)
    assert header == ["name", "miou", "iou:back", "iou:vessel"]
    assert (first[0], float(first[1]), float(first[3])) == ("a.v1", pytest.approx((7 / 9 + 0.5) / 2), 0.5)
    assert second == ["b", "", "", ""]
