"""The space: its table, the values that are drawn, and its size."""

import tomllib
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.trial import FixedTrial

from search.space.axis import axis_table
from search.space.parse import fix_axes, parse_space
from search.space.space import (
    Space,
    configure,
    digest,
    draw,
    enumerate_values,
    space_size,
    space_tables,
    trial_seed,
    without_axes,
)
from search.study.sampler import SeededSampler
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.errors import InputError

BASE = TrainConfig()
CONDITIONAL = """
"loss.name" = { choice = ["dice", "focal", "focal_tversky"] }
"loss.gamma" = { int = [1, 4], when = { "loss.name" = ["focal", "focal_tversky"] } }
"loss.alpha" = { float = [0.2, 0.8], step = 0.2, when = { "loss.name" = ["focal_tversky"] } }
"""


def space(text: str, base: TrainConfig = BASE) -> Space:
    return parse_space(tomllib.loads(text), base)


def test_a_space_parsed_from_its_tables_is_the_same() -> None:
    found = space(CONDITIONAL)
    assert parse_space(space_tables(found), BASE) == found


def test_an_axis_follows_those_that_it_depends_on() -> None:
    assert [axis.path for axis in space(CONDITIONAL).axes] == ["loss.name", "loss.alpha", "loss.gamma"]


def test_a_path_without_quotes_is_the_same_axis() -> None:
    assert space("model.depth = { int = [2, 4] }") == space('"model.depth" = { int = [2, 4] }')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"model.dept" = { int = [1, 2] }', "[space] a path must be one of the configuration's; got 'model.dept'; did"),
        ('"model.depth" = { int = [4, 2] }', "[space] model.depth: low must not be above high; got [4, 2]"),
        ('"model.depth" = { int = [2, 9] }', "[space] model.depth: must be less than or equal to 5; got 6"),
        ('"model.depth" = { int = [2, 4.5] }', "[space] model.depth: int must be two whole numbers, [low, high]; got"),
        ('"model.depth" = { float = [2, 4] }', "[space] model.depth: "),
        ('"model.l2" = { float = [0, 1], log = true }', "[space] model.l2: a logarithmic axis must start above 0; got"),
        ('"model.l2" = { float = [0, 1], stp = 1 }', "[space] model.l2: unknown key 'stp'; did you mean 'step'?"),
        ('"model.l2" = { float = [0, 1], step = 0.3 }', "[space] model.l2: high must be low plus a number of steps"),
        ('"model.norm" = { choice = [] }', "[space] model.norm: choice must be a list of at least one value; got []"),
        ('"model.norm" = { choice = ["bach"] }', "[space] model.norm: must be 'none', 'batch', 'layer', "),
        ('"augment.strength" = { choice = [1, 1.0] }', "[space] augment.strength: choices must differ; got [1, 1.0]"),
        ('"model.norm" = ["batch"]', "[space] model.norm: an axis must be a table such as { int = [2, 5] }; got"),
        ('"model.norm" = { }', "[space] model.norm: an axis must have one of int, float, choice; got {}"),
        ('"data.resize" = { choice = ["none"] }', "[space] only data.oversample and data.oversample_class of the data"),
        ('"budget.epochs" = { int = [1, 9] }', "[space] budget.epochs must be the same for every trial; fix it in"),
        ('"budget.steps" = { int = [1, 9] }', "[space] budget.steps must be the same for every trial; fix it in"),
        ('"seed" = { int = [1, 9] }', "[space] seed must be the same for every trial"),
        ('"loss.gamma" = { int = [1, 2], when = { "loss.nam" = ["focal"] } }', "[space] loss.gamma: when: a path must"),
        ('"loss.gamma" = { int = [1, 2], when = { "loss.name" = ["focall"] } }', "[space] loss.name: must be 'cross_"),
        (
            '"loss.gamma" = { int = [1, 2], when = { "loss.name" = ["focal"] } }',
            "[space] loss.gamma: when must be able",
        ),
        (
            CONDITIONAL + '"loss.mix" = { float = [0.1, 0.2], when = { "loss.name" = ["dice_focal"] } }',
            "[space] loss.mix: when loss.name must be one of its axis's values; got 'dice_focal'",
        ),
        (
            '"model.se" = { choice = [true, false], when = { "model.residual" = [true] } }\n'
            '"model.residual" = { choice = [true, false], when = { "model.se" = [true] } }',
            "[space] when must not go in a circle; got model.residual and model.se",
        ),
    ],
)
def test_a_faulty_axis_gets_one_line(text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        space(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_only_axes_that_apply_are_drawn() -> None:
    assert draw(FixedTrial({"loss.name": "dice"}), space(CONDITIONAL), BASE) == {"loss.name": "dice"}
    values = {"loss.name": "focal", "loss.gamma": 3}
    assert draw(FixedTrial(values), space(CONDITIONAL), BASE) == values


def test_the_size_counts_only_axes_that_apply() -> None:
    assert space_size(space(CONDITIONAL), BASE) == 1 + 4 + 4 * 4


def test_the_values_are_as_many_as_the_size_and_all_different() -> None:
    found = space(CONDITIONAL)
    digests = {digest(configure(BASE, values, 0)) for values in enumerate_values(found, BASE)}
    assert len(digests) == space_size(found, BASE)


def test_a_float_without_steps_has_no_size() -> None:
    assert space_size(space('"model.l2" = { float = [0, 1] }'), BASE) is None


def test_steps_give_round_values() -> None:
    found = space('"model.dropout" = { float = [0.0, 0.4], step = 0.1 }')
    listed = [values["model.dropout"] for values in enumerate_values(found, BASE)]
    assert listed == [0.0, 0.1, 0.2, 0.3, 0.4]
    study = optuna.create_study(sampler=SeededSampler(0))
    assert {draw(study.ask(), found, BASE)["model.dropout"] for _ in range(30)} <= set(listed)


def test_fixing_an_axis_removes_those_that_no_longer_apply() -> None:
    base = override(BASE, {"loss.name": "dice"})
    assert fix_axes(space(CONDITIONAL), {"loss.name"}, base).axes == ()
    base = override(BASE, {"loss.name": "focal"})
    assert [axis.path for axis in fix_axes(space(CONDITIONAL), {"loss.name"}, base).axes] == ["loss.gamma"]


@pytest.mark.parametrize(
    ("changes", "same"),
    [({"seed": 5}, True), ({"data.path": "elsewhere.npz"}, True), ({"model.depth": 2}, False)],
)
def test_the_digest_ignores_the_seed_and_the_path_of_the_data(changes: Mapping[str, Any], same: bool) -> None:
    assert (digest(override(BASE, changes)) == digest(BASE)) == same


def test_seeds_differ_between_trials_and_are_reproducible() -> None:
    assert len({trial_seed(0, "mars", number) for number in range(1000)}) == 1000
    assert trial_seed(3, "mars", 7) == trial_seed(3, "mars", 7) != trial_seed(4, "mars", 7)


def test_seeds_differ_between_data() -> None:
    assert trial_seed(3, "mars", 7) != trial_seed(3, "moon", 7)


def test_an_axis_that_is_left_out_has_the_bases_value() -> None:
    found = without_axes(space(CONDITIONAL), ["loss.name"])
    base = override(BASE, {"loss.name": "lovasz"})
    assert draw(FixedTrial({}), found, base) == {}
    assert configure(base, {}, 0).loss.name == "lovasz"


def test_the_table_of_an_axis_is_that_which_was_parsed() -> None:
    text = '"model.width" = { int = [4, 64], log = true, when = { "model.depth" = [3] } }'
    (axis,) = space(text).axes
    assert axis_table(axis) == tomllib.loads(text)["model.width"]
