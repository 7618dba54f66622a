"""A worker of a Ray cluster: the actor that takes a share of a node, and runs one worker process there.

The process is the one that a supervisor starts on its own host, and so is what watches it: it is restarted when it
dies, hangs or has grown, and hands its trial on when it is told to stop. When Ray kills an actor it kills that process,
too: the trial goes on at the end of its lease, as after the loss of a node.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import ray
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from search.fleet.connect import find_nodes
from search.fleet.nodes import Node, count_threads
from search.log import one_line
from search.reconnect import UNREACHABLE, connect_waiting
from search.supervisor.devices import DeviceSlot, list_gpus, make_slot
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.worker.contract import BAD_INPUT, TOLD_TO_STOP, Cluster, Order
from storage.errors import StorageError
from storage.settings import Settings, mask_url
from trainer.errors import InputError

METHODS = 6  # at a time: work, stop, place and show, two of them twice


@dataclass(frozen=True)
class Work:
    """What a member is told when its work begins; no part of it is in what Ray shows or keeps of an actor."""

    order: str  # an `Order` with a cluster, as JSON
    database_url: str = field(repr=False)
    folder: str  # of the run, where the node has none of its own in UNET_SEARCH_DIR
    artifacts: str  # a folder that all nodes see, or a bucket
    environ: Mapping[str, str] = field(repr=False)  # variables that the node lacks


@dataclass(frozen=True)
class Place:
    """Where a member is: the id of its node, and its worker's name."""

    node: str
    worker: str


class ToldToStop(Exception):
    """Ends the member's workers, which hand their trials on."""


class Member:
    """The actor. Ray calls its methods in threads.

    Args:
        number: among the members of a cluster.
    """

    def __init__(self, number: int) -> None:
        self._number, self._stop = number, threading.Event()
        self._shown = threading.Event()
        self._lock = threading.Lock()
        self._end: tuple[int, str] | None = None  # of the work
        self._node = _own_node()

    @override
    def __repr__(self) -> str:
        """What Ray's dashboard and logs call it."""
        return self._worker

    @property
    def _worker(self) -> str:
        return f"{self._node.name}:{self._number}"

    def place(self) -> Place:
        """Where it is; after a restart it may be elsewhere."""
        return Place(self._node.id, self._worker)

    def work(self, work: Work) -> tuple[int, str]:
        """Runs a worker until the study is done; returns its exit status, and for BAD_INPUT the line.

        Ray calls again when its connection was broken for a while: there is one worker all the same.
        """
        with self._lock:
            self._end = self._end or self._work(work)
            return self._end

    def stop(self) -> None:
        """Tells the worker to hand its trial on."""
        self._stop.set()

    def show(self) -> None:
        """Lasts until the next call: Ray's dashboard and timeline have a task of the trial's name meanwhile."""
        self._shown.set()
        self._shown = shown = threading.Event()
        shown.wait()

    def _work(self, work: Work) -> tuple[int, str]:
        try:
            return self._run(work), ""
        except ToldToStop:
            return TOLD_TO_STOP, ""
        except (InputError, StorageError, OSError, SQLAlchemyError, *UNREACHABLE) as error:
            is_ours = isinstance(error, InputError | StorageError)
            return BAD_INPUT, mask_url(str(error)) if is_ours else one_line(error)
        finally:
            self._shown.set()

    def _run(self, work: Work) -> int:
        for name, value in work.environ.items():
            os.environ.setdefault(name, value)
        order = Order.model_validate_json(work.order)
        folder = Path(os.environ.get("UNET_SEARCH_DIR") or work.folder)
        settings = Settings(database_url=work.database_url, dir=folder, artifacts=work.artifacts)
        db = connect_waiting(work.database_url, self._stop)
        try:
            group = WorkerGroup(
                order.study,
                settings,
                (self._slot(order),),
                order.data,
                order.deterministic,
                trainer=order.trainer,
                host=self._node.name,
            )
            return run_workers(db, group, self._check)
        finally:
            db.close()

    def _slot(self, order: Order) -> DeviceSlot:
        """The share of the node that Ray gave this actor. Raises InputError where its GPU is not to be seen."""
        assert isinstance(order.cluster, Cluster)
        gpus = list_gpus() if order.gpu else []
        if order.gpu and not gpus:
            raise InputError("a worker for a GPU needs one that nvidia-smi lists; got none; check the node's driver")
        threads = count_threads(self._node, order.gpu, order.cluster.per_gpu)
        return make_slot(self._number, gpus, threads, order.deterministic)

    def _check(self) -> None:
        if self._stop.is_set():
            raise ToldToStop


def _own_node() -> Node:
    own = ray.get_runtime_context().get_node_id()
    return next(node for node in find_nodes() if node.id == own)
