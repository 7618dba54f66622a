"""What a supervisor and its workers agree on: the order that a worker is started with, and what its end means."""

from typing import Self
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict

DEFAULT_TRAINER = "search.worker.trainer:keras_trainer"

# Exit statuses of a worker.
DONE = 0  # the study has nothing left to do, or was stopped
BAD_INPUT = 2  # one line on standard error, the log's last
FAILURES = 3  # failures stopped the study
AWAY = 69  # the database or the artifact store cannot be used, which may pass; one line as for BAD_INPUT
GROWN = 75  # the process has grown too large, and is to be started again
TOLD_TO_STOP = 143  # it was told to stop, and has handed its trial on

GRACE_S = 8.0  # between being told to stop and being killed
CLUSTER_GRACE_S = 20.0  # the same for a process that has a cluster's workers stop


class Cluster(BaseModel):
    """A Ray cluster, on which a study's workers run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str  # HOST:PORT of its head
    workers: int | None = None  # in all; when missing as many as the cluster has room for
    per_gpu: int = 1  # workers that share a GPU


class Order(BaseModel):
    """What the supervisor tells a worker, as JSON on its command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    worker: str  # its name
    owner: UUID  # whose leases it holds; another one after each start
    device: str  # for people
    gpu: bool = False  # meant for a GPU: without one it refuses to train
    deterministic: bool = False
    data: str | None = None  # where the data lie on this host; as recorded in the study when missing
    trainer: str = DEFAULT_TRAINER  # `module:function` that gives a `Trainer`
    cluster: Cluster | None = None  # whose workers the process keeps running, instead of training itself

    @property
    def module(self) -> str:
        """What the supervisor starts with this order."""
        return "search.worker" if self.cluster is None else "search.fleet"

    @property
    def grace_s(self) -> float:
        """The time between being told to stop and being killed."""
        return GRACE_S if self.cluster is None else CLUSTER_GRACE_S

    def renew(self) -> Self:
        """The order of another process."""
        return self.model_copy(update={"owner": uuid4()})
