"""The pictures of a training: what is drawn in them."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.data_sets import make_dataset, make_ragged, with_pixels
from trainer.config import BudgetConfig, TrainConfig
from trainer.data.clean import DroppedImage
from trainer.figures.display import to_picture
from trainer.figures.palette import class_colours, paint
from trainer.figures.sheet import write_contact_sheet
from trainer.figures.training import choose_images, draw_confusion, draw_curves, draw_gallery, write_figures
from trainer.training.fit import Fitted
from trainer.training.history import Epoch, judge


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """Two epochs that a training could have had; its model predicts class 2 wherever a pixel is bright."""
    pixels = keras.Input((16, 16, 1), dtype="uint8")
    scaled = keras.layers.Rescaling(1.0)(pixels)
    logits = keras.ops.concatenate([scaled * 0 - 1e4, scaled * 0 + 100, scaled], axis=-1)
    history = (
        Epoch(1, 0.9, 0.35, 0.3, 0.2, (None, 0.6, 0.0), 0.01, 1.0),
        Epoch(2, 0.4, 0.7, 0.65, 0.5, (None, 0.8, 0.5), 0.01, 1.0),
    )
    confusion = np.array([[0, 0, 0], [0, 90, 10], [5, 20, 75]])
    config = TrainConfig.model_validate({"data": {"classes": 3, "ignore": 0}, "metric": "dice"})
    final = judge(history, "last")
    return Fitted(keras.Model(pixels, logits), config, history, final, confusion[None], 0, 2.0, 10.0, "budget")


def test_the_curves_are_those_of_the_history(fitted: Fitted) -> None:
    """One curve for each scored class, and the metric."""
    left, right = draw_curves(fitted, make_dataset()).axes
    assert left.lines[0].get_xydata().tolist() == [[1, 0.9], [2, 0.4]]
    curves = {str(line.get_label()): line.get_ydata() for line in right.lines[:3]}
    assert {name: list(values) for name, values in curves.items()} == {
        "class 1": [0.6, 0.8],
        "class 2": [0.0, 0.5],
        "Dice": [0.35, 0.7],
    }
    (judged,) = right.patches  # the last tenth of two epochs is the second
    assert (judged.get_x(), judged.get_width()) == (1.5, 1)
    assert right.get_title() == "Dice 0.7000"
    best = fitted.config.model_copy(update={"budget": BudgetConfig(keep="best")})
    _, right = draw_curves(replace(fitted, config=best, final=judge(fitted.history, "best")), make_dataset()).axes
    assert list(right.lines[3].get_xdata()) == [2, 2] and not right.patches


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
        np.testing.assert_array_equal(image, np.repeat(dataset.images[index], 3, -1))
        np.testing.assert_array_equal(mask, paint(dataset.masks[index], 3, 0))
        bright = np.where(dataset.images[index][..., 0] > 100, 2, 1)
        np.testing.assert_array_equal(prediction, class_colours(3, 0)[bright])


def test_the_gallery_has_the_image_with_most_of_each_class() -> None:
    """Though it is not among the evenly spaced ones."""
    dataset = make_dataset()
    masks = np.ones((64, 16, 16), np.uint8)
    masks[[33, 35], :2], masks[35, :4] = 2, 2
    many = with_pixels(dataset, images=np.zeros((64, 16, 16, 1), np.uint8), masks=masks, validation=np.arange(64))
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


def test_without_validation_there_are_the_curves_alone(fitted: Fitted, tmp_path: Path) -> None:
    dataset = replace(make_dataset(), validation=np.arange(0))
    assert [path.name for path in write_figures(fitted, dataset, tmp_path)] == ["curves.png"]
    assert len(draw_curves(fitted, dataset).axes) == 1


def test_images_of_many_sizes_are_shown_in_their_own(fitted: Fitted, tmp_path: Path) -> None:
    sizes = [(16, 16), (10, 40), (50, 16)]
    dataset = replace(make_ragged(sizes, (16, 16)), validation=np.arange(3))
    shown = [panel.images[0].get_array().shape[:2] for panel in draw_gallery(fitted, dataset).axes]
    assert shown == [size for index in choose_images(dataset) for size in [sizes[index]] * 3]
    with Image.open(write_contact_sheet(dataset, tmp_path / "sheet.png")) as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(("channels", "shown"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (3, [0, 1, 2]), (5, [0, 1, 2])])
def test_a_picture_has_the_first_channels(channels: int, shown: list[int]) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (6, 8, channels)).astype(np.float16)
    np.testing.assert_array_equal(to_picture(image), image[..., shown].astype(np.float32).round().astype(np.uint8))


def test_large_images_are_thinned_out() -> None:
    assert to_picture(np.zeros((3000, 1025, 3), np.uint8)).shape == (1000, 342, 3)


def test_the_contact_sheet_has_no_dropped_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_dataset()
    shown: list[int] = []
    monkeypatch.setattr(
        "trainer.figures.sheet.to_picture", lambda image: shown.append(image[8, 8, 0]) or to_picture(image)
    )
    images = np.full_like(dataset.images, 0) + np.arange(32, dtype=np.uint8)[:, None, None, None]
    dropped = tuple(DroppedImage(index, "its mask is that of another") for index in range(0, 32, 2))
    write_contact_sheet(replace(dataset, images=images, dropped=dropped), tmp_path / "sheet.png")
    assert len(shown) == 16 and all(index % 2 for index in shown)
