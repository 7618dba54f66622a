"""What a training is judged by."""

import pytest

from trainer.metric import count_tail
from trainer.training.history import Epoch, judge


def make_history(values: list[float]) -> list[Epoch]:
    return [
        Epoch(number, 1.0, value, value / 2, value / 4, (None, value, 2 * value), 1e-3, 1.0)
        for number, value in enumerate(values, 1)
    ]


def test_the_value_is_the_mean_of_the_last_tenth() -> None:
    history = make_history([0.9] + [0.1] * 17 + [0.2, 0.4])
    final = judge(history, "last")
    assert final.value == pytest.approx(0.3)
    assert (final.miou, final.miou_keras) == (pytest.approx(0.15), pytest.approx(0.075))
    assert final.iou == (None, pytest.approx(0.3), pytest.approx(0.6))
    assert final.epoch == 20


@pytest.mark.parametrize(("epochs", "tail"), [(1, 1), (9, 1), (10, 1), (11, 2), (30, 3), (100, 10)])
def test_a_tenth_is_rounded_up(epochs: int, tail: int) -> None:
    assert count_tail(epochs) == tail
    history = make_history([0.0] * (epochs - tail) + [0.4] * tail)
    assert judge(history, "last").value == pytest.approx(0.4)


def test_the_best_epoch_is_the_first_with_the_highest_value() -> None:
    final = judge(make_history([0.1, 0.5, 0.5, 0.2]), "best")
    assert (final.epoch, final.value, final.iou) == (2, 0.5, (None, 0.5, 1.0))


def test_a_training_that_was_ended_early_is_judged_by_what_it_has() -> None:
    assert judge(make_history([0.3]), "last").value == 0.3
