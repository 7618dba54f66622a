"""How many steps a training has, and which trainings are bound to fail."""

from typing import Any

import pytest

from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.pipeline.budget import count_steps, warn_of_failure


def config(**changes: Any) -> TrainConfig:
    return override(TrainConfig(), {name.replace("__", "."): value for name, value in changes.items()})


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"budget__steps": 500}, 500),
        ({"budget__steps": 5, "budget__epochs": 10}, 10),
        ({"budget__steps": "none", "budget__epochs": 10}, 10 * 4),
        ({"budget__steps": "none", "budget__epochs": 10, "budget__images": 33}, 10 * 2),
    ],
)
def test_steps_come_from_the_budget(changes: dict[str, Any], steps: int) -> None:
    assert count_steps(config(optimizer__batch_size=32, **changes), 100) == steps


def test_the_default_on_enough_images_is_not_warned_of() -> None:
    assert warn_of_failure(TrainConfig(), 2000) == []


def test_few_steps_and_large_batches_are_warned_of() -> None:
    few = config(budget__steps="none", budget__epochs=5, optimizer__batch_size=32)
    steps, size = warn_of_failure(few, 20)
    assert steps == "a training needs 200 steps or more to learn; got 5; raise budget.epochs"
    assert "got batches of 32 and 20 training images" in size
    assert warn_of_failure(config(budget__steps=150), 1000) == [
        "a training needs 200 steps or more to learn; got 150; raise budget.steps"
    ]
