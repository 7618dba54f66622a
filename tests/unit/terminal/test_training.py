"""What is printed of a finished training."""

from typing import Any

from search.study.scoring import Scoring
from search.terminal.training import result_lines

METRICS: dict[str, Any] = {
    "value": 0.5,
    "miou": 0.4,
    "miou_keras": None,
    "iou": [0.3, 0.5],
    "epochs": 9,
    "best_epoch": 9,
    "keep": "last",
    "parameters": 1234,
    "images_per_second": 80.4,
    "seconds": 90.0,
    "folder": "model",
}
COST = "1,234 parameters, 80 images/s, 1.5 min; in model"


def test_the_metric_comes_first_and_the_foreground_of_two_classes_follows() -> None:
    lines = result_lines(Scoring("dice", 2, None, ("rest", "tumour")), METRICS)
    scores = "Dice 0.5000, mIoU 0.4000; foreground IoU 0.5000, Dice 0.6667"
    assert lines == [f"{scores}; mean of the last 1 of 9 epochs; {COST}"]


def test_a_class_of_which_no_pixel_is_found_is_warned_of() -> None:
    scores = METRICS | {"value": 0.4, "iou": [None, 0.6, 0.0, 0.6], "miou_keras": 0.3}
    lines = result_lines(Scoring("miou", 4, 0, ("rest", "soil", "big rock", "sand")), scores)
    assert lines[0] == f"mIoU 0.4000; as Keras counts 0.3000; mean of the last 1 of 9 epochs; {COST}"
    assert lines[1:] == ["warning: no pixel of big rock is ever found, IoU 0"]


def test_without_validation_there_is_no_score() -> None:
    unscored = METRICS | {"value": None, "miou": None, "iou": [None, None]}
    expected = [f"trained on all images for 9 epochs, without validation; {COST}"]
    assert result_lines(Scoring("miou", 2, None, ("a", "b")), unscored) == expected


def test_a_training_that_keeps_its_best_epoch_names_it() -> None:
    (line,) = result_lines(Scoring("miou", 2, None, ("a", "b")), METRICS | {"keep": "best", "best_epoch": 7})
    assert "; at epoch 7 of 9, the best; " in line
