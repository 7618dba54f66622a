"""Searches that train networks, ours only: whether kills change the values, and the memory that fifty trials take."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

from benchmarks.chaos.fleet import ROOT, children, command_line
from benchmarks.chaos.server import Server

KILL_INTERVAL_S = 20.0  # longer than a worker takes to start, so that trials make progress between two kills
VALUES = text("""
    select t.number, v.value from trials t join trial_values v using (trial_id)
    where t.state in ('COMPLETE', 'PRUNED') order by t.number""")
SEARCH = """
study = {{ name = "real", trials = {trials}, pruner = "none" }}
[train]
data = {{ {data} limit = {images} }}
model = {{ depth = 2, width = 4 }}
optimizer = {{ batch_size = 16 }}
budget = {{ epochs = {epochs} }}
[space]
"model.norm" = {{ choice = ["batch", "layer", "group", "none"] }}
"model.se" = {{ choice = [true, false] }}
"optimizer.learning_rate" = {{ float = [1e-3, 1e-2], log = true }}
"""


@dataclass(frozen=True)
class Search:
    """A search of tiny networks."""

    data: Path | None  # the generated sample when missing
    trials: int
    epochs: int
    images: int

    def run(
        self, server: Server, workers: int, on_poll: Callable[[list[psutil.Process], float], None]
    ) -> dict[int, float]:
        """Runs the search on a database of its own; returns the value of each trial by its number.

        Args:
            on_poll: called several times a second with the worker processes and the seconds since the start.
        """
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, server.database() as url:
            data = f'path = "{self.data}",' if self.data else ""
            fields = {"trials": self.trials, "epochs": self.epochs, "images": self.images, "data": data}
            Path(folder, "search.toml").write_text(SEARCH.format(**fields))
            environ = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", "from search.cli import main; main()", "run", "search.toml"]
            command += ["--workers", str(workers), "--device", "cpu", "--deterministic"]
            with Path(folder, "output.log").open("wb") as log:
                process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
                started = time.monotonic()
                while process.poll() is None:
                    running = [child for child in children(process) if "search.worker" in command_line(child)]
                    on_poll(running, time.monotonic() - started)
                    time.sleep(0.2)
            return read_values(url)


def read_values(url: str) -> dict[int, float]:
    engine = create_engine(url)
    with engine.connect() as connection:
        values = {row.number: row.value for row in connection.execute(VALUES)}
    engine.dispose()
    return values


def killed(server: Server, data: Path | None) -> str:
    """Whether a search whose only worker is killed five times finds the same values, to the bit, as without kills."""
    search, kills = Search(data, trials=8, epochs=5, images=200), list[int]()

    def kill(workers: list[psutil.Process], elapsed_s: float) -> None:
        if workers and len(kills) < 5 and elapsed_s > KILL_INTERVAL_S * (len(kills) + 1):
            kills.append(workers[0].pid)
            workers[0].kill()

    undisturbed = search.run(server, 1, lambda workers, elapsed_s: None)
    disturbed = search.run(server, 1, kill)
    same = "the same values to the bit" if disturbed == undisturbed else "OTHER VALUES"
    return f"killed {len(kills)} times: {same}: {json.dumps(undisturbed)} and {json.dumps(disturbed)}"


def grown(server: Server, data: Path | None) -> str:
    """The memory of fifty trials of two workers: at most in one process, and at most in all at one moment."""
    largest, largest_sum, pids = 0, 0, set[int]()

    def measure(workers: list[psutil.Process], elapsed_s: float) -> None:
        nonlocal largest, largest_sum
        sizes = [memory_bytes(worker) for worker in workers]
        largest, largest_sum = max([largest, *sizes]), max(largest_sum, sum(sizes))
        pids.update(worker.pid for worker in workers)

    values = Search(data, trials=50, epochs=1, images=64).run(server, 2, measure)
    return (
        f"{len(values)} trials by {len(pids)} processes of 2 workers: the largest {largest / 2**20:,.0f} MiB, "
        f"the fleet {largest_sum / 2**20:,.0f} MiB at most"
    )


def memory_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
