"""The default spaces of a GPU and of a CPU: what is in them, and what a drawn network costs."""

import optuna
import pytest

from search.space.axis import contains
from search.space.default import Device, default_space, default_values, describe_space
from search.space.space import Space, applies, configure, draw
from search.study.sampler import SeededSampler
from search.study.warmstart import default_start
from trainer.config import ModelConfig, TrainConfig
from trainer.configfile import flatten, override

BASE = TrainConfig()
DEVICES: tuple[Device, ...] = ("cpu", "gpu")
CARD = {"model.depth", "model.norm", "model.se", "model.attention", "loss.name", "data.oversample"}
MOST_WORK = 1.5  # of a network of the CPU's space, as a multiple of the default's


def draws(space: Space, count: int) -> list[TrainConfig]:
    study = optuna.create_study(sampler=SeededSampler(0))
    return [configure(BASE, draw(study.ask(), space, BASE), 0) for _ in range(count)]


def count_work(config: ModelConfig) -> float:
    """Multiply-adds of the 3x3 convolutions of a U-Net, for each pixel of the image, in a unit of its own.

    Each level of the encoder and the decoder has two, and a quarter of the pixels of the level above; the decoder's
    first one takes the skip, too. Gates and projections are 1x1, a ninth of a convolution each.
    """
    work = 0.0
    for level in range(config.depth + 1):
        filters, pixels = min(config.max_width, config.width * 2**level), 1 / 4 ** (level + config.stem - 1)
        inner = filters * filters * pixels
        work += inner * (1.5 + 1 / 9)  # two convolutions, of which the first takes half the channels
        if level < config.depth:
            work += inner * (3 + 1 / 9 + (3 / 9 if config.attention else 0))
    return work


@pytest.mark.parametrize("device", DEVICES)
def test_every_axis_is_a_path_of_the_configuration(device: Device) -> None:
    assert {axis.path for axis in default_space(BASE, device=device).axes} <= set(flatten(BASE))


@pytest.mark.parametrize("device", DEVICES)
def test_every_draw_is_a_configuration(device: Device) -> None:
    found = draws(default_space(BASE, device=device), 200)
    assert {config.loss.name for config in found} == {"cross_entropy", "dice_ce", "lovasz_ce", "focal_tversky"}


@pytest.mark.parametrize("device", DEVICES)
def test_the_axes_of_the_card_are_searched(device: Device) -> None:
    assert {axis.path for axis in default_space(BASE, device=device).axes} >= CARD


@pytest.mark.parametrize("device", DEVICES)
def test_the_space_holds_the_default(device: Device) -> None:
    assert default_start(BASE, default_space(BASE, device=device)).outside == {}


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_are_no_choices(device: Device) -> None:
    chosen = [axis for axis in default_space(BASE, device=device).axes if axis.kind == "choice"]
    numbers = {axis.path for axis in chosen if not isinstance(axis.choices[0], bool | str)}
    assert numbers <= {"model.stem"}  # two networks rather than two sizes


def test_no_network_of_the_cpu_takes_much_more_than_the_default() -> None:
    found = [count_work(config.model) for config in draws(default_space(BASE, device="cpu"), 1000)]
    assert max(found) <= MOST_WORK * count_work(BASE.model)


def test_a_gpu_is_given_wider_networks() -> None:
    found = [count_work(config.model) for config in draws(default_space(BASE, device="gpu"), 200)]
    assert max(found) > 10 * count_work(BASE.model)


def test_every_cpu_value_is_drawn_on_a_gpu_too() -> None:
    wide = {axis.path: axis for axis in default_space(BASE).axes}
    for config in draws(default_space(BASE, device="cpu"), 200):
        values = flatten(config)
        assert all(contains(axis, values[axis.path]) for axis in wide.values() if applies(axis, values))


def test_a_base_of_full_resolution_gets_half_of_it_on_a_cpu() -> None:
    base = override(BASE, {"model.stem": 1})
    axis = default_space(base, device="cpu").axis("model.stem")
    assert axis is not None and axis.choices == (2,)
    assert default_space(BASE, device="cpu").axis("model.stem") is None


def test_the_values_of_a_cpu_are_a_configuration_with_a_smaller_budget() -> None:
    steps = override(BASE, default_values("cpu")).budget.steps
    assert steps is not None and BASE.budget.steps is not None and steps < BASE.budget.steps
    assert default_values("gpu") == {}


def test_the_difference_is_said() -> None:
    assert describe_space("cpu", (), default_values("cpu")) == (
        "the default space for a CPU: model.stem 2, model.width 8 to 16, budget.steps 1000; "
        "--space gpu for wider networks"
    )
    assert describe_space("gpu", (), {}) == (
        "the default space for a GPU: model.stem 1 or 2, model.width 8 to 64; --space cpu for what a CPU trains in "
        "minutes"
    )


def test_nothing_is_said_of_what_the_user_fixed() -> None:
    assert describe_space("cpu", {"model.width", "model.stem"}, {}) is None
