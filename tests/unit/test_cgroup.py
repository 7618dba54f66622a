"""Limits of containers, services and batch jobs, in both versions of control groups."""

import math
from pathlib import Path

import psutil
import pytest

from search.supervisor.devices import count_cores, memory_bytes
from trainer import cgroup
from trainer.cgroup import cpu_limit, memory_left, memory_limit
from trainer.data.memory import check_memory
from trainer.errors import InputError

GIB = 2**30
NO_LIMIT_OF_VERSION_1 = 9223372036854771712


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of control groups; `enter` says in which ones this process is."""
    monkeypatch.setattr(cgroup, "ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(cgroup, "OWN", tmp_path / "own")
    return tmp_path / "cgroup"


def enter(groups: Path, line: str) -> None:
    groups.with_name("own").write_text(f"3:name=systemd:/\n{line}\n")


def write(folder: Path, **files: object) -> None:
    """Writes the files of a group; two underscores in a name stand for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_version_2_in_a_container(groups: Path) -> None:
    enter(groups, "0::/")
    write(groups, cpu__max="150000 100000", memory__max=4 * GIB, memory__current=3 * GIB)
    write(groups, memory__stat=f"anon {GIB}\ninactive_file {GIB}")
    assert (cpu_limit(), memory_limit(), memory_left()) == (1.5, 4 * GIB, 2 * GIB)


def test_a_group_has_the_limits_of_those_around_it(groups: Path) -> None:
    enter(groups, "0::/jobs/one")
    write(groups / "jobs", cpu__max="50000 100000", memory__max=2 * GIB, memory__current=GIB)
    write(groups / "jobs" / "one", cpu__max="max 100000", memory__max="max", memory__current=GIB // 2)
    assert (cpu_limit(), memory_limit(), memory_left()) == (0.5, 2 * GIB, GIB)


@pytest.mark.parametrize("inside", [True, False])  # the group's path in the container's own tree, or the host's
def test_version_1(groups: Path, inside: bool) -> None:
    enter(groups, "2:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab")
    path = "docker/ab" if inside else "."
    write(groups / "cpu,cpuacct" / path, cpu__cfs_quota_us=300000, cpu__cfs_period_us=100000)
    write(groups / "memory" / path, memory__limit_in_bytes=GIB, memory__usage_in_bytes=GIB // 2)
    assert (cpu_limit(), memory_limit(), memory_left()) == (3, GIB, GIB // 2)


def test_without_limits(groups: Path) -> None:
    assert (cpu_limit(), memory_limit(), memory_left()) == (math.inf, math.inf, math.inf)  # not on Linux
    enter(groups, "2:memory:/\n4:cpu:/\n0::/")
    write(groups / "cpu", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    write(groups / "memory", memory__limit_in_bytes=NO_LIMIT_OF_VERSION_1, memory__usage_in_bytes=GIB)
    assert cpu_limit() == math.inf and memory_left() > psutil.virtual_memory().total


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("100000", 1), ("10000000000", None)])
def test_workers_are_counted_by_the_containers_cores(groups: Path, quota: str, cores: int | None) -> None:
    enter(groups, "0::/")
    here = count_cores()
    write(groups, cpu__max=f"{quota} 100000", memory__max=GIB)
    assert count_cores() == (cores or here) and memory_bytes() == GIB


def test_data_must_fit_into_the_containers_memory(groups: Path) -> None:
    enter(groups, "0::/")
    write(groups, memory__max=GIB, memory__current=GIB // 2)
    with pytest.raises(InputError, match=r"images must fit in memory; got 0\.6 GiB with 0\.5 GiB free"):
        check_memory(GIB * 6 // 10, "images")
