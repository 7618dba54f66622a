"""The metric of a training: its value from the IoU of each class, its name, and what is refused."""

import numpy as np
import pytest

from trainer.errors import InputError
from trainer.metric import check_metric, dice_of, metric_label, metric_value, never_found

NAMES = ("ground", "rock", "big rock, flat", "sky")


def test_dice_counts_the_same_pixels() -> None:
    true, predicted = np.random.default_rng(0).integers(0, 2, (2, 1000), bool)
    both = (true & predicted).sum()
    assert dice_of(both / (true | predicted).sum()) == pytest.approx(2 * both / (true.sum() + predicted.sum()))


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("miou", 0.4),
        ("dice", (2 / 3 + 2 / 5 + 3 / 5.5) / 3),
        ("iou:rock", 0.25),
        ("iou: rock , ground", 0.375),
        ("iou:big rock, flat", 0.45),
        ("iou:sky,rock", 0.25),
        ("iou:sky", 0.0),
    ],
)
def test_the_value_is_a_mean_over_the_scored_classes(metric: str, value: float) -> None:
    iou = (0.5, 0.25, 0.45, None)
    if metric == "dice":
        value = sum(2 * each / (1 + each) for each in (0.5, 0.25, 0.45)) / 3
    assert metric_value(metric, iou, NAMES) == pytest.approx(value)


def test_without_a_scored_class_the_value_is_0() -> None:
    assert metric_value("miou", (None, None)) == metric_value("dice", (None, None)) == 0


@pytest.mark.parametrize("metric", ["f1", "iou", "iou:", "iou:rock,", "iou:rocks", "mIoU", ""])
def test_what_cannot_be_computed_is_refused(metric: str) -> None:
    with pytest.raises(InputError, match=r"metric must be miou, dice, or iou:NAME .*\(ground, rock, .*got '"):
        check_metric(metric, NAMES)


def test_a_class_that_is_not_scored_is_refused() -> None:
    check_metric("iou:ground", NAMES)
    with pytest.raises(InputError, match=r"\(rock, big rock, flat, sky\); got 'iou:ground'"):
        check_metric("iou:ground", NAMES, ignore=0)


def test_before_the_classes_are_known_the_form_is_checked() -> None:
    check_metric("iou:anything")
    for metric in ("f1", "iou:", "iou:a,,b"):
        with pytest.raises(InputError, match="metric must be miou, dice, or iou:NAME"):
            check_metric(metric)


def test_the_value_of_an_unknown_class_is_refused() -> None:
    with pytest.raises(InputError, match="got 'iou:moon'"):
        metric_value("iou:moon", (0.5, 0.5, 0.5, 0.5), NAMES)


def test_people_read_the_usual_names() -> None:
    assert [metric_label(metric) for metric in ("miou", "dice", "iou:rock,sky")] == ["mIoU", "Dice", "IoU rock,sky"]


def test_a_class_of_iou_0_is_never_found() -> None:
    assert never_found((0.5, 0.0, None, 0.0), NAMES) == ["rock", "sky"]
    assert never_found((0.0, 0.0), ("ground",)) == ["ground", "1"]
