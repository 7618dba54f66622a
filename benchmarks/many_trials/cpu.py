"""CPU seconds, which say more than seconds on a machine that has other work."""

import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


def children_cpu_s() -> float:
    """Of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def server_cpu_s(pgdata: Path) -> float:
    """Of a PostgreSQL server so far, of its processes that have ended too."""
    found = re.match(r"\d+", (pgdata / "postmaster.pid").read_text())
    assert found is not None
    main = psutil.Process(int(found[0]))
    times = main.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system + sum(_living(main)))


def _living(main: Any) -> Iterator[float]:
    for child in main.children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        yield times.user + times.system
