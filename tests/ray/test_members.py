"""When members of a cluster are over, and how many are missing; without a cluster."""

from uuid import UUID

import pytest

from search.fleet.nodes import Node
from search.worker.contract import BAD_INPUT, DONE, FAILURES, Cluster, Order

pytest.importorskip("ray", reason="Ray is not installed: `make test-ray` has it")

from search.fleet.fleet import Joined, count_missing, final_status, is_over
from search.fleet.member import Place

pytestmark = pytest.mark.ray
NODES = [Node(str(number), f"node {number}", cpus=1, gpus=0, memory=2**33) for number in range(3)]
WAITING = "waiting"


def _members(*statuses: int | str | None) -> list[Joined]:
    """Members with exit statuses; None for one that works, WAITING for one that has no node yet."""
    return [
        Joined(
            number,
            actor=None,
            working=None,
            place=None if status == WAITING else Place(str(number), f"node {number}:{number}"),
            status=status if isinstance(status, int) else None,
        )
        for number, status in enumerate(statuses)
    ]


def _order(workers: int | None = None) -> Order:
    cluster = Cluster(address="127.0.0.2:6379", workers=workers)
    return Order(study="mars", worker="host:ray", owner=UUID(int=1), device="Ray", cluster=cluster)


@pytest.mark.parametrize(
    ("statuses", "over"),
    [
        ((), False),
        ((None, WAITING), False),
        ((DONE, None), False),
        ((DONE, WAITING), True),
        ((DONE, BAD_INPUT, FAILURES), True),
        ((BAD_INPUT, None), False),
        ((BAD_INPUT, WAITING), False),
        ((BAD_INPUT, FAILURES), True),
    ],
)
def test_members_are_over_when_none_works_or_will(statuses: tuple[int | str | None, ...], over: bool) -> None:
    assert is_over(_members(*statuses)) is over


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((DONE, BAD_INPUT, FAILURES), DONE), ((FAILURES, BAD_INPUT), FAILURES), ((BAD_INPUT, BAD_INPUT), BAD_INPUT)],
)
def test_the_status_of_all_is_that_of_the_best(statuses: tuple[int, ...], status: int) -> None:
    assert final_status(_members(*statuses)) == status


def test_there_is_a_member_for_each_slot() -> None:
    assert count_missing(_order(), _members(None), NODES) == 2


def test_there_are_no_more_than_were_asked_for() -> None:
    assert count_missing(_order(workers=2), _members(None), NODES) == 1


def test_those_that_were_asked_for_wait_for_nodes() -> None:
    assert count_missing(_order(workers=5), [], []) == 5


def test_a_member_that_failed_keeps_its_place() -> None:
    assert count_missing(_order(), _members(BAD_INPUT, None, None), NODES) == 0


def test_nobody_joins_at_the_end() -> None:
    assert count_missing(_order(), _members(DONE), NODES) == 0
