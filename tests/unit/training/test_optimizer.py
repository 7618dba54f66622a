"""Optimizers as configured, and the learning rate at each step."""

import keras
import pytest

from trainer.config import OptimizerConfig, ScheduleConfig
from trainer.training.optimizer import count_plateaus, learning_rate, make_optimizer

STEPS, EPOCHS = 10, 5  # of an epoch; of a training


def rates(schedule: ScheduleConfig, scores: tuple[float, ...] = ()) -> list[float]:
    return [learning_rate(schedule, 1.0, step, STEPS, EPOCHS, scores) for step in range(STEPS * EPOCHS)]


@pytest.mark.parametrize(
    ("config", "kind", "decay"),
    [
        (OptimizerConfig(name="adam"), keras.optimizers.Adam, None),
        (OptimizerConfig(name="adamw", weight_decay=0.02), keras.optimizers.AdamW, 0.02),
        (OptimizerConfig(name="lion", weight_decay=0.03), keras.optimizers.Lion, 0.03),
    ],
)
def test_the_configured_optimizer_is_made(config: OptimizerConfig, kind: type, decay: float | None) -> None:
    optimizer = make_optimizer(config)
    assert type(optimizer) is kind
    assert optimizer.weight_decay == decay
    assert optimizer.global_clipnorm == config.clip_norm
    assert float(optimizer.learning_rate) == pytest.approx(config.learning_rate)


def test_no_clipping_on_request() -> None:
    assert make_optimizer(OptimizerConfig(clip_norm=0)).global_clipnorm is None


def test_the_rate_rises_evenly_through_the_warm_up() -> None:
    found = rates(ScheduleConfig(name="constant", warmup=2))
    assert found[:20] == pytest.approx([(step + 1) / 21 for step in range(20)])
    assert found[20:] == [1.0] * 30


def test_cosine_falls_from_the_highest_rate_to_the_floor() -> None:
    found = rates(ScheduleConfig(name="cosine", warmup=1, floor=0.05))
    falling = found[10:]
    assert falling[0] == 1.0
    assert falling == sorted(falling, reverse=True)
    assert falling[20] == pytest.approx(0.5)
    assert falling[-1] == 0.05


def test_plateau_lowers_the_rate_each_time_patience_runs_out() -> None:
    plateau = ScheduleConfig(name="plateau", warmup=0, factor=0.5, patience=2)
    assert rates(plateau, (0.5, 0.4))[30] == 1.0
    assert rates(plateau, (0.5, 0.4, 0.5))[30] == 0.5
    assert rates(plateau, (0.5, 0.4, 0.5, 0.4, 0.3))[40] == 0.25


@pytest.mark.parametrize(
    ("scores", "plateaus"),
    [((), 0), ((0.1, 0.2, 0.3), 0), ((0.3, 0.2, 0.1), 1), ((0.3, 0.2, 0.4, 0.1, 0.1), 1), ((0.3,) * 5, 2)],
)
def test_plateaus_are_counted_from_the_scores(scores: tuple[float, ...], plateaus: int) -> None:
    assert count_plateaus(scores, 2) == plateaus
