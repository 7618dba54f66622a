"""Rectangles of an image, not of its mask, become the image's mean: GridMask and coarse dropout.

Albumentations has both, but fills with one number for all images and hides the same share of each.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from typing_extensions import override

from trainer.config import AugmentConfig
from trainer.pipeline.appearance import LEAST
from trainer.pipeline.geometry import Transform
from trainer.pipeline.library import A

Boxes = list[tuple[int, int, int, int]]  # top, left, bottom, right; bottom and right are outside
MOST_HOLES = 8


def hide(config: AugmentConfig) -> Transform | None:
    """Rectangles that hide a random share of the area, up to the largest; None if that is 0."""
    share = min(0.9, config.hide_share * config.strength)
    draw = {"grid": draw_grid, "holes": draw_holes}[config.hide_kind]
    return Hide(share, draw, p=config.hide) if share else None


class Hide(A.ImageOnlyTransform):  # type: ignore[misc]  # Albumentations has no types
    """Rectangles become the mean of each channel of the image.

    Args:
        share: largest share of the area, 0..1.
        draw: `draw(height, width, share, generator)` returns the rectangles.
        p: probability.
    """

    def __init__(
        self, share: float, draw: Callable[[int, int, float, np.random.Generator], Boxes], p: float = 0.5
    ) -> None:
        super().__init__(p=p)
        self._share, self._draw = share, draw

    @override
    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        height, width = params["shape"][:2]
        share = self._share * self.random_generator.uniform(LEAST, 1)
        return {"boxes": self._draw(height, width, share, self.random_generator)}

    @override
    def apply(self, img: Any, boxes: Boxes, **params: Any) -> Any:
        mean = img.mean(axis=(0, 1))
        hidden = img.copy()
        for top, left, bottom, right in boxes:
            hidden[top:bottom, left:right] = np.rint(mean) if img.dtype == np.uint8 else mean
        return hidden


def draw_grid(height: int, width: int, share: float, generator: np.random.Generator) -> Boxes:
    """Rectangles on a regular grid at a random offset (GridMask, Chen et al. 2020): two to four along the shorter side.

    The units of the grid divide the image evenly, so that those cut by its borders add up to whole ones.
    """
    count = int(generator.integers(2, 5))
    spans = []
    for length in (height, width):
        units = max(1, round(count * length / min(height, width)))
        hidden = max(1, int(length / units * share**0.5))
        offset = generator.random()
        starts = [int((unit + offset) * length // units) for unit in range(-1, units)]
        spans.append([(max(0, start), start + hidden) for start in starts if start + hidden > 0])
    return [(top, left, bottom, right) for top, bottom in spans[0] for left, right in spans[1]]


def draw_holes(height: int, width: int, share: float, generator: np.random.Generator) -> Boxes:
    """One to MOST_HOLES rectangles of about equal areas anywhere: several of Cutout's (DeVries and Taylor 2017).

    Together they have the share of the area where none overlap. Each is up to twice as high as wide, by the image's
    aspect, or the other way.
    """
    count = int(generator.integers(1, MOST_HOLES + 1))
    boxes = []
    for stretch in 2 ** generator.uniform(-0.5, 0.5, count):
        high = min(height, max(1, int(height * (share / count) ** 0.5 * stretch)))
        wide = min(width, max(1, int(width * (share / count) ** 0.5 / stretch)))
        top, left = int(generator.integers(height - high + 1)), int(generator.integers(width - wide + 1))
        boxes.append((top, left, top + high, left + wide))
    return boxes
