"""The trainer as a worker knows it: six functions, so that the search imports no Keras and tests bring their own."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from trainer.config import TrainConfig
from trainer.cost import Size, Speed
from trainer.data.dataset import Dataset
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.training.fit import Fitted
    from trainer.training.history import Epoch

Cost = TypeVar("Cost", Size, Speed, covariant=True)


class Train(Protocol):
    """The type of `trainer.training.fit.train`."""

    def __call__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        on_epoch: Callable[["Epoch"], bool] | None = None,
        checkpoint: Path | None = None,
        should_stop: Callable[[], bool] = ...,
    ) -> "Fitted":
        """Trains one configuration."""


class Measure(Protocol[Cost]):
    """The type of a function that measures what a network costs."""

    def __call__(self, config: TrainConfig, dataset: Dataset, fitted: "Fitted | None" = None) -> Cost:
        """Measures the network of a training, or an untrained one of the same configuration."""


@dataclass(frozen=True)
class Trainer:
    """The functions that a trial calls."""

    train: Train
    measure_size: Measure[Size]
    measure_speed: Measure[Speed]
    write_figures: Callable[["Fitted", Dataset, Path], list[Path]]  # PNGs in a folder
    require_gpu: Callable[[], None]  # InputError where the backend sees none
    save_model: Callable[["Fitted", Path], None] = lambda fitted, path: None


def keras_trainer() -> Trainer:
    """The real one; imports Keras."""
    from trainer.figures.training import write_figures
    from trainer.model import size, speed
    from trainer.model.unet import build_untrained
    from trainer.result.save import save_model
    from trainer.training.backend import require_gpu
    from trainer.training.fit import train

    def measure_size(config: TrainConfig, dataset: Dataset, fitted: "Fitted | None" = None) -> Size:
        return size.measure_size(fitted.model if fitted else build_untrained(config, dataset))

    def measure_speed(config: TrainConfig, dataset: Dataset, fitted: "Fitted | None" = None) -> Speed:
        network = fitted.model if fitted else build_untrained(config, dataset)
        return speed.measure_speed(network, dataset, config.data.overlap, config.optimizer.jit_compile)

    def save(fitted: "Fitted", path: Path) -> None:
        save_model(fitted.model, path)

    return Trainer(train, measure_size, measure_speed, write_figures, require_gpu, save)


def load_trainer(source: str) -> Trainer:
    """The trainer that `module:function` gives. Raises InputError."""
    module, _, name = source.partition(":")
    try:
        trainer = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise InputError(f"a trainer must be module:function; got {source!r}: {error}") from None
    assert isinstance(trainer, Trainer)
    return trainer
