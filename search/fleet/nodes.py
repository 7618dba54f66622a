"""What the nodes of a Ray cluster have room for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from search.supervisor.devices import CPU_SLOT_BYTES

RAY_STEPS = 10_000  # Ray counts a resource in ten-thousandths


@dataclass(frozen=True)
class Node:
    """A node that is alive, with all that it has, whoever uses it."""

    id: str
    name: str  # for people
    cpus: float
    gpus: float
    memory: float  # bytes that Ray may give away


def read_nodes(table: Iterable[Mapping[str, Any]]) -> list[Node]:
    """The nodes that are alive, of the table that `ray.nodes()` gives."""
    return [_read_node(row) for row in table if row["Alive"]]


def count_slots(nodes: Iterable[Node], gpu: bool, per_gpu: int) -> int:
    """The number of workers that nodes have room for."""
    return sum(slots_of(node, gpu, per_gpu) for node in nodes)


def slots_of(node: Node, gpu: bool, per_gpu: int) -> int:
    """The number of workers that a node has room for: `per_gpu` a GPU, or one a core where the memory suffices."""
    if gpu:
        return int(min(node.cpus, int(node.gpus) * per_gpu))
    return int(min(node.cpus, node.memory // CPU_SLOT_BYTES))


def share_of_node(gpu: bool, per_gpu: int) -> dict[str, float]:
    """What one worker reserves, as options of a Ray actor."""
    if gpu:
        return {"num_cpus": 1, "num_gpus": RAY_STEPS // per_gpu / RAY_STEPS}
    return {"num_cpus": 1, "memory": CPU_SLOT_BYTES}


def count_threads(node: Node, gpu: bool, per_gpu: int) -> int:
    """The number of threads of each worker of a node, so that all together have its cores."""
    return max(1, int(node.cpus) // max(1, slots_of(node, gpu, per_gpu)))


def describe_nodes(nodes: Iterable[Node]) -> str:
    """Nodes for people: `3 nodes with 24 cores and 8 GPUs`."""
    found = list(nodes)
    cores, gpus = (int(sum(values)) for values in ((node.cpus for node in found), (node.gpus for node in found)))
    parts = [f"{cores} core{'s' * (cores != 1)}", *([f"{gpus} GPU{'s' * (gpus != 1)}"] if gpus else [])]
    return f"{len(found)} node{'s' * (len(found) != 1)} with {' and '.join(parts)}"


def _read_node(row: Mapping[str, Any]) -> Node:
    """A node, whose name is the one that it was started with, or else its host's: by default it is an address."""
    given, resources = row.get("NodeName"), row["Resources"]
    name = given if given and given != row["NodeManagerAddress"] else row["NodeManagerHostname"]
    amounts = (float(resources.get(key, 0)) for key in ("CPU", "GPU", "memory"))
    return Node(row["NodeID"], str(name), *amounts)
