"""Draws near the base configuration."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler

from search.space.axis import contains
from search.space.default import default_space
from search.space.space import draw
from search.study.nearby import NearbySampler, make_startup
from search.study.plan import load_plan
from search.study.sampler import SeededSampler
from search.study.warmstart import default_start
from trainer.config import TrainConfig

BASE = TrainConfig()
SPACE = default_space(BASE)
START = default_start(BASE, SPACE).values
AXES: dict[str, tuple[BaseDistribution, Any]] = {
    "choice": (CategoricalDistribution(["a", "b", "c", "d"]), "b"),
    "int": (IntDistribution(0, 100), 50),
    "steps": (IntDistribution(0, 100, step=10), 50),
    "log": (FloatDistribution(1e-4, 1e-2, log=True), 1e-3),
}


def sample(chance: float, count: int = 400, base: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    axes = {name: axis for name, (axis, _) in AXES.items()}
    values = {name: value for name, (_, value) in AXES.items()} if base is None else base
    study = optuna.create_study(sampler=NearbySampler(0, values, chance))
    return [study.ask(axes).params for _ in range(count)]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_a_choice_is_the_bases_as_often_as_the_chance_says(chance: float) -> None:
    share = sum(drawn["choice"] == "b" for drawn in sample(chance)) / 400
    assert share == pytest.approx(chance + (1 - chance) / 4, abs=0.08)


def test_numbers_are_around_the_bases_and_on_their_steps() -> None:
    drawn = sample(1.0)
    for name, spread in (("int", 15.0), ("steps", 15.0)):
        values = [one[name] for one in drawn]
        assert sum(values) / 400 == pytest.approx(50, abs=4)
        assert math.sqrt(sum((value - 50) ** 2 for value in values) / 400) == pytest.approx(spread, rel=0.2)
    assert {one["steps"] % 10 for one in drawn} == {0}
    logs = [math.log10(one["log"]) for one in drawn]
    assert sum(logs) / 400 == pytest.approx(-3, abs=0.08)


def test_an_axis_of_which_the_base_has_no_value_is_drawn_from_its_whole_range() -> None:
    assert len({drawn["choice"] for drawn in sample(1.0, base={})}) == 4


def test_what_is_drawn_is_in_the_default_space() -> None:
    study = optuna.create_study(sampler=SeededSampler(0, startup=NearbySampler(0, START, 0.5)))
    axes = {axis.path: axis for axis in SPACE.axes}
    for _ in range(200):
        for path, value in draw(study.ask(), SPACE, BASE).items():
            assert contains(axes[path], value)


def test_a_small_space_is_drawn_from_as_a_whole(tmp_path: Path) -> None:
    choices = {f'"model.{name}" = {{ choice = [true, false] }}' for name in ("se", "attention", "residual")}
    for axes, chance in ((choices, 0.0), (choices | {'"augment.cutmix" = { float = [0, 0.5] }'}, 0.5)):
        file = tmp_path / "search.toml"
        file.write_text("\n".join(["[space]", *axes]))
        assert make_startup(load_plan(file, data=tmp_path))._chance == chance


def test_without_a_chance_the_draws_are_those_of_a_random_sampler() -> None:
    plain, none = (
        optuna.create_study(sampler=sampler) for sampler in (RandomSampler(seed=0), NearbySampler(0, START, 0.0))
    )
    assert [draw(plain.ask(), SPACE, BASE) for _ in range(3)] == [draw(none.ask(), SPACE, BASE) for _ in range(3)]


def test_a_restarted_search_begins_as_it_would_have() -> None:
    def make() -> SeededSampler:
        return SeededSampler(0, startup=NearbySampler(0, START, 0.5))

    whole, halves = (optuna.create_study(sampler=make()) for _ in range(2))
    first = [draw(halves.ask(), SPACE, BASE) for _ in range(3)]
    halves.sampler = make()
    assert [draw(whole.ask(), SPACE, BASE) for _ in range(6)] == first + [
        draw(halves.ask(), SPACE, BASE) for _ in range(3)
    ]
