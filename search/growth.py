"""A worker's memory since its first trial: TensorFlow keeps about 45 MB a model, whatever is cleared."""

import psutil

LIMIT_BYTES = 2**30


class Growth:
    """Asked after every trial."""

    def __init__(self) -> None:
        self._first: int | None = None

    def exceeds_limit(self) -> bool:
        """Whether the process has grown by more than LIMIT_BYTES since this was first asked."""
        size = int(psutil.Process().memory_info().rss)
        if self._first is None:
            self._first = size
        return size - self._first > LIMIT_BYTES
