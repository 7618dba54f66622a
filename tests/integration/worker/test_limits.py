"""Trials under limits: what is measured, when, and what becomes of those beyond. The trainer is a fake one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.study.export import find_trial
from search.study.plan import load_plan
from search.worker import limits
from search.worker.assignment import Assignment
from search.worker.context import Context
from search.worker.heartbeat import Heartbeat
from search.worker.held_trial import HeldTrial
from search.worker.trial import run_trial
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from tests import fake_train
from tests.data_sets import make_dataset
from tests.integration.worker.conftest import FIRST, SECOND, Hold
from trainer.config import TrainConfig
from trainer.configfile import override
from trainer.cost import Size, Speed

CONFIG = override(TrainConfig(), {"budget.epochs": 2, "model.depth": 2, "data.classes": 3, "data.ignore": 0})


@dataclass
class Measured:
    """The trainer's figures, and how often it was asked for each."""

    size: Size
    speed: Speed
    asked: list[str] = field(default_factory=list)

    def measure_size(self, config: TrainConfig, dataset: Any, fitted: Any = None) -> Size:
        self.asked.append("size after training" if fitted else "size")
        return self.size

    def measure_speed(self, config: TrainConfig, dataset: Any, fitted: Any = None) -> Speed:
        self.asked.append("speed after training" if fitted else "speed")
        return self.speed


@pytest.fixture
def measured() -> Measured:
    return Measured(Size(1000, 2.0), Speed(5.0, 1.0))


Run = Callable[..., FrozenTrial]


@pytest.fixture(autouse=True)
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEAST_TRAINING_S", 0.0)  # a fake training is short


@pytest.fixture
def run(db: Database, hold: Hold, study: optuna.Study, artifacts: Artifacts, measured: Measured, tmp_path: Path) -> Run:
    """`run(constraints, held)` trains a trial, by default a new one, under these lines of [constraints] to its end."""

    def run_to_end(constraints: str = "", held: HeldTrial | None = None) -> FrozenTrial:
        (path := tmp_path / "search.toml").write_text(f"study = {{ name = 'mars' }}\n[constraints]\n{constraints}")
        plan: Any = SimpleNamespace(plan=replace(load_plan(path), base=CONFIG), study_id=study._study_id)
        trainer = replace(
            fake_train.make_trainer(), measure_size=measured.measure_size, measure_speed=measured.measure_speed
        )
        context = Context(db, plan, make_dataset(), artifacts, trainer, FIRST, "host:0", "cpu", Heartbeat(None))
        held = held or hold()
        held.tell(run_trial(Assignment(context, held, CONFIG, threading.Event())))
        held.close()
        return study.get_trials()[held.number]

    return run_to_end


@pytest.mark.parametrize(
    ("limit", "message", "excess"),
    [
        ("parameters = 800", "parameters must be at most 800; got 1000", 0.25),
        ("memory_mib = 1.6", "MiB of memory must be at most 1.6; got 2", 0.25),
        ("ms_per_image = 4", "milliseconds an image must be at most 4; got 5", 0.25),
        ("ms_per_image_batched = 0.8", "milliseconds an image of a batch must be at most 0.8; got 1", 0.25),
    ],
)
def test_a_trial_beyond_a_limit_is_pruned_untrained(run: Run, limit: str, message: str, excess: float) -> None:
    trial, key = run(limit), limit.split()[0]
    assert trial.state == TrialState.PRUNED and not trial.intermediate_values
    assert (trial.user_attrs["cause"], trial.user_attrs["message"]) == (key, message)
    assert trial.constraints == {key: pytest.approx(excess)}


def test_what_is_beyond_a_limit_is_never_exported(run: Run, study: optuna.Study, measured: Measured) -> None:
    measured.speed = Speed(3.0, 1.0)
    within = run("ms_per_image = 4")
    assert (within.state, within.constraints) == (TrialState.COMPLETE, {"ms_per_image": -0.25})
    measured.speed = Speed(5.0, 1.0)
    assert run("ms_per_image = 4").state == TrialState.PRUNED
    assert find_trial(study, None).number == within.number


def test_the_sampler_hears_of_every_limit_that_was_judged(run: Run) -> None:
    trial = run("parameters = 500\nmemory_mib = 4\nms_per_image = 10")
    assert trial.constraints == {"parameters": 1.0, "memory_mib": -0.5}
    assert trial.user_attrs["cause"] == "parameters"


def test_a_network_that_is_too_large_is_not_timed(run: Run, measured: Measured) -> None:
    run("parameters = 500\nms_per_image = 10")
    assert measured.asked == ["size"]


def test_without_a_limit_a_complete_trial_has_its_costs(run: Run, measured: Measured) -> None:
    trial = run()
    assert measured.asked == ["size after training", "speed after training"] and not trial.constraints
    costs = {key: trial.user_attrs[key] for key in ("memory_mib", "ms_per_image", "ms_per_image_batched")}
    assert costs == {"memory_mib": 2.0, "ms_per_image": 5.0, "ms_per_image_batched": 1.0}


def test_a_short_training_is_not_followed_by_a_long_measurement(
    run: Run, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEAST_TRAINING_S", 60.0)
    assert run().user_attrs["memory_mib"] == 2.0 and measured.asked == ["size after training"]


def test_what_a_limit_had_measured_is_not_measured_again(run: Run, measured: Measured) -> None:
    run("ms_per_image = 10")
    assert measured.asked == ["speed", "size after training"]


def test_a_handed_on_trial_is_judged_by_the_first_figures(run: Run, hold: Hold, measured: Measured) -> None:
    first = hold(FIRST, lease_s=0.0)
    first.write(TrialAttributes(ms_per_image=9.0, ms_per_image_batched=2.0))
    measured.speed = Speed(50.0, 20.0)  # the other host is busy
    trial = run("ms_per_image = 10", hold(SECOND))
    assert (trial.state, trial.user_attrs["ms_per_image"]) == (TrialState.COMPLETE, 9.0)
    assert measured.asked == ["size after training"]


def test_a_repetition_is_not_judged(run: Run, hold: Hold, measured: Measured) -> None:
    held = hold()
    held.write(TrialAttributes(candidate=3, repeat=0))
    trial = run("parameters = 800\nms_per_image = 1", held)
    assert trial.state == TrialState.COMPLETE and measured.asked == []


def test_a_cost_that_cannot_be_measured_is_no_failure(run: Run, measured: Measured) -> None:
    def fail(*_: Any) -> Speed:
        raise MemoryError("32 images are too many")

    measured.measure_speed = fail  # type: ignore[method-assign]
    trial = run()
    assert trial.state == TrialState.COMPLETE and "ms_per_image" not in trial.user_attrs
    assert np.isfinite(trial.value or np.nan) and trial.user_attrs["memory_mib"] == 2.0
