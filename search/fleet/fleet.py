"""Keeps as many workers on a Ray cluster as it has room for, until their study is done.

Ray decides where an actor goes, and starts it again elsewhere when its node is lost; an actor for which there is no
room waits, which an autoscaler takes for demand. Which trial a worker has is the database's business alone.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

import ray
from sqlalchemy.exc import SQLAlchemyError

from search.fleet.connect import find_draining, find_nodes
from search.fleet.member import METHODS, Member, Place, Work
from search.fleet.nodes import Node, count_slots, share_of_node
from search.log import log_event, one_line
from search.reconnect import UNREACHABLE
from search.worker.contract import BAD_INPUT, DONE, FAILURES, GRACE_S, TOLD_TO_STOP, Cluster, Order
from storage.studies.status import Running

LOOK_S = 2.0  # between two looks at the cluster and the study
PLACE_S = 30.0  # between two questions where a member is
UNSEEN = {"max_task_retries": 0, "enable_task_events": False}  # of calls that Ray's dashboard is not to list
STOP_S = GRACE_S + 6.0  # for members to hand their trials on: they look for it once a second, and end what hangs

FindRunning = Callable[[], Sequence[Running]]


@dataclass
class Joined:
    """A member as its driver sees it."""

    number: int
    actor: Any  # Ray's handle
    working: Any  # a reference to what its `work` returns
    placing: Any = None  # the same of `place`, while it is being asked
    place: Place | None = None  # None while it waits for room
    placed_at: float = 0.0  # seconds of the monotonic clock
    shown: tuple[str, int] | None = None  # the worker and the trial that Ray shows
    status: int | None = None  # once its work is over


def run_fleet(order: Order, work: Work, find_running: FindRunning, stop: threading.Event) -> tuple[int, str]:
    """Runs the members until the study is done or `stop` is set; returns an exit status, and for BAD_INPUT the line.

    Args:
        order: with the cluster, to which this process is connected.
        work: what each member is told.
        find_running: the study's running trials.
        stop: set when the members are to hand their trials on.

    Raises an exception of Ray's when the cluster is lost.
    """
    numbers, causes = count(), list[str]()
    members: list[Joined] = []
    try:
        while not stop.is_set():
            causes += filter(None, [_note_end(member) for member in members])
            if is_over(members):
                return final_status(members), causes[-1] if causes else ""
            nodes, draining = find_nodes(), find_draining()
            members = [member for member in members if not _has_gone(member, nodes)]
            for member in (member for member in members if member.status is None):
                _ask_place(member, nodes)
                if member.place is not None and member.place.node in draining:
                    member.actor.stop.options(**UNSEEN).remote()
            for _ in range(count_missing(order, members, [node for node in nodes if node.id not in draining])):
                members.append(_join(next(numbers), order, work))
            _show_trials(members, find_running)
            stop.wait(LOOK_S)
        return TOLD_TO_STOP, ""
    finally:
        _stop_members(members)


def is_over(members: Sequence[Joined]) -> bool:
    """Whether no member works any more, nor will: those that still wait for room come too late for a study's end."""
    statuses = [member.status for member in members]
    late = [member for member in members if member.status is None and member.place is None]
    if DONE in statuses:
        return statuses.count(None) == len(late)
    return bool(members) and None not in statuses


def final_status(members: Sequence[Joined]) -> int:
    """The exit status of all members together."""
    statuses = {member.status for member in members}
    return next((status for status in (DONE, FAILURES, BAD_INPUT) if status in statuses), DONE)


def count_missing(order: Order, members: Sequence[Joined], nodes: Sequence[Node]) -> int:
    """How many members are to join. Those that have failed keep their place, or others would fail there, too."""
    assert isinstance(order.cluster, Cluster)
    if any(member.status == DONE for member in members):
        return 0
    wanted = order.cluster.workers or count_slots(nodes, order.gpu, order.cluster.per_gpu)
    return max(0, wanted - len(members))


def _join(number: int, order: Order, work: Work) -> Joined:
    assert isinstance(order.cluster, Cluster)
    share = share_of_node(order.gpu, order.cluster.per_gpu)
    options = {"max_restarts": -1, "max_task_retries": -1, "max_concurrency": METHODS, **share}
    actor = ray.remote(Member).options(**options).remote(number)
    return Joined(number, actor, actor.work.remote(work))


def _note_end(member: Joined) -> str | None:
    """Notes the end of a member's work; returns why, where it refused it."""
    if member.status is not None or not _is_ready(member.working):
        return None
    try:
        member.status, cause = ray.get(member.working)
    except Exception as error:  # such as code that a node lacks
        member.status, cause = BAD_INPUT, one_line(error)
    where = member.place.worker if member.place else f"member {member.number}"
    log_event(f"{where} ends with status {member.status}", cause=cause or None)
    return cause or None


def _has_gone(member: Joined, nodes: Sequence[Node]) -> bool:
    """Whether a member is to be forgotten: it has handed its trial on, or failed on a node that is no longer there."""
    is_lost = member.place is not None and not _is_on(member, nodes)
    if member.status != TOLD_TO_STOP and not (member.status in (FAILURES, BAD_INPUT) and is_lost):
        return False
    ray.kill(member.actor)
    return True


def _ask_place(member: Joined, nodes: Sequence[Node]) -> None:
    """Learns where a member is; the answer is there at a later look."""
    if member.placing is None:
        if _is_on(member, nodes) and monotonic() < member.placed_at + PLACE_S:
            return
        member.placing = member.actor.place.options(**UNSEEN).remote()
    if not _is_ready(member.placing):
        return
    before, member.placed_at = member.place, monotonic()
    try:
        member.place = ray.get(member.placing)
    except Exception:  # the actor's node was lost
        member.place = None
    member.placing = None
    if member.place != before:
        log_event(f"member {member.number}", cause=f"on {member.place.worker}" if member.place else "waits for a node")


def _is_on(member: Joined, nodes: Sequence[Node]) -> bool:
    return member.place is not None and any(node.id == member.place.node for node in nodes)


def _show_trials(members: Sequence[Joined], find_running: FindRunning) -> None:
    """Has Ray's dashboard show which trial each member has, as tasks with their names."""
    try:
        trials = {trial.worker: trial.number for trial in find_running()}
    except (SQLAlchemyError, *UNREACHABLE):
        return  # the next look tries again
    for member in members:
        worker = member.place.worker if member.place else None
        if worker is None or worker not in trials or member.shown == (worker, trials[worker]):
            continue
        member.shown = worker, trials[worker]
        member.actor.show.options(name=f"trial {trials[worker]}", max_task_retries=0).remote()


def _stop_members(members: Sequence[Joined]) -> None:
    """Tells the members to hand their trials on, waits STOP_S for them, and ends their actors."""
    with suppress(Exception):  # the cluster may be lost
        working = [member for member in members if member.status is None and member.place is not None]
        for member in working:
            member.actor.stop.options(**UNSEEN).remote()
        if working:
            ray.wait([member.working for member in working], num_returns=len(working), timeout=STOP_S)
        for member in members:
            ray.kill(member.actor)


def _is_ready(reference: Any) -> bool:
    return bool(ray.wait([reference], timeout=0)[0])
