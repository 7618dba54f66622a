"""A study's state in single lines."""

from search.format import format_score, trial_label
from search.study.scoring import read_scoring
from storage.studies.status import Leader, Running, StudyStatus


def counts_line(status: StudyStatus, budget: int) -> str:
    """The number of finished trials and the budget, and the number of trials in each state."""
    counts = status.counts
    done = counts.complete + counts.pruned
    parts = [f"{done} of {budget} trials", f"{counts.complete} complete", f"{counts.pruned} pruned"]
    interrupted = sum(trial.worker is None for trial in status.running)
    parts += [f"{counts.running - interrupted} running"]
    parts += [f"{interrupted} interrupted"] if interrupted else []
    parts += [f"{counts.waiting} waiting"] if counts.waiting else []
    parts += [f"{counts.failed} failed"] if counts.failed else []
    return ", ".join(parts)


def best_line(status: StudyStatus) -> str:
    """The best trial so far and its value, with the foreground's scores where there is one."""
    if (best := status.best) is None:
        return "best: none yet"
    value = f"{read_scoring(status.question).label} {format_score(best.value)}"
    beside = [f"({scores})"] if (scores := foreground_scores(status, best)) else []
    return " ".join([f"best: trial {trial_label(best.number, best.name)},", value, *beside])


def foreground_scores(status: StudyStatus, trial: Leader) -> str | None:
    """The foreground's scores in a trial, such as `foreground IoU 0.7012, Dice 0.8243`; None with other classes."""
    found = read_scoring(status.question).foreground(trial.attributes.iou)
    return None if found is None else f"foreground IoU {format_score(found[0])}, Dice {format_score(found[1])}"


def unfound_line(status: StudyStatus) -> str | None:
    """The warning `trial 3 never finds big rock` where the best trial misses whole classes."""
    if (best := status.best) is None:
        return None
    classes = read_scoring(status.question).unfound(best.attributes.iou, best.attributes.names)
    return f"trial {trial_label(best.number, best.name)} never finds {', '.join(classes)}" if classes else None


def running_line(trial: Running, epochs: int, label: str = "mIoU") -> str:
    """A line such as `trial 3 final_model runs on host:0: epoch 4 of 30, mIoU 0.4312, best so far 0.4420`.

    Args:
        trial: a running one.
        epochs: the largest number of its epochs.
        label: the metric's.
    """
    scores = f"{label} {format_score(trial.value)}, best so far {format_score(trial.best_value)}"
    where = f"runs on {trial.worker}" if trial.worker else "is interrupted"
    return f"trial {trial_label(trial.number, trial.name)} {where}: epoch {trial.epoch or 0} of {epochs}, {scores}"


def seconds_left(status: StudyStatus, budget: int) -> float | None:
    """Seconds until the budget is spent, if trials take as long as the finished ones did on average.

    None where no trial has finished, or no worker is training.
    """
    mean_s, running = status.mean_trial_s, status.running
    to_start = max(0, budget - status.counts.complete - status.counts.pruned - len(running))
    if not to_start and not running:
        return 0.0
    workers = sum(trial.worker is not None for trial in running)
    if mean_s is None or not workers:
        return None
    running_s = sum(max(0.0, mean_s - trial.device_s) for trial in running)
    return (mean_s * to_start + running_s) / workers
