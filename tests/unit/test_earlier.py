"""Configurations that earlier versions wrote are read as what they meant then."""

from typing import Any

import pytest

from trainer.config import TrainConfig
from trainer.configfile import parse_config
from trainer.errors import InputError

# The fields of a whole configuration that later versions renamed or gave another default.
WHOLE: dict[str, Any] = {
    "loss": {"class_weights": "inverse", "alpha": 0.3, "beta": 0.7},
    "augment": {"mode": "dynamic", "paste": 0.25, "cutmix": 0.5},
    "optimizer": {"learning_rate": 1e-3},
    "budget": {"epochs": 40, "patience": 20},
}


@pytest.mark.parametrize(("weights", "exponent"), [("none", 0.0), ("sqrt", 0.5), ("inverse", 1.0)])
def test_class_weights_are_an_exponent(weights: str, exponent: float) -> None:
    assert parse_config({"loss": {"class_weights": weights}}).loss.weight_exponent == exponent


def test_a_few_fields_that_a_person_wrote_change_nothing_else() -> None:
    tables = {"loss": {"class_weights": "sqrt"}, "augment": {"cutmix": 0.5}, "budget": {"patience": 5}}
    found = parse_config(tables)
    expected = TrainConfig.model_validate({"augment": {"cutmix": 0.5}, "budget": {"patience": 5}})
    assert found == expected


def test_a_whole_configuration_trains_as_it_did() -> None:
    found = parse_config(WHOLE)
    assert (found.loss.weight_exponent, found.loss.alpha) == (1.0, 0.3)
    assert (found.budget.steps, found.budget.epochs, found.budget.patience, found.budget.keep) == (None, 40, 20, "best")
    assert (found.optimizer.average, found.model.max_width) == (0.0, 8192)
    assert (found.augment.cutmix, found.augment.cutmix_class, found.augment.cutmix_sides[1]) == (0.5, True, 1.0)


def test_without_transforms_nothing_was_pasted_either() -> None:
    augment = parse_config(WHOLE | {"augment": {**WHOLE["augment"], "mode": "none"}}).augment
    assert (augment.paste, augment.cutmix) == (0.0, 0.0)


def test_todays_configuration_stays_as_it_is() -> None:
    tables = TrainConfig().model_dump(mode="json")
    assert parse_config(tables) == TrainConfig()


def test_tables_are_not_changed_in_place() -> None:
    parse_config(WHOLE)
    assert WHOLE["loss"]["class_weights"] == "inverse" and "steps" not in WHOLE["budget"]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ({"alpha": 0.3, "beta": 0.3}, r"loss\.alpha and loss\.beta must add up to 1, .*; got 0\.3 and 0\.3; train"),
        ({"alpha": "much", "beta": 0.3}, "got 'much' and 0.3"),
        ({"class_weights": "cubic"}, r"loss\.class_weights must be one of none, sqrt, inverse, .*; got 'cubic'"),
        ({"class_weights": []}, r"got \[\]"),
        ({"class_weights": "none", "weight_exponent": 0.5}, r"without loss\.weight_exponent beside it"),
    ],
)
def test_what_cannot_be_had_any_more_is_one_line(loss: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        parse_config({"loss": loss})
    assert "\n" not in str(caught.value)
