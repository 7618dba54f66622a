"""A training without a study, in lines: each epoch, and what came of it."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.format import format_score
from search.study.scoring import Scoring
from search.study.ties import format_interval
from search.terminal.plain import say
from trainer.config import TrainConfig
from trainer.metric import count_tail, metric_label
from trainer.pipeline.budget import warn_of_failure

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset
    from trainer.training.history import Epoch

MOST_CLASSES = 8  # whose IoU is shown in a line


class EpochPrinter:
    """Prints a line for each epoch on standard error, with the time that is left."""

    def __init__(self, config: TrainConfig, dataset: "Dataset") -> None:
        self._metric, self._epochs, self._names = config.metric, config.budget.epochs, dataset.names
        self._validates = len(dataset.validation) > 0
        self._started = time.monotonic()
        self._done = 0  # epochs, without those of an earlier training that is resumed
        height, width, _ = dataset.shape
        seen = f"in patches of {height}x{width}" if config.data.patch else f"of {height}x{width}"
        validating = f"validating on {len(dataset.validation)}" if self._validates else "without validation"
        dropped = f"; {len(dataset.dropped)} corrupt ones dropped" if dataset.dropped else ""
        say(f"training on {len(dataset.train)} images {seen}, {validating}{dropped}", err=True)
        for warning in warn_of_failure(config, len(dataset.train)):
            say(f"warning: {warning}", err=True)

    def __call__(self, epoch: "Epoch") -> bool:
        """Prints the epoch; returns True, so that the training goes on."""
        self._done += 1
        left_s = (time.monotonic() - self._started) / self._done * (self._epochs - epoch.epoch)
        parts = [f"epoch {epoch.epoch}/{self._epochs}", f"loss {epoch.loss:.4f}"]
        if self._validates:
            parts.append(_scores(self._metric, epoch.value, epoch.miou))
            classes = [f"{n} {iou:.3f}" for n, iou in zip(self._names, epoch.iou, strict=True) if iou is not None]
            parts += [f"({' '.join(classes)})"] if len(classes) <= MOST_CLASSES else []
        parts.append(f"{epoch.seconds:.1f} s, about {left_s / 60:.0f} min to go")
        say("  ".join(parts), err=True)
        return True


def result_lines(scoring: Scoring, metrics: dict[str, Any]) -> list[str]:
    """The metrics of a finished training for people: one line, and a warning for each class that is never found."""
    cost = (
        f"{metrics['parameters']:,} parameters, {metrics['images_per_second']:.0f} images/s, "
        f"{metrics['seconds'] / 60:.1f} min; in {metrics['folder']}"
    )
    if metrics["value"] is None:
        return [f"trained on all images for {metrics['epochs']} epochs, without validation; {cost}"]
    scores = [_scores(scoring.metric, metrics["value"], metrics["miou"])]
    iou: Sequence[float | None] = metrics["iou"]
    if (found := scoring.foreground(iou)) is not None:
        scores.append(f"foreground IoU {format_score(found[0])}, Dice {format_score(found[1])}")
    if metrics["miou_keras"] is not None:
        scores.append(f"as Keras counts {format_score(metrics['miou_keras'])}")
    warnings = [f"warning: no pixel of {name} is ever found, IoU 0" for name in scoring.unfound(iou)]
    return [f"{'; '.join(scores)}; {_judged(metrics)}; {cost}", *warnings]


def ensemble_lines(scoring: Scoring, metrics: dict[str, Any]) -> list[str]:
    """The metrics of an ensemble for people: a line for each member, and one of all together."""
    what = f"{metrics['parameters']:,} parameters; in {metrics['folder']}"
    if metrics["value"] is None:
        return [f"an ensemble of all {len(metrics['members'])}, without validation; {what}"]
    alone = [f"{name}: {scoring.label} {value:.4f}" for name, value in metrics["singles"].items()]
    sure = f", 95 % interval {format_interval(metrics['interval'])}" if metrics["interval"] else ""
    together = (
        f"ensemble of {', '.join(metrics['members'])}: {_scores(scoring.metric, metrics['value'], metrics['miou'])}"
    )
    warnings = [f"warning: no pixel of {name} is ever found, IoU 0" for name in scoring.unfound(metrics["iou"])]
    return [*alone, f"{together}{sure}, of the same images by which it was chosen; {what}", *warnings]


def _judged(metrics: Mapping[str, Any]) -> str:
    """Of which epochs the scores are."""
    epochs = metrics["epochs"]
    if metrics["keep"] == "best":
        return f"at epoch {metrics['best_epoch']} of {epochs}, the best"
    return f"mean of the last {count_tail(epochs)} of {epochs} epochs"


def _scores(metric: str, value: float, miou: float) -> str:
    """The value of the metric, and mIoU beside it where that is another one."""
    label = metric_label(metric)
    return f"{label} {value:.4f}" + ("" if metric == "miou" else f", mIoU {miou:.4f}")
