"""The gallery of the images with the lowest scores."""

from pathlib import Path

import numpy as np
from PIL import Image

from trainer.data.pixels import Pixels
from trainer.figures.worst import WorstImages

MASK = np.zeros((6, 8), np.uint8)


def test_the_lowest_scores_are_kept_the_worst_first(tmp_path: Path) -> None:
    read = []
    worst = WorstImages(2, 3, None)
    for name, miou in (("b", 0.5), ("a", 0.9), ("c", 0.2), ("d", 0.7), ("e", 0.4)):

        def view(name: str = name) -> Pixels:
            read.append(name)
            return np.zeros((6, 8, 3), np.uint8)

        worst.add(name, miou, MASK, MASK, view)
    assert [entry.name for entry in sorted(worst._entries, reverse=True)] == ["c", "e"]
    assert "d" not in read
    worst.write(["x", "y", "z"], tmp_path / "w.png")
    with Image.open(tmp_path / "w.png") as picture:
        assert picture.format == "PNG" and picture.width == 900


def test_names_are_no_formulas_and_need_no_font(tmp_path: Path) -> None:
    worst = WorstImages(1, 2, None)
    worst.add("$x_{ \N{SNOWMAN}\U0001f600", 0.0, MASK, MASK, lambda: np.zeros((6, 8, 3), np.uint8))
    worst.write(["$a", "b"], tmp_path / "w.png")
    assert (tmp_path / "w.png").stat().st_size > 0


def test_large_images_are_kept_small() -> None:
    worst = WorstImages(1, 2, None)
    large = np.zeros((2000, 3000), np.uint8)
    worst.add("large", 0.0, large, large, lambda: np.zeros((2000, 3000, 3), np.uint8))
    assert all(max(panel.shape) <= 480 and panel.base is None for panel in worst._entries[0].panels)
