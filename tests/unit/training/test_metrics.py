"""Scores against Keras, and against numbers computed by hand."""

import keras
import numpy as np
import pytest

from trainer.metric import never_found
from trainer.training.metrics import count_confusion, score


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")  # Keras's own, under JAX
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("predicts_background", [True, False])
def test_miou_keras_is_what_keras_computes(seed: int, predicts_background: bool) -> None:
    generator = np.random.default_rng(seed)
    masks = generator.integers(0, 5, (3, 8, 8), np.uint8)
    predicted = generator.integers(0 if predicts_background else 1, 5, (3, 8, 8), np.uint8)
    metric = keras.metrics.MeanIoU(num_classes=5, ignore_class=0)
    metric.update_state(masks, predicted)
    scores = score(count_confusion(masks, predicted, 5, 0), 0)
    assert scores.miou_keras == pytest.approx(float(metric.result()), abs=1e-6)


def test_one_background_pixel_costs_keras_a_fifth_but_not_us() -> None:
    """IoUs of 1, 0.5, 1 and 1; two pixels are predicted as background, and none is."""
    masks = np.array([[[1] * 4, [2] * 4, [3] * 4, [4] * 4]], np.uint8)
    predicted = masks.copy()
    predicted[0, 1, :2] = 0
    scores = score(count_confusion(masks, predicted, 5, 0), 0)
    assert scores.iou == (None, 1, 0.5, 1, 1)
    assert scores.miou == pytest.approx(0.875)
    assert scores.miou_keras == pytest.approx(0.70)


def test_pixels_without_a_label_do_not_count() -> None:
    masks = np.array([[[0, 0, 1, 2]]], np.uint8)
    scores = score(count_confusion(masks, np.array([[[1, 2, 1, 2]]], np.uint8), 3, 0), 0)
    assert scores.miou == 1


def test_counts_of_parts_add_up() -> None:
    generator = np.random.default_rng(0)
    masks, predicted = generator.integers(0, 3, (2, 6, 4, 4), np.uint8)
    whole = count_confusion(masks, predicted, 3, None)
    parts = sum(count_confusion(masks[i : i + 2], predicted[i : i + 2], 3, None) for i in (0, 2, 4))
    assert (whole == parts).all()
    assert whole.sum() == masks.size
    assert whole[1, 2] == ((masks == 1) & (predicted == 2)).sum()


def test_a_class_that_no_pixel_is_truly_of_is_in_no_mean_predicted_or_not() -> None:
    """One pixel of four is predicted as class 3, and none as class 4."""
    masks = np.array([[[1, 1, 2, 2]]], np.uint8)
    scores = score(count_confusion(masks, np.array([[[1, 3, 2, 2]]], np.uint8), 5, 0), 0)
    assert scores.iou == (None, 0.5, 1, None, None)
    assert scores.miou == 0.75
    assert scores.miou_keras == 0.5, "Keras counts the predicted class"


def test_a_class_that_is_never_found_stays_in_the_mean() -> None:
    masks = np.array([[[0, 0, 0, 1]]], np.uint8)
    scores = score(count_confusion(masks, np.zeros_like(masks), 2, None), None)
    assert scores.iou == (0.75, 0) and scores.miou == 0.375
    assert never_found(scores.iou, ("ground", "rock")) == ["rock"]


def test_without_a_scored_pixel_the_scores_are_0() -> None:
    masks = np.zeros((1, 2, 2), np.uint8)
    scores = score(count_confusion(masks, masks, 3, 0), 0)
    assert scores.iou == (None, None, None)
    assert scores.miou == scores.miou_keras == 0


def test_an_ignore_label_that_is_no_class() -> None:
    masks = np.array([[[0, 1, 255, 255]]], np.uint8)
    scores = score(count_confusion(masks, np.zeros((1, 1, 4), np.uint8), 2, 255), 255)
    assert scores.iou == (0.5, 0)
    assert scores.miou == scores.miou_keras == 0.25


def test_pixels_of_no_class_count_beside_an_ignored_class_too() -> None:
    masks = np.array([[[0, 1, 2, 255]]], np.uint8)
    confusion = count_confusion(masks, np.array([[[1, 1, 2, 2]]], np.uint8), 3, 0)
    assert confusion.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 1]]
