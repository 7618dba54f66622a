"""Rectangles of an image that become its mean, as in `trainer/pipeline/hide.py`: GridMask and coarse dropout."""

from keras import ops

from trainer.config import AugmentConfig
from trainer.on_device.draws import Draws, ImageChange, Tensor, for_pixels
from trainer.on_device.sampling import pixel_places
from trainer.pipeline.appearance import LEAST
from trainer.pipeline.hide import MOST_HOLES

FEWEST_UNITS, MOST_UNITS = 2, 4  # of a grid, along the shorter side


def hide(config: AugmentConfig, shape: tuple[int, int, int]) -> ImageChange | None:
    """Rectangles that hide a random share of the area."""
    largest = min(0.9, config.hide_share * config.strength)
    if not (config.hide and largest):
        return None
    draw = {"grid": hide_grid, "holes": hide_holes}[config.hide_kind]

    def change(images: Tensor, draws: Draws) -> Tensor:
        happens, share = draws.happens(config.hide), draws.uniform(LEAST * largest, largest)
        hidden = ops.logical_and(happens, draw(shape[0], shape[1], share, draws))
        return ops.where(for_pixels(hidden), ops.mean(images, axis=(1, 2), keepdims=True), images)

    return change


def hide_grid(height: int, width: int, share: Tensor, draws: Draws) -> Tensor:
    """Which pixels, (B, H, W), lie in rectangles on a regular grid at a random offset."""
    count = draws.whole(FEWEST_UNITS, MOST_UNITS)
    rows, columns = (
        _in_units(length, axis, ops.maximum(ops.round(count * length / min(height, width)), 1.0), share, draws)
        for axis, length in ((1, height), (2, width))
    )
    return ops.logical_and(rows, columns)


def _in_units(length: int, axis: int, units: Tensor, share: Tensor, draws: Draws) -> Tensor:
    """Which pixels of one side lie in the hidden beginning of one of its units, each of `length` / `units` pixels."""
    unit, pixels = length / units, pixel_places(length, axis)
    hidden = ops.maximum(ops.floor(unit * ops.sqrt(share)), 1.0)
    offset = draws.uniform()
    last = ops.floor((pixels + 1) / unit - offset)  # begins with a pixel, or just behind it
    starts = [ops.floor((number + offset) * unit) for number in (last - 1, last)]
    inside = [ops.logical_and(start <= pixels, pixels < start + hidden) for start in starts]
    return ops.logical_or(*inside)


def hide_holes(height: int, width: int, share: Tensor, draws: Draws) -> Tensor:
    """Which pixels, (B, H, W), lie in one of 1 to MOST_HOLES rectangles of about equal areas anywhere."""
    count = draws.whole(1, MOST_HOLES)
    side = ops.sqrt(share / count)
    hidden = False
    for number in range(MOST_HOLES):
        stretch = 2 ** draws.uniform(-0.5, 0.5)
        rows = _in_span(height, 1, height * side * stretch, draws)
        columns = _in_span(width, 2, width * side / stretch, draws)
        hole = ops.logical_and(ops.logical_and(rows, columns), number < count)
        hidden = ops.logical_or(hidden, hole)
    return hidden


def _in_span(length: int, axis: int, span: Tensor, draws: Draws) -> Tensor:
    """Which pixels of one side lie in so many of it, in a row, of which the first is drawn."""
    whole = ops.clip(ops.floor(span), 1.0, float(length))
    first, pixels = draws.whole(0.0, length - whole), pixel_places(length, axis)
    return ops.logical_and(first <= pixels, pixels < first + whole)
