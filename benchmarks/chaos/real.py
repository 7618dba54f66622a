"""Real networks on real images: what kills cost the result, and what fifty trials cost in memory. Ours alone."""

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

EVERY_S = 20.0  # longer than a worker takes to start: a trial must get somewhere between two kills
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

    def run(self, server: Server, workers: int, act: Callable[[list[psutil.Process], float], None]) -> dict[int, float]:
        """Runs it on a database of its own; the values by trial. `act(workers, seconds gone)` is called often."""
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, server.database() as url:
            named = f'path = "{self.data}",' if self.data else ""
            shape = {"trials": self.trials, "epochs": self.epochs, "images": self.images, "data": named}
            Path(folder, "search.toml").write_text(SEARCH.format(**shape))
            environ = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", "from search.cli import main; main()", "run", "search.toml"]
            command += ["--workers", str(workers), "--device", "cpu", "--deterministic"]
            with Path(folder, "output.log").open("wb") as log:
                process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
                started = time.monotonic()
                while process.poll() is None:
                    act(
                        [c for c in children(process) if "search.worker" in command_line(c)], time.monotonic() - started
                    )
                    time.sleep(0.2)
            return read_values(url)


def read_values(url: str) -> dict[int, float]:
    engine = create_engine(url)
    with engine.connect() as connection:
        values = {row.number: row.value for row in connection.execute(VALUES)}
    engine.dispose()
    return values


def killed(server: Server, data: Path | None) -> str:
    """The same search undisturbed and with its one worker killed five times: the same values to the bit?"""
    search, kills = Search(data, trials=8, epochs=5, images=200), list[int]()

    def kill(workers: list[psutil.Process], gone: float) -> None:
        if workers and len(kills) < 5 and gone > EVERY_S * (len(kills) + 1):
            kills.append(workers[0].pid)
            workers[0].kill()

    undisturbed = search.run(server, 1, lambda workers, gone: None)
    disturbed = search.run(server, 1, kill)
    same = "the same values to the bit" if disturbed == undisturbed else "OTHER VALUES"
    return f"killed {len(kills)} times: {same}: {json.dumps(undisturbed)} and {json.dumps(disturbed)}"


def grown(server: Server, data: Path | None) -> str:
    """Fifty trials, two workers: the largest worker, and the most that the fleet held at one moment."""
    largest, most, pids = 0, 0, set[int]()

    def look(workers: list[psutil.Process], gone: float) -> None:
        nonlocal largest, most
        sizes = [size_of(worker) for worker in workers]
        largest, most = max([largest, *sizes]), max(most, sum(sizes))
        pids.update(worker.pid for worker in workers)

    values = Search(data, trials=50, epochs=1, images=64).run(server, 2, look)
    return (
        f"{len(values)} trials by {len(pids)} processes of 2 workers: the largest {largest / 2**20:,.0f} MiB, "
        f"the fleet {most / 2**20:,.0f} MiB at most"
    )


def size_of(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
