"""Many workers at once, whose training is pretended: what they cost the database, and whether one meets an error."""

import json
import math
import multiprocessing
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any, Literal

# What a worker imports late is imported here for the processes that are forked from this one, which start faster so.
import alembic.context  # noqa: F401
import optuna.storages._rdb.models  # noqa: F401
import psutil
import psycopg2  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg2  # noqa: F401
from sqlalchemy import create_engine, text

import search.worker.__main__  # noqa: F401
from benchmarks.many_trials.cpu import server_cpu_s
from benchmarks.many_trials.probe import EPOCHS, SIDES, Clock
from storage.database import optuna_storage  # noqa: F401

Side = Literal["ours", "plain"]
LOOK_S = 0.2
CONNECTIONS = text(
    "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
)
FORK: Any = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["benchmarks.many_trials.fleet"])


@dataclass(frozen=True)
class Bill:
    """What a fleet's trials cost."""

    workers: int
    trials: int
    died: int  # workers
    lines: int  # that the workers wrote: each is an error, or a database that did not answer
    connections: int  # the most that were seen at once
    database_cpu_s: float  # of a trial, its share of the starts included
    database_cores: float  # that are busy, on the mean
    wall_s: float
    trials_a_second: float  # from the first claim to the last tell
    median_claim_s: float  # with the draw
    longest_claim_s: float
    process_mib: float  # of one worker, the largest, at its end


def run_fleet(url: str, pgdata: Path, workers: int, trials_each: int, side: Side = "ours", epoch_s: float = 0) -> Bill:
    """Runs the workers, each of which opens the study and handles so many trials of EPOCHS reports."""
    done, most = Event(), [0]
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        processes = [
            FORK.Process(target=work, args=(url, folder, n, trials_each, side, epoch_s)) for n in range(workers)
        ]
        observer = Thread(target=lambda: most.append(count_connections(url, done)))
        observer.start()
        before, began = server_cpu_s(pgdata), time.perf_counter()
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        wall_s, cpu_s = time.perf_counter() - began, server_cpu_s(pgdata) - before
        done.set()
        observer.join()
        died = sum(process.exitcode != 0 for process in processes)
        lines = [line for path in Path(folder).glob("*.log") for line in path.read_text().splitlines()]
        print(*lines[-20:], sep="\n", file=sys.stderr)
        ended = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    trials = workers * trials_each
    claims = [seconds for one in ended for seconds in one["claims"]]
    active_s = max(one["end"] for one in ended) - min(one["begin"] for one in ended) if ended else math.inf
    return Bill(
        workers=workers,
        trials=trials,
        died=died,
        lines=len(lines),
        connections=max(most),
        database_cpu_s=cpu_s / trials,
        database_cores=cpu_s / wall_s,
        wall_s=wall_s,
        trials_a_second=len(claims) / active_s,
        median_claim_s=median(claims) if claims else math.inf,
        longest_claim_s=max(claims, default=math.inf),
        process_mib=max((one["mib"] for one in ended), default=0.0),
    )


def work(url: str, folder: str, number: int, trials: int, side: Side, epoch_s: float) -> None:
    """One worker: whatever it writes to standard error counts as an error."""
    with open(Path(folder) / f"{number}.log", "a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    run_trial, clock, begin = SIDES[side](url, epoch_s), Clock(), time.monotonic()
    for _ in range(trials):
        run_trial(clock, EPOCHS)
    size = psutil.Process().memory_info().rss / 2**20
    found = {"claims": clock.seconds["claim and ask"], "begin": begin, "end": time.monotonic(), "mib": size}
    (Path(folder) / f"{number}.json").write_text(json.dumps(found))


def count_connections(url: str, done: Event) -> int:
    """The most connections that the database had at once until `done`."""
    observer, most = create_engine(url, isolation_level="AUTOCOMMIT"), 0
    with observer.connect() as connection:
        while not done.wait(LOOK_S):
            most = max(most, connection.scalar(CONNECTIONS) or 0)
    observer.dispose()
    return most
