"""The progress of files that are sent or fetched."""

from storage.artifacts.parts import Progress as BytesProgress
from trainer.data.progress import Progress

MIB = 1 << 20


def count_mib(what: str, progress: Progress) -> BytesProgress:
    """Tells `progress` MiB where bytes are counted."""
    return lambda done, total: progress(what, round(done / MIB), max(1, round(total / MIB)))
