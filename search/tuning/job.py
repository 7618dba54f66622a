"""What a measurement and the processes that it starts tell each other, pickled, over a socket."""

from dataclasses import dataclass
from pathlib import Path

from trainer.config import TrainConfig


@dataclass(frozen=True)
class Job:
    """What a process trains. It is followed by orders: seconds of a slice to be timed, None to rest."""

    config: TrainConfig  # with data in which nothing is left to be found
    decoded: Path | None  # folder of the decoded copy of the data
    gpu: bool = False  # without a GPU the process refuses


@dataclass(frozen=True)
class Ready:
    """The first answer: the process is warm, and rests."""

    batch: int  # images of a step
    steps: int  # of the whole training, were it done
    first_step_s: float  # tracing and compilation included
    step_s: float


@dataclass(frozen=True)
class Slice:
    """The answer to an order of a slice; the process trains on until it is told to rest."""

    images: int
    seconds: float
    memory_bytes: int  # of the process


@dataclass(frozen=True)
class Refused:
    """The answer of a process that ends."""

    cause: str
