"""What the nodes of a Ray cluster have room for."""

from typing import Any

import pytest

from search.fleet.look import FoundCluster, plan_cluster
from search.fleet.nodes import Node, count_slots, count_threads, describe_nodes, read_nodes, share_of_node
from search.supervisor.devices import CPU_SLOT_BYTES
from trainer.errors import InputError

GPUS = Node("a", "gpus", cpus=16, gpus=4, memory=64 * 2**30)
CORES = Node("b", "cores", cpus=8, gpus=0, memory=4 * CPU_SLOT_BYTES)


def _row(**changed: Any) -> dict[str, Any]:
    """A row of `ray.nodes()`, of Ray 2.60."""
    row = {
        "NodeID": "9f",
        "Alive": True,
        "NodeManagerAddress": "10.0.0.4",
        "NodeManagerHostname": "host",
        "NodeName": "10.0.0.4",
        "Resources": {"CPU": 8.0, "memory": 2.0**34, "node:10.0.0.4": 1.0},
    }
    return row | changed


def test_a_node_has_what_ray_says() -> None:
    assert read_nodes([_row()]) == [Node("9f", "host", 8.0, 0.0, 2.0**34)]


def test_a_name_that_was_given_comes_before_the_hosts() -> None:
    assert [node.name for node in read_nodes([_row(NodeName="rack-7")])] == ["rack-7"]


def test_a_node_that_was_lost_is_none() -> None:
    assert read_nodes([_row(Alive=False)]) == []


@pytest.mark.parametrize(("gpu", "per_gpu", "slots"), [(True, 1, 4), (True, 3, 12), (True, 8, 16), (False, 1, 16)])
def test_slots_of_a_node_with_gpus(gpu: bool, per_gpu: int, slots: int) -> None:
    assert count_slots([GPUS], gpu, per_gpu) == slots


def test_slots_without_gpus_are_limited_by_memory() -> None:
    assert count_slots([CORES], False, 1) == 4


def test_a_node_without_gpus_has_no_slot_beside_gpus() -> None:
    assert count_slots([GPUS, CORES], True, 1) == 4


@pytest.mark.parametrize("per_gpu", [1, 2, 3, 7, 1000])
def test_the_shares_of_a_gpu_are_no_more_than_the_gpu(per_gpu: int) -> None:
    share = share_of_node(True, per_gpu)["num_gpus"]
    assert 0 < share * per_gpu <= 1
    assert share * 10_000 == pytest.approx(round(share * 10_000))  # which Ray requires


@pytest.mark.parametrize(("node", "gpu", "threads"), [(GPUS, True, 4), (CORES, False, 2)])
def test_workers_of_a_node_share_its_cores(node: Node, gpu: bool, threads: int) -> None:
    assert count_threads(node, gpu, 1) == threads


def test_nodes_are_described_for_people() -> None:
    assert describe_nodes([GPUS, CORES]) == "2 nodes with 24 cores and 4 GPUs"


def test_gpus_are_used_where_there_are_any() -> None:
    cluster, slot = plan_cluster(FoundCluster("10.0.0.4:6379", (GPUS, CORES)), "auto", None, 2)
    assert (cluster.address, cluster.workers, cluster.per_gpu) == ("10.0.0.4:6379", None, 2)
    assert (slot.gpu, slot.device) == (True, "Ray at 10.0.0.4:6379: 2 nodes with 24 cores and 4 GPUs, 8 workers")


def test_cores_are_used_where_there_is_no_gpu() -> None:
    _, slot = plan_cluster(FoundCluster("10.0.0.4:6379", (CORES,)), "auto", None, 1)
    assert not slot.gpu


def test_a_cluster_without_room_is_refused() -> None:
    with pytest.raises(InputError, match=r"needs a GPU and a core of a node; got 1 node with 8 cores"):
        plan_cluster(FoundCluster("10.0.0.4:6379", (CORES,)), "gpu", None, 1)


def test_a_number_of_workers_waits_for_nodes_that_join() -> None:
    cluster, slot = plan_cluster(FoundCluster("10.0.0.4:6379", ()), "gpu", 3, 1)
    assert (cluster.workers, slot.gpu) == (3, True)
