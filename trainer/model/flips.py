"""Mirrored views of a window, whose predictions are averaged: test-time augmentation. NumPy only."""

from typing import Any, Literal

from numpy.typing import NDArray

from trainer.model.windows import Grid

Flips = Literal["none", "horizontal", "vertical", "both"]
Steps = tuple[Literal[1, -1], Literal[1, -1]]  # along rows and columns; -1 mirrors

VIEWS: dict[Flips, tuple[Steps, ...]] = {
    "none": ((1, 1),),
    "horizontal": ((1, 1), (1, -1)),
    "vertical": ((1, 1), (-1, 1)),
    "both": ((1, 1), (1, -1), (-1, 1), (-1, -1)),
}


def flip_window(values: NDArray[Any], grid: Grid, steps: Steps) -> NDArray[Any]:
    """A window (h, w, ...) mirrored, or mirrored back.

    Only what lies in the image is: so the padding of a small image stays at the bottom and right, where the network
    has always seen it.
    """
    if steps == (1, 1):
        return values
    rows, columns = min(grid.side[0], grid.height), min(grid.side[1], grid.width)
    flipped = values.copy()
    flipped[:rows, :columns] = values[:rows, :columns][:: steps[0], :: steps[1]]
    return flipped
