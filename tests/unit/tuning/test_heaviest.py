"""The configuration of a search that takes the most memory."""

import typing
from typing import Any

import pytest

from search.space.default import default_space
from search.space.parse import parse_space
from search.tuning.heaviest import RANKED, find_heaviest
from trainer.config import ModelConfig, TrainConfig
from trainer.configfile import flatten, override

NO_MATTER = {"model.activation", "model.dropout_at"}  # words that do not decide the memory


def find(space: dict[str, Any], **base: Any) -> dict[str, Any]:
    changes = {path.replace("__", "."): value for path, value in base.items()}
    config = override(TrainConfig(), changes)
    return flatten(find_heaviest(config, parse_space(space, config)))


def test_the_default_search_is_at_its_upper_bounds() -> None:
    found = flatten(find_heaviest(TrainConfig(), default_space(TrainConfig())))
    dearest = {"depth": 4, "width": 64, "stem": 1, "norm": "instance", "se": True, "attention": True}
    assert {key: found[f"model.{key}"] for key in dearest} == dearest
    usual = flatten(TrainConfig())
    others = ("optimizer.learning_rate", "augment.strength", "data.oversample", "loss.name")
    assert {path: found[path] for path in others} == {path: usual[path] for path in others}


@pytest.mark.parametrize(
    ("path", "axis", "dearest"),
    [
        ("optimizer.batch_size", {"int": [4, 64], "log": True}, 64),
        ("model.se_ratio", {"choice": [4, 8, 16]}, 4),
        ("model.narrow", {"choice": [True, False]}, False),
        ("model.precision", {"choice": ["float32", "mixed_bfloat16"]}, "float32"),
        ("model.activation", {"choice": ["relu", "leaky_relu"]}, "relu"),
    ],
)
def test_the_dearest_value_of_an_axis(path: str, axis: dict[str, Any], dearest: object) -> None:
    assert find({path: axis})[path] == dearest


def test_an_axis_counts_where_it_applies() -> None:
    space = {
        "model.fusion": {"choice": ["none", "weighted"]},
        "model.coarse_depth": {"int": [1, 3], "when": {"model.fusion": ["weighted"]}},
        "model.se_ratio": {"choice": [2, 4], "when": {"model.fusion": ["none"]}},
    }
    found = find(space)
    assert (found["model.fusion"], found["model.coarse_depth"], found["model.se_ratio"]) == ("weighted", 3, 8)


def test_every_word_of_a_network_has_its_rank() -> None:
    words = {
        f"model.{name}": set(typing.get_args(field.annotation))
        for name, field in ModelConfig.model_fields.items()
        if any(isinstance(value, str) for value in typing.get_args(field.annotation))
    }
    assert {path: set(ranks) for path, ranks in RANKED.items()} | {path: words[path] for path in NO_MATTER} == words
