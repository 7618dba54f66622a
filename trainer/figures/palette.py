"""The colours of classes in every picture."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Pixels

# Okabe and Ito (2008), told apart by colour-blind readers too; black is kept for what is ignored.
_COLOURS = (
    (230, 159, 0),
    (0, 114, 178),
    (240, 228, 66),
    (204, 121, 167),
    (0, 158, 115),
    (86, 180, 233),
    (213, 94, 0),
)
IGNORED = (40, 40, 40)


def class_colours(classes: int, ignore: int | None) -> Pixels:
    """RGB of each class, (classes, 3); the ignored class is dark grey."""
    scored = [label for label in range(classes) if label != ignore]
    colours = np.full((classes, 3), IGNORED, np.uint8)
    for place, label in enumerate(scored):
        colours[label] = _colour(place)
    return colours


def paint(masks: NDArray[np.integer], classes: int, ignore: int | None) -> Pixels:
    """Masks (..., H, W) as RGB pictures (..., H, W, 3); a label that is no class is dark grey."""
    table = np.full((256, 3), IGNORED, np.uint8)
    table[:classes] = class_colours(classes, ignore)
    return np.asarray(table[masks], np.uint8)


def _colour(place: int) -> tuple[int, int, int]:
    """The place-th colour; past the list the same hues come back darker, never down to the ignored grey."""
    red, green, blue = _COLOURS[place % len(_COLOURS)]
    shade = 1 / (1 + 0.35 * (place // len(_COLOURS) % 4))
    return round(red * shade), round(green * shade), round(blue * shade)
