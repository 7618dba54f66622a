"""How a study's trials are judged, and what is shown beside. Imports no NumPy, no Optuna, no Pydantic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.metric import dice_of, metric_label, never_found

if TYPE_CHECKING:
    from trainer.config import TrainConfig


@dataclass(frozen=True)
class Scoring:
    """The metric of a study, and its classes."""

    metric: str = "miou"
    classes: int = 0  # 0 where it is not known, as of a study that another program made
    ignore: int | None = None  # label that is not scored: a class, or one that is none
    names: tuple[str, ...] = ()  # one a class, where the study fixes them

    @property
    def label(self) -> str:
        """The metric as people write it."""
        return metric_label(self.metric)

    @property
    def scored(self) -> tuple[int, ...]:
        """The labels of the scored classes."""
        return tuple(label for label in range(self.classes) if label != self.ignore)

    @property
    def has_keras(self) -> bool:
        """Whether an ignored label is a class, which `miou_keras` counts: elsewhere that figure tells nothing."""
        return self.ignore is not None and self.ignore < self.classes

    @property
    def has_foreground(self) -> bool:
        """Whether two classes are scored, of which the second is what people look for."""
        return len(self.scored) == 2

    def foreground(self, iou: Sequence[float | None]) -> tuple[float, float] | None:
        """IoU and Dice coefficient of the foreground, from the IoU of each class; None where there is none."""
        label = self.scored[1] if self.has_foreground else len(iou)
        value = iou[label] if label < len(iou) else None
        return None if value is None else (value, dice_of(value))

    def unfound(self, iou: Sequence[float | None], names: Sequence[str] = ()) -> list[str]:
        """The names of the scored classes that a trial never finds; `names` are those that the trial knows."""
        return never_found(iou, names or self.names)


def scoring_of(config: "TrainConfig") -> Scoring:
    """How trials of a study with this base are judged."""
    ignore = config.data.ignore if isinstance(config.data.ignore, int) else None
    return Scoring(config.metric, config.data.classes or 0, ignore, config.data.names)


def read_scoring(question: Mapping[str, Any]) -> Scoring:
    """How trials of a study with this question are judged; what another program wrote into it counts as missing."""
    metric, classes, ignore, names = (
        question.get(f"train.{path}") for path in ("metric", "data.classes", "data.ignore", "data.names")
    )
    return Scoring(
        metric if isinstance(metric, str) else "miou",
        classes if isinstance(classes, int) and classes <= 256 else 0,
        ignore if isinstance(ignore, int) else None,
        tuple(map(str, names)) if isinstance(names, list) else (),
    )
