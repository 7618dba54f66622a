"""A study's state in single lines."""

from search.format import format_score, trial_label
from storage.studies.status import Running, StudyStatus


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
    """The best trial so far and its value."""
    if status.best is None:
        return "best: none yet"
    return f"best: trial {trial_label(status.best.number, status.best.name)}, mIoU {format_score(status.best.value)}"


def running_line(trial: Running, epochs: int) -> str:
    """A line such as `trial 3 final_model runs on host:0: epoch 4 of 30, mIoU 0.4312, best so far 0.4420`.

    Args:
        trial: a running one.
        epochs: the largest number of its epochs.
    """
    scores = f"mIoU {format_score(trial.value)}, best so far {format_score(trial.best_value)}"
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
