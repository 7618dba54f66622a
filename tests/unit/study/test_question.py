"""A question that an older version stored is completed with what made no difference then."""

from typing import Any

import pytest

from search.study import question as module
from search.study.limits import LIMITS, list_limits
from search.study.plan import load_plan
from search.study.question import SCHEMA, ask_as_before, complete_question, plan_from_question, question
from trainer.errors import InputError


@pytest.fixture
def asked() -> dict[str, Any]:
    return question(
        load_plan(None, {"model.width": 8, "data.scale": "none", "data.patch": "none"}, study={"pruner": "none"}),
        "abc",
        "tensorflow",
    )


def without(asked: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if key not in keys}


def test_a_field_that_is_missing_has_todays_default(asked: dict[str, Any]) -> None:
    old = without(asked, "schema", "train.model.gate", "study.warmup", "constraints.parameters")
    assert complete_question(old) == asked


def test_a_study_that_was_made_when_parameters_were_the_only_limit_has_no_other(asked: dict[str, Any]) -> None:
    later = [f"constraints.{limit.key}" for limit in LIMITS if limit.key != "parameters"]
    old = without(asked, *later) | {"constraints.parameters": 5000}
    assert complete_question(old) == asked | {"constraints.parameters": 5000}
    limits = list_limits(plan_from_question(complete_question(old), "mars", 3, None).constraints)
    assert [(limit.key, most) for limit, most in limits] == [("parameters", 5000)]


def test_a_field_that_is_there_keeps_its_value(asked: dict[str, Any]) -> None:
    old = asked | {"train.model.gate": "concatenated", "study.warmup": 0.5}
    assert complete_question(old) == old
    assert plan_from_question(complete_question(old), "mars", 3, None).base.model.gate == "concatenated"


def test_a_study_of_an_older_version_is_judged_by_its_mean_iou(asked: dict[str, Any]) -> None:
    plan = plan_from_question(complete_question(without(asked, "train.metric")), "mars", 3, None)
    assert plan.base.metric == plan.study.metric == "miou"


def test_an_axis_is_never_added(asked: dict[str, Any]) -> None:
    old = without(asked, "space.model.depth")
    assert "space.model.depth" not in complete_question(old)


def test_a_default_that_changed_stays_what_it_was_for_older_studies(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SCHEMA", SCHEMA + 2)
    upgrades = {
        SCHEMA + 1: lambda stored: stored | {"train.model.se_ratio": 16},
        SCHEMA + 2: lambda stored: stored | {"train.loss.weight_cap": 3.0},
    }
    monkeypatch.setattr(module, "UPGRADES", upgrades)
    old = without(asked, "train.model.se_ratio", "train.loss.weight_cap")
    completed = complete_question(old)
    assert (completed["train.model.se_ratio"], completed["train.loss.weight_cap"]) == (16, 3.0)
    assert completed["schema"] == SCHEMA + 2
    newer = old | {"schema": SCHEMA + 1}  # made between the two
    assert complete_question(newer)["train.model.se_ratio"] == asked["train.model.se_ratio"]
    assert complete_question(newer)["train.loss.weight_cap"] == 3.0


def of_schema_2(asked: dict[str, Any]) -> dict[str, Any]:
    """A question as the version before steps and averaged weights asked it."""
    new = ("budget.steps", "budget.keep", "optimizer.average", "model.max_width", "loss.weight_exponent")
    old = {"schema": 2, "train.loss.class_weights": "inverse", "train.loss.beta": 0.5, "train.budget.patience": 20}
    return without(asked, *(f"train.{path}" for path in new)) | old


def test_a_study_of_schema_2_trains_as_it_did(asked: dict[str, Any]) -> None:
    base = plan_from_question(complete_question(of_schema_2(asked)), "mars", 3, None).base
    assert (base.budget.steps, base.budget.patience, base.budget.keep) == (None, 20, "best")
    assert (base.optimizer.average, base.loss.weight_exponent, base.model.max_width) == (0.0, 1.0, 8192)


@pytest.mark.parametrize(
    ("key", "value"),
    [("loss.class_weights", {"choice": ["none", "sqrt"]}), ("loss.beta", {"float": [0.2, 0.8]})],
)
def test_an_axis_that_is_no_more_is_one_line(asked: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(
        InputError, match=rf"got one that searches space\.{key} = .*, which is no more; use the version"
    ):
        complete_question(of_schema_2(asked) | {f"space.{key}": value})


def test_an_alpha_and_beta_that_cannot_be_one_number_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"loss\.alpha and loss\.beta must add up to 1, .*; got 0\.5 and 0\.7"):
        complete_question(of_schema_2(asked) | {"train.loss.beta": 0.7})


def test_a_command_asks_an_older_study_for_what_it_does(asked: dict[str, Any]) -> None:
    stored = of_schema_2(asked)
    asked = asked | {"train.loss.weight_exponent": 1.0}
    assert ask_as_before(stored, asked) == complete_question(stored)


def test_a_value_that_is_not_todays_default_is_asked_for(asked: dict[str, Any]) -> None:
    named = asked | {"train.budget.steps": 50}
    assert ask_as_before(of_schema_2(asked), named)["train.budget.steps"] == 50


def test_a_question_of_today_is_asked_as_it_is(asked: dict[str, Any]) -> None:
    named = asked | {"train.budget.steps": 50}
    assert ask_as_before(named, asked) == ask_as_before(None, asked) == asked


@pytest.mark.parametrize("key", ["train.model.magic", "study.mood", "constraints.watts"])
def test_a_field_that_is_no_more_is_one_line(asked: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=rf"fixes {key} = 3, which is no more; use the version that made it"):
        complete_question(asked | {key: 3})


@pytest.mark.parametrize("schema", [SCHEMA + 1, "new"])
def test_a_newer_versions_question_is_refused(asked: dict[str, Any], schema: object) -> None:
    with pytest.raises(InputError, match="install a newer unet-search"):
        complete_question(asked | {"schema": schema})


def test_a_study_of_schema_4_begins_anywhere_in_its_space(asked: dict[str, Any]) -> None:
    stored = without(asked, "study.near_base") | {"schema": 4}
    assert asked["study.near_base"] > 0 == complete_question(stored)["study.near_base"]
    assert ask_as_before(stored, asked)["study.near_base"] == 0


def test_a_study_of_schema_5_prunes_by_the_median_and_halves_by_3(asked: dict[str, Any]) -> None:
    defaults = {"study.pruner": "halving", "study.reduction_factor": 2}
    stored = without(asked, "study.reduction_factor") | {"schema": 5, "study.pruner": "median"}
    before = {"study.pruner": "median", "study.reduction_factor": 3}
    assert ask_as_before(stored, asked | defaults) == asked | before
    assert complete_question(without(stored, "study.pruner")) == complete_question(stored)


def test_a_study_of_schema_3_keeps_the_default_that_it_had(asked: dict[str, Any]) -> None:
    stored = asked | {"schema": 3, "train.model.dropout": 0.1, "train.optimizer.learning_rate": 0.002}
    assert ask_as_before(stored, asked) == asked | {
        "train.model.dropout": 0.1,
        "train.optimizer.learning_rate": 0.002,
    }
    other = stored | {"train.budget.steps": 500}  # which is none of those that schema 4 changed
    assert ask_as_before(other, asked)["train.budget.steps"] == asked["train.budget.steps"]
