"""The pictures of a training: what is drawn in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from tests.data_sets import make_dataset
from trainer.config import TrainConfig
from trainer.figures.palette import class_colours, paint
from trainer.figures.training import choose_images, draw_confusion, draw_curves, draw_gallery, write_figures
from trainer.training.fit import Epoch, Fitted


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Two epochs that a training could have had; its model predicts class 2 wherever a pixel is bright."""
    pixels = keras.Input((16, 16, 1), dtype="uint8")
    scaled = keras.layers.Rescaling(1.0)(pixels)
    logits = keras.ops.concatenate([scaled * 0 - 1e4, scaled * 0 + 100, scaled], axis=-1)
    history = (
        Epoch(1, 0.9, 0.3, 0.2, (None, 0.6, 0.0), 0.01, 1.0),
        Epoch(2, 0.4, 0.65, 0.5, (None, 0.8, 0.5), 0.01, 1.0),
    )
    confusion = np.array([[0, 0, 0], [0, 90, 10], [5, 20, 75]])
    config = TrainConfig.model_validate({"data": {"classes": 3}})
    return Fitted(keras.Model(pixels, logits), config, history, history[1], confusion, 0, 2.0, 10.0, "budget")


def test_the_curves_are_those_of_the_history(fitted: Fitted) -> None:
    """One curve for each scored class, and their mean."""
    left, right = draw_curves(fitted, make_dataset()).axes
    assert left.lines[0].get_xydata().tolist() == [[1, 0.9], [2, 0.4]]
    curves = {str(line.get_label()): line.get_ydata() for line in right.lines[:3]}
    assert {name: list(values) for name, values in curves.items()} == {
        "class 1": [0.6, 0.8],
        "class 2": [0.0, 0.5],
        "mean (mIoU)": [0.3, 0.65],
    }
    assert list(right.lines[3].get_xdata()) == [2, 2]  # the best epoch


def test_the_confusion_matrix_has_shares_of_each_true_class(fitted: Fitted) -> None:
    """The ignored class has no row, and a column since pixels were predicted as it."""
    (axes,) = draw_confusion(fitted, make_dataset()).axes
    np.testing.assert_allclose(axes.images[0].get_array(), [[0, 0.9, 0.1], [0.05, 0.2, 0.75]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["class 0", "class 1", "class 2"]
    iou = 90 / (90 + 10 + 20), 75 / (75 + 10 + 20 + 5)
    rows = [f"class {label}\nIoU {value:.3f}" for label, value in zip((1, 2), iou, strict=True)]
    assert [label.get_text() for label in axes.get_yticklabels()] == rows
    assert axes.texts[5].get_text() == "75.0%\n75"


def test_the_gallery_shows_image_mask_and_prediction(fitted: Fitted) -> None:
    dataset = make_dataset()
    panels = draw_gallery(fitted, dataset).axes
    chosen = choose_images(dataset)
    assert len(panels) == 3 * len(chosen) == 24
    for row, index in enumerate(chosen):
        image, mask, prediction = (panels[3 * row + column].images[0].get_array() for column in range(3))
        np.testing.assert_array_equal(image, dataset.images[index, ..., 0])
        np.testing.assert_array_equal(mask, paint(dataset.masks[index], 3, 0))
        bright = np.where(dataset.images[index, ..., 0] > 100, 2, 1)
        np.testing.assert_array_equal(prediction, class_colours(3, 0)[bright])


def test_the_gallery_has_the_image_with_most_of_each_class() -> None:
    """Though it is not among the evenly spaced ones."""
    dataset = make_dataset()
    masks = np.ones((64, 16, 16), np.uint8)
    masks[[33, 35], :2], masks[35, :4] = 2, 2
    many: Any = replace(dataset, masks=masks, validation=np.arange(64))
    chosen = choose_images(many)
    assert len(chosen) == len(set(chosen)) == 8
    assert 35 in chosen and 33 not in chosen


def test_the_pictures_are_written(fitted: Fitted, tmp_path: Path) -> None:
    paths = write_figures(fitted, make_dataset(), tmp_path / "deep")
    assert [path.name for path in paths] == ["curves.png", "confusion.png", "gallery.png"]
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == "PNG" and min(picture.size) > 200
