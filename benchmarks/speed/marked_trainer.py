"""The product's trainer for a worker, which notes when each part of a trial ends."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.speed.marks import mark
from search.worker.trainer import Trainer, keras_trainer
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset

if TYPE_CHECKING:
    from trainer.training.fit import Fitted
    from trainer.training.history import Epoch


def make_trainer() -> Trainer:
    """The trainer; imports Keras."""
    mark("start, data")
    real = keras_trainer()
    mark("import")

    def train(
        config: TrainConfig,
        dataset: Dataset,
        on_epoch: "Callable[[Epoch], bool] | None" = None,
        checkpoint: Path | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "Fitted":
        assert on_epoch is not None and config.budget.steps is not None
        inner = on_epoch
        steps, asked, epochs = config.budget.steps // config.budget.epochs, 0, 0

        def before_batch() -> bool:
            """Asked before each batch of an epoch: its steps, then its validation."""
            nonlocal asked
            if asked == 0:
                mark("checkpoint" if epochs else "build, first batch")
            elif asked == 1 and not epochs:
                mark("first step")
            elif asked == steps:
                mark("steps")
            asked += 1
            return should_stop()

        def after_epoch(epoch: "Epoch") -> bool:
            nonlocal asked, epochs
            mark("validation" if epochs else "first validation")
            goes_on = inner(epoch)
            mark("report")
            asked, epochs = 0, epochs + 1
            return goes_on

        mark("claim")
        fitted = real.train(config, dataset, after_epoch, checkpoint, before_batch)
        mark("kept weights")
        return fitted

    def write_figures(fitted: "Fitted", dataset: Dataset, folder: Path) -> list[Path]:
        mark("artifacts")
        pictures = real.write_figures(fitted, dataset, folder)
        mark("pictures")
        return pictures

    def save_model(fitted: "Fitted", path: Path) -> None:
        mark("artifacts")
        real.save_model(fitted, path)
        mark("model's file")

    return Trainer(train, real.measure_size, real.measure_speed, write_figures, real.require_gpu, save_model)
