"""A look at a Ray cluster by a process of its own, so that no command has Ray in it: `python -m search.fleet.look`."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec

from search.fleet.nodes import Node, count_slots, describe_nodes
from search.log import one_line
from search.supervisor.devices import DeviceChoice, DeviceSlot
from search.supervisor.python import module_command, module_path
from search.worker.contract import BAD_INPUT, Cluster
from trainer.errors import InputError

LOOK_S = 300.0  # Ray itself gives up sooner


@dataclass(frozen=True)
class FoundCluster:
    """A Ray cluster as it is now."""

    address: str  # HOST:PORT of its head
    nodes: tuple[Node, ...]


def look_at_cluster(address: str) -> FoundCluster:
    """Finds a cluster at HOST:PORT, or the one of this host for "auto". Raises InputError."""
    if find_spec("ray") is None:
        raise InputError("--on ray needs Ray; got none; install it with: pip install 'unet-search[ray]'")
    if "://" in address:
        raise InputError(
            f"--address must be auto, or HOST:PORT of the head; got {address}; "
            "start this command on a node of the cluster, as `ray job submit` does"
        )
    command = module_command("search.fleet.look", address)
    environ = {**os.environ, "PYTHONPATH": module_path()}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOOK_S, env=environ)
    except subprocess.TimeoutExpired:
        raise InputError(f"--address must be that of a Ray cluster; {address} does not answer") from None
    lines = done.stdout.splitlines()  # the last is ours
    if done.returncode or not lines:
        cause = (lines or done.stderr.splitlines() or [f"exit status {done.returncode}"])[-1].strip()
        raise InputError(
            f"--address must be that of a Ray cluster that this host is a node of; got {address}: {cause}; "
            "`ray start` makes it one"
        )
    found = json.loads(lines[-1])
    return FoundCluster(found["address"], tuple(Node(**node) for node in found["nodes"]))


def plan_cluster(
    found: FoundCluster, device: DeviceChoice, workers: int | None, per_gpu: int
) -> tuple[Cluster, DeviceSlot]:
    """How a study's workers use a cluster, and the slot that stands for all of it.

    They use its GPUs, or its cores where no node has a GPU.

    Args:
        found: the cluster.
        device: "cpu" uses no GPU; "gpu" requires one, now or of a node that is yet to join.
        workers: in all; None for as many as there is room for.
        per_gpu: that share a GPU.

    Raises:
        InputError: no node has room for a worker.
    """
    gpu = device == "gpu" or (device == "auto" and any(node.gpus >= 1 for node in found.nodes))
    slots, room = count_slots(found.nodes, gpu, per_gpu), describe_nodes(found.nodes)
    if not slots and workers is None:
        needs = "a GPU and a core" if gpu else "a core and 3 GiB"
        raise InputError(f"a worker needs {needs} of a node; got {room}; --workers N waits for nodes that join")
    line = f"Ray at {found.address}: {room}, {workers or slots} worker{'s' * ((workers or slots) != 1)}"
    return Cluster(address=found.address, workers=workers, per_gpu=per_gpu), DeviceSlot(0, line, gpu)


def main(arguments: Sequence[str]) -> int:
    """Prints the cluster as JSON, or the line of an error; returns the exit status."""
    from search.fleet.connect import connect, find_nodes, is_listening

    if arguments[0] != "auto" and not is_listening(arguments[0]):
        print("nothing listens there")  # noqa: T201
        return BAD_INPUT
    try:
        found = {"address": connect(arguments[0]), "nodes": [asdict(node) for node in find_nodes()]}
    except Exception as error:  # Ray's are of many kinds
        print(one_line(error))  # noqa: T201
        return BAD_INPUT
    print(json.dumps(found))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
