"""Work on many files at once, with results in the order of the files."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from trainer.cgroup import cpu_limit
from trainer.data.progress import Progress

_MOST = 16  # threads
_AHEAD = 2  # results waiting for their turn, for each thread: bounds the memory

Given = TypeVar("Given")
Found = TypeVar("Found")


def count_threads() -> int:
    """As many as the cores that this process may use, and at most _MOST, since each has an image in memory.

    OMP_NUM_THREADS tells how many cores are a worker's share of the machine.
    """
    share = os.environ.get("OMP_NUM_THREADS", "")
    cores = min(len(os.sched_getaffinity(0)), math.ceil(min(cpu_limit(), 4096)))
    return max(1, min(_MOST, cores, int(share) if share.isdecimal() else _MOST))


def in_threads(
    work: Callable[[Given], Found], things: Sequence[Given], what: str, progress: Progress
) -> Iterator[Found]:
    """The results in the order of the things; the first error in that order is raised, whatever the threads do."""
    threads = count_threads()
    pending: deque[Future[Found]] = deque()
    done = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="data") as pool:
        try:
            for thing in things:
                pending.append(pool.submit(work, thing))
                if len(pending) >= _AHEAD * threads:
                    yield pending.popleft().result()
                    done += 1
                    progress(what, done, len(things))
            while pending:
                yield pending.popleft().result()
                done += 1
                progress(what, done, len(things))
        finally:
            for future in pending:
                future.cancel()
