"""A helper: a process that prepares batches for another one, until that ends.

It gets messages over a socket: a configuration with its data set, then places in a shared file and steps. It writes the
batch of each step to its place, and answers with the kinds and shapes of the two arrays, or with an exception.
"""

import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import numpy as np

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.errors import InputError
from trainer.pipeline.batches import Batches

Work = tuple[TrainConfig, Dataset]
Task = tuple[int, int]  # where in the file the batch is to be, in bytes, and its step
Answer = list[tuple[str, tuple[int, ...]]] | Exception  # dtype and shape of images and masks


def main() -> None:
    """Works until the other end of the connection is closed, as it is when that process ends in any way."""
    for ends in (signal.SIGINT, signal.SIGTERM):  # which a terminal or a service sends to all processes at once
        signal.signal(ends, signal.SIG_IGN)
    connection, file = Connection(int(sys.argv[1])), int(sys.argv[2])
    batches: Batches | Exception = RuntimeError("a helper needs its work before its first task")
    with suppress(EOFError, OSError):
        while True:
            message: Work | Task = connection.recv()
            if isinstance(message[0], TrainConfig):
                batches = _open(message)
            else:
                connection.send(_prepare(batches, message, file))


def _open(work: Work) -> Batches | Exception:
    try:
        return Batches(*work)
    except Exception as error:
        return _sendable(error)


def _prepare(batches: Batches | Exception, task: Task, file: int) -> Answer:
    if isinstance(batches, Exception):
        return batches
    place, step = task
    try:
        arrays = batches.batch(step)
        for array in arrays:
            place += os.pwrite(file, np.ascontiguousarray(array).data, place)
        return [(array.dtype.str, array.shape) for array in arrays]
    except Exception as error:
        return _sendable(error)


def _sendable(error: Exception) -> Exception:
    """The error as one that can be pickled; what is told apart by its type stays so."""
    return type(error)(str(error)) if type(error) in (InputError, MemoryError) else RuntimeError(repr(error))


if __name__ == "__main__":
    main()
