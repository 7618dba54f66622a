"""The colours of the classes in all pictures."""

import numpy as np
from numpy.typing import NDArray

from trainer.data.pixels import Pixels

# Okabe and Ito (2008), distinguishable for colour-blind readers; without their black, for ignored pixels are dark.
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
    """RGB colours of the classes, (classes, 3), 0..255; the ignored class is dark grey."""
    scored = [label for label in range(classes) if label != ignore]
    colours = np.full((classes, 3), IGNORED, np.uint8)
    for index, label in enumerate(scored):
        colours[label] = _colour(index)
    return colours


def paint(masks: NDArray[np.integer], classes: int, ignore: int | None) -> Pixels:
    """Masks (..., H, W) as RGB pictures (..., H, W, 3); labels that are no class are dark grey."""
    table = np.full((256, 3), IGNORED, np.uint8)
    table[:classes] = class_colours(classes, ignore)
    return np.asarray(table[masks], np.uint8)


def _colour(index: int) -> tuple[int, int, int]:
    """The colour at an index; after the last colour, the same hues follow, darker but above the ignored grey."""
    red, green, blue = _COLOURS[index % len(_COLOURS)]
    shade = 1 / (1 + 0.35 * (index // len(_COLOURS) % 4))
    return round(red * shade), round(green * shade), round(blue * shade)
