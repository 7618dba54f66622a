"""Whether data fit in memory, before it is allocated."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from trainer.cgroup import memory_left
from trainer.errors import InputError

_MEMORY_SHARE = 0.8  # of the free memory; training needs the rest


def check_memory(needed: int, what: str) -> None:
    """Raises InputError if `needed` bytes exceed most of the memory that this process can still allocate."""
    free = free_bytes()
    if needed > free * _MEMORY_SHARE:
        raise InputError(
            f"{what} must fit in memory; got {needed / 2**30:,.1f} GiB with {free / 2**30:,.1f} GiB free; "
            "use fewer or smaller images"
        )


def free_bytes() -> int:
    """Free memory in bytes, within the limits of the container and of the process (`ulimit -v`) where there are any."""
    available = int(min(psutil.virtual_memory().available, memory_left()))
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return available
    return max(0, min(available, limit - int(psutil.Process().memory_info().vms)))


@contextmanager
def within_memory() -> Iterator[None]:
    """Turns a MemoryError into an InputError; also a decorator."""
    try:
        yield
    except MemoryError as error:
        reason = " ".join(str(error).split()) or "no more"
        raise InputError(
            f"data must fit in memory, and what reading takes; got {reason}; use fewer or smaller images"
        ) from None
