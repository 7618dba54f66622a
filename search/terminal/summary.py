"""A study's state in a line or two."""

from search.format import label, score
from storage.studies.status import StudyStatus


def counts_line(status: StudyStatus, budget: int) -> str:
    """Trials by state, beside the budget."""
    counts = status.counts
    done = counts.complete + counts.pruned
    parts = [f"{done} of {budget} trials", f"{counts.complete} complete", f"{counts.pruned} pruned"]
    idle = sum(trial.worker is None for trial in status.running)
    parts += [f"{counts.running - idle} running"] + ([f"{idle} interrupted"] if idle else [])
    parts += [f"{counts.waiting} waiting"] if counts.waiting else []
    return ", ".join(parts + ([f"{counts.failed} failed"] if counts.failed else []))


def best_line(status: StudyStatus) -> str:
    """The best trial so far."""
    if status.best is None:
        return "best: none yet"
    return f"best: trial {label(status.best.number, status.best.name)}, mIoU {score(status.best.value)}"


def seconds_left(status: StudyStatus, budget: int) -> float | None:
    """Seconds to the end at the pace of the finished trials; None before the first, or with nobody at work."""
    mean, running = status.mean_trial_s, status.running
    to_start = max(0, budget - status.counts.complete - status.counts.pruned - len(running))
    if not to_start and not running:
        return 0.0
    at_work = sum(trial.worker is not None for trial in running)
    if mean is None or not at_work:
        return None
    under_way = sum(max(0.0, mean - trial.device_s) for trial in running)
    return (mean * to_start + under_way) / at_work
