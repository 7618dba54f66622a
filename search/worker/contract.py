"""What a supervisor and its workers agree on: the order that a worker is started with, and what its end means."""

from uuid import UUID

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
