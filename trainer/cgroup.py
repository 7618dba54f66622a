"""What the control groups of this process leave it of the machine: limits of containers, services and batch jobs.

Both versions are read. A group has the limits of all groups around it.
"""

import math
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")  # lines of hierarchy:controllers:path; version 2 has 0 and no controllers


def cpu_limit() -> float:
    """The number of cores whose time this process may use together with the rest of its groups; infinity for no limit.

    They bound time, not places: the process may still run on all cores of the machine.
    """
    limits = [_divide(_words(folder / "cpu.max")) for folder in _folders("cpu")]
    limits += [
        _divide(_words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us"))
        for folder in _folders("cpu")
    ]
    return min(limits, default=math.inf)


def memory_limit() -> float:
    """The bytes that the groups of this process may use; infinity for no limit."""
    return min((limit for _, limit in _memory_limits()), default=math.inf)


def memory_left() -> float:
    """The bytes that the groups of this process may still use; infinity for no limit."""
    return min((max(0.0, limit - _used(folder)) for folder, limit in _memory_limits()), default=math.inf)


def _memory_limits() -> Iterator[tuple[Path, float]]:
    for folder in _folders("memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            for limit in _numbers(_words(folder / name)[:1]):
                yield folder, limit


def _used(folder: Path) -> float:
    """The memory that a group uses, without the cache of files that the kernel would drop first."""
    used = sum(_numbers(_words(folder / "memory.current") or _words(folder / "memory.usage_in_bytes")))
    figures = _words(folder / "memory.stat")
    stat = dict(zip(figures[::2], figures[1::2], strict=False))
    return used - sum(_numbers([stat.get("total_inactive_file", stat.get("inactive_file", "0"))]))


def _folders(controller: str) -> Iterator[Path]:
    """The folders of the groups that this process is in, where a controller's files may be."""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        mounts = [ROOT, ROOT / "unified"] if not names else [ROOT / controller, ROOT / names]
        if not names or controller in names.split(","):
            for group in (Path(path), *Path(path).parents):  # in a container those outside are missing
                yield from (mount / group.relative_to("/") for mount in mounts)


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _numbers(words: list[str]) -> list[float]:
    """The words that are numbers; `max` stands for no limit."""
    return [float(word) for word in words if word.isdecimal()]


def _divide(words: list[str]) -> float:
    """A quota divided by its period, in cores."""
    numbers = _numbers(words)
    return numbers[0] / numbers[1] if len(numbers) == 2 else math.inf
