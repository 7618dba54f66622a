"""The whole augmentation on the device: types, labels, seeds, chances; and as many transforms as on the host."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.on_device.both import DRAWS, compiled, on_device, on_host, repeat
from tests.unit.pipeline.one_transform import EVERY, MOVING, NOTHING, draw
from trainer.config import AugmentConfig
from trainer.on_device.colours import colour, gamma, noise
from trainer.on_device.draws import Draws
from trainer.on_device.hide import hide
from trainer.on_device.moves import make_warp
from trainer.on_device.scales import blur, low_resolution, zoom_out
from trainer.pipeline.augment import BY_CHANCE

ALL: dict[str, Any] = {
    "flip_horizontal": 0.5,
    "flip_vertical": 0.5,
    "quarter_turn": 0.5,
    "crop": 1.0,
    "affine": 1.0,
    **dict.fromkeys(BY_CHANCE, 0.5),
}
SHAPE = (16, 24, 3)
MAKERS: dict[str, Callable[[AugmentConfig], Any]] = {
    "flip_horizontal": lambda config: make_warp(config, SHAPE),
    "flip_vertical": lambda config: make_warp(config, SHAPE),
    "quarter_turn": lambda config: make_warp(config, SHAPE),
    "elastic": lambda config: make_warp(config, SHAPE),
    "zoom_out": lambda config: zoom_out(config, SHAPE),
    "colour": lambda config: colour(config, 3),
    "gamma": gamma,
    "blur": lambda config: blur(config, SHAPE),
    "low_resolution": lambda config: low_resolution(config, SHAPE),
    "noise": noise,
    "hide": lambda config: hide(config, SHAPE),
}
DEVIATION = (0.25 / DRAWS) ** 0.5  # at most, of a share


@pytest.mark.parametrize("name", EVERY)
def test_every_transform_keeps_types_ranges_and_labels(name: str) -> None:
    """Images change, masks where something moves."""
    images, masks = draw(SHAPE)
    changed, moved = on_device(EVERY[name], images, masks, seed=1)
    assert_kept(changed, images, moved, masks)
    assert (changed != images).any((1, 2, 3)).mean() > 0.5  # a crop may be the whole image
    assert (moved != masks).any() == (name in MOVING)


@pytest.mark.parametrize(
    ("kind", "shape", "dtype"),
    [("grid", (16, 50, 1), np.uint8), ("holes", (33, 20, 3), np.float32), ("holes", (16, 16, 5), np.uint8)],
)
def test_all_transforms_together_take_every_image(kind: str, shape: tuple[int, int, int], dtype: Any) -> None:
    images, masks = draw(shape, 3)
    images = images.astype(dtype)
    changed, moved = on_device(ALL | {"hide_kind": kind}, images, masks)
    assert_kept(changed, images, moved, masks)


def assert_kept(changed: Any, images: Any, moved: Any, masks: Any) -> None:
    """Shapes, types, ranges and labels."""
    assert changed.shape == images.shape and moved.shape == masks.shape
    assert changed.dtype == images.dtype and moved.dtype == np.uint8
    assert changed.min() >= 0 and changed.max() <= 255
    assert set(np.unique(moved)) <= {0, 2, 255}


def test_the_same_seed_gives_the_same_batch_and_another_one_another() -> None:
    images, masks = draw(SHAPE)
    first, again, other = (on_device(ALL, images, masks, seed) for seed in (5, 5, 6))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (first[0] != other[0]).any((1, 2, 3)).all() and (first[1] != other[1]).any()


def test_each_image_has_draws_of_its_own() -> None:
    images, masks = repeat(draw((16, 24, 1), 1)[0][0])
    changed, _ = on_device({"noise": 1.0, "colour": 1.0, "geometric": 1.0, "affine": 1.0}, images, masks)
    assert len({bytes(image) for image in changed}) == DRAWS


@pytest.mark.parametrize("name", EVERY)
def test_a_transform_happens_as_often_as_on_the_host(name: str) -> None:
    """All but a quarter turn by their probability times `chance`."""
    images, masks = repeat(draw(SHAPE, 1)[0][0])
    odds = {key: 0.2 for key in BY_CHANCE if EVERY[name].get(key)} or {"quarter_turn": 0.4}
    options = EVERY[name] | odds | {"chance": 2.0}
    shares = [(run(options, images, masks, 1)[0] != images).any((1, 2, 3)).mean() for run in (on_device, on_host)]
    np.testing.assert_allclose(shares, 0.4, atol=4 * DEVIATION)


def test_transforms_happen_independently() -> None:
    """Of three, each combination in an eighth of the images."""
    image = np.zeros((8, 8, 1), np.float32)
    image[:4, :4] = 100
    changed, _ = on_device({"flip_horizontal": 0.5, "flip_vertical": 0.5, "gamma": 0.5}, *repeat(image))
    flipped = changed[:, :, 0].max((1, 2)) == 0, changed[:, 0].max((1, 2)) == 0
    found = np.stack([*flipped, changed.max((1, 2, 3)) != 100], 1)
    for combination in np.ndindex(2, 2, 2):
        assert abs((found == combination).all(1).mean() - 1 / 8) < 4 * DEVIATION


def test_fields_that_are_drawn_one_after_another_differ() -> None:
    def draw_two(seed: Any) -> Any:
        draws = Draws(seed, 3)
        return draws.normal((500,)), draws.normal((500,))

    one, other = (np.asarray(field) for field in compiled(draw_two)(np.array(0, np.int32)))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / 500**0.5


@pytest.mark.parametrize("name", MAKERS)
def test_what_never_happens_is_not_built(name: str) -> None:
    """Nor what has no range at strength 0."""
    make, options = MAKERS[name], NOTHING | {name: 0.5}
    assert make(AugmentConfig(**options))
    assert make(AugmentConfig(**NOTHING)) is None
    if name not in ("flip_horizontal", "flip_vertical", "quarter_turn", "colour"):
        assert make(AugmentConfig(**options, strength=0.0)) is None
