"""One process of a measurement: `python -m search.tuning.contender FD`, with FD a socket on which it is sent a `Job`.

It trains in slices as it is told to, see `turns.py`, until the other end of the socket is closed.
"""

import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from search.backend import choose_backend
from search.tuning.job import Job, Refused
from search.tuning.turns import Turns
from trainer.data.dataset import open_dataset
from trainer.errors import InputError

MOST_CHARACTERS = 300  # of a cause; TensorFlow tells the whole graph


def main() -> None:
    """Runs the job that it is sent."""
    connection = Connection(int(sys.argv[1]))
    with suppress(EOFError, OSError):
        job: Job = connection.recv()
        try:
            _train(job, connection)
        except InputError as error:
            connection.send(Refused(str(error)))
        except Exception as error:
            connection.send(Refused(" ".join(f"{type(error).__name__}: {error}".split())[:MOST_CHARACTERS]))


def _train(job: Job, connection: Connection) -> None:
    choose_backend()
    dataset = open_dataset(job.config.data, job.decoded)
    from trainer.training.backend import require_gpu
    from trainer.training.measure import count_training_steps, steps_between_waits, train_until

    if job.gpu:
        require_gpu()
    steps = count_training_steps(job.config, dataset)
    train_until(job.config, dataset, Turns(connection, job.config.optimizer.batch_size, steps, steps_between_waits()))


if __name__ == "__main__":
    main()
