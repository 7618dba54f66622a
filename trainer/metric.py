"""The value that a training is judged by, from the IoU of each class; see `TrainConfig.metric`."""

from collections.abc import Sequence

from trainer.errors import InputError

IOU = "iou:"  # followed by names of classes, separated by commas: their mean


def dice_of(iou: float) -> float:
    """The Dice coefficient of a class, 2 TP / (2 TP + FP + FN), from its IoU: both count the same pixels."""
    return 2 * iou / (1 + iou)


def metric_value(metric: str, iou: Sequence[float | None], names: Sequence[str] = ()) -> float:
    """The value of a metric, 0..1, from the IoU of each class; 0 where no class of the metric is scored.

    Args:
        metric: `miou`, `dice` (the mean Dice coefficient), or `iou:NAME,...`.
        iou: one a class; None for a class that is not scored.
        names: of the classes, for `iou:`.

    Raises:
        InputError: the metric names another class.
    """
    labels = metric_classes(metric, names) if metric.startswith(IOU) else range(len(iou))
    found = [value for label in labels if (value := iou[label]) is not None]
    if metric == "dice":
        found = [dice_of(value) for value in found]
    return sum(found) / len(found) if found else 0.0


def metric_classes(metric: str, names: Sequence[str]) -> list[int]:
    """The labels of the classes that an `iou:` metric names. Raises InputError for a name of none."""
    check_metric(metric, names)
    return [list(names).index(name) for name in _split_names(metric, names)]


def check_metric(metric: str, names: Sequence[str] | None = None, ignore: int | None = None) -> None:
    """Raises InputError unless the metric can be computed.

    Args:
        metric: to be checked.
        names: of the classes; None while they are not known.
        ignore: the label that is not scored, which no metric may name.
    """
    if metric in ("miou", "dice"):
        return
    wanted = _split_names(metric, names or ()) if metric.startswith(IOU) else []
    scored = names and [name for label, name in enumerate(names) if label != ignore]
    if not all(wanted) or not wanted or (scored is not None and not set(wanted) <= set(scored)):
        shown = f" ({', '.join(scored)})" if scored else ""
        raise InputError(f"metric must be miou, dice, or {IOU}NAME with names of scored classes{shown}; got {metric!r}")


def metric_label(metric: str) -> str:
    """The metric as people write it: mIoU, Dice, or IoU of some classes."""
    if metric.startswith(IOU):
        return f"IoU {metric.removeprefix(IOU)}"
    return {"miou": "mIoU", "dice": "Dice"}.get(metric, metric)


def count_tail(epochs: int) -> int:
    """The last tenth of some epochs, rounded up, whose mean is the value of a training."""
    return -(-epochs // 10)


def never_found(iou: Sequence[float | None], names: Sequence[str]) -> list[str]:
    """The names of the scored classes of which no pixel is predicted right: their IoU is 0.

    Args:
        iou: one a class; None for a class that is not scored.
        names: of the classes; of those without a name, the label.
    """
    return [names[label] if label < len(names) else str(label) for label, value in enumerate(iou) if value == 0]


def _split_names(metric: str, names: Sequence[str]) -> list[str]:
    """What an `iou:` metric names; a name may have a comma of its own where it stands alone."""
    text = metric.removeprefix(IOU)
    return [text] if text in names else [name.strip() for name in text.split(",")]
