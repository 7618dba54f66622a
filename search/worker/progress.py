"""The progress of long work on data, as lines of a worker's log."""

from time import monotonic

from search.format import describe_progress
from search.log import log_event

LINE_INTERVAL_S = 10.0


class LoggedProgress:
    """Logs how far it is, at most every LINE_INTERVAL_S seconds."""

    def __init__(self) -> None:
        self._last = monotonic()

    def update(self, what: str, done: int, total: int) -> None:
        """Logs that `done` of `total` items are done; of 0 where nobody knows how many there are."""
        if monotonic() - self._last >= LINE_INTERVAL_S:
            self._last = monotonic()
            log_event("prepares its data", cause=describe_progress(what, done, total))
