"""What a trial needs of the trainer, as functions: the search itself imports no Keras, and tests bring their own."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trainer.config import TrainConfig
from trainer.dataset import Dataset
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.fit import Epoch, Fitted

DEFAULT_TOOLS = "search.tools:keras_tools"


class Train(Protocol):
    """`trainer.fit.train`."""

    def __call__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        on_epoch: Callable[["Epoch"], bool] | None = None,
        checkpoint: Path | None = None,
        should_stop: Callable[[], bool] = ...,
    ) -> "Fitted": ...


@dataclass(frozen=True)
class Tools:
    """The trainer's functions that a trial calls."""

    train: Train
    count_parameters: Callable[[TrainConfig, Dataset], int]
    write_figures: Callable[["Fitted", Dataset, Path], list[Path]]
    require_gpu: Callable[[], None]  # InputError where the engine sees none
    save_model: Callable[["Fitted", Path], None] = lambda fitted, path: None


def keras_tools() -> Tools:
    """The real ones; imports Keras."""
    from trainer.engine import require_gpu
    from trainer.figures import write_figures
    from trainer.fit import never_predicted, train
    from trainer.result import save_model
    from trainer.unet import count_parameters

    def count(config: TrainConfig, dataset: Dataset) -> int:
        _, height, width, channels = dataset.images.shape
        shape = (height, width, channels)
        return count_parameters(config.model, shape, dataset.classes, never_predicted(config))

    def save(fitted: "Fitted", path: Path) -> None:
        save_model(fitted.model, path)

    return Tools(train, count, write_figures, require_gpu, save)


def load_tools(source: str) -> Tools:
    """The tools that `module:function` gives."""
    module, _, name = source.partition(":")
    try:
        tools = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise InputError(f"tools must be module:function; got {source!r}: {error}") from None
    assert isinstance(tools, Tools)
    return tools
