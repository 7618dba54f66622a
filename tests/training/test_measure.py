"""A training without an end, whose steps can be timed."""

import pytest

from tests.data_sets import TINY, make_dataset
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.training import fit
from trainer.training.measure import count_training_steps, steps_between_waits, train_until


def test_it_trains_beyond_its_budget_without_a_validation_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("nothing is validated")

    monkeypatch.setattr(fit, "make_validate", lambda *_: refuse)
    config, asked = override(TrainConfig(), TINY | {"budget.steps": 4, "budget.epochs": 2}), 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 30

    train_until(config, make_dataset(), should_stop)
    assert asked == 31
    assert count_training_steps(config, make_dataset()) == 4
    assert steps_between_waits() == 1  # on a CPU
