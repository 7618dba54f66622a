"""When failures stop a worker, a host, or a study: several trials failed there one after the other."""

from storage.database.connection import Database
from storage.studies.failures import read_streaks
from storage.studies.study import stop_failing_study

MAX_FAILURES = 5  # so many in a row


def stop_after_failures(db: Database, study_id: int, worker: str) -> str | None:
    """Whether a worker has to stop, since its own last trials or those of its host failed; returns why, or None.

    So a host that is out of order stops, and others go on with its trials. Where nobody else is at work, or all others
    have to stop too, the study is stopped.
    """
    streaks = read_streaks(db, study_id)
    streak = streaks.of(worker)
    if streak.failures < MAX_FAILURES:
        return None
    reason = f"{streak.failures} trials in a row failed, the last one with: {streak.cause}"
    others = streaks.since(streak.since) - {worker}
    if all(streaks.of(other).failures >= MAX_FAILURES for other in others):
        stop_failing_study(db, study_id, reason)
    return reason


def stopped_by_failures(reason: str | None) -> bool:
    """Whether a study was stopped by failures, rather than by a person."""
    return reason is not None and "trials in a row failed" in reason
