"""What a study costs when it has grown: 10,000 trials of 50 epochs beside 100, ours beside plain Optuna.

    python -m benchmarks.many_trials [--trials 100 10000] [--workers 64 ...] [--json]

The studies are made by SQL in an embedded PostgreSQL. Each figure is of a fresh process on a fresh copy of the
database: a worker that opens the study and draws, then whole trials without training (claim, ask, 20 reports, tell);
`status`; the report; the dashboard, from its start, and from when it listens, to the whole answer about all trials.
Then many workers at once, on the largest study, that train nothing: `--workers 64 500`. Seconds
are of one run on one machine: read them as ratios.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.many_trials.cpu import children_cpu_s
from benchmarks.many_trials.fill import NAME, make_study
from benchmarks.many_trials.fleet import Bill, run_fleet
from storage.database.connection import connect, create_tables
from storage.database.engine import needed_connections
from storage.embedded.server import embedded_server
from tests.postgres_server import database_name, execute, fresh_database

REPEATS = 5
PATIENCE_S = 3600
PASSWORD = "right"
BASIC = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}
COMMAND = [sys.executable, "-c", "from search.cli import main; main()"]  # of this folder, whatever is installed
PROBED = {
    "imports": "a worker's imports",
    "start": "it opens the study and draws",
    "trial": "a further trial",
    "claim and ask": "... claim and ask",
    "reports": "... 20 reports",
    "tell": "... tell",
    "sweep": "... removing files",
    "start_cpu": "its CPU for open and draw",
    "own_cpu": "its CPU for a trial",
    "database_cpu": "the database's CPU for it",
    "mib": "its memory, MiB",
}
SIDES = {"ours": "worker", "plain": "plain Optuna"}
Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--workers", type=int, nargs="*", default=[64], help="at once, on the largest study")
    parser.add_argument("--trials-each", type=int, default=2, help="of each of these workers")
    parser.add_argument("--epoch-s", type=float, default=0.0, help="seconds of each of their 20 epochs")
    parser.add_argument("--side", choices=SIDES, action="append", help="only this side, of a worker's figures too")
    parser.add_argument("--fleet-only", action="store_true", help="nothing but these workers")
    parser.add_argument("--json", action="store_true", help="print one object instead of tables")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="unet-many-")))
        server = stack.enter_context(embedded_server(folder, needed_connections(max(options.workers, default=0)) + 20))
        execute(server, "alter system set fsync = off", "select pg_reload_conf()")  # its data need not survive a crash
        templates = [make_template(stack, server, trials) for trials in options.trials]
        sides, pgdata = options.side or list(SIDES), folder / "pgdata"
        columns = [] if options.fleet_only else [measure(server, pgdata, template, sides) for template in templates]
        fleets: list[tuple[str, Bill]] = []
        for workers, side in product(options.workers, sides):
            with fresh_database(server, templates[-1]) as url:
                fleets.append(
                    (SIDES[side], run_fleet(url, pgdata, workers, options.trials_each, side, options.epoch_s))
                )
    if options.json:
        rows = {str(trials): column for trials, column in zip(options.trials, columns, strict=False)}
        print(json.dumps({"trials": rows, "fleets": [{"side": s, **asdict(b)} for s, b in fleets]}, indent=2))
    else:
        if columns:
            print_table(options.trials, columns)
        if fleets:
            print(f"\nworkers at once on {options.trials[-1]:,} trials\n")
            print_fleets(fleets)


def make_template(stack: ExitStack, server: str, trials: int) -> str:
    """The name of a database with a study of so many trials."""
    url = stack.enter_context(fresh_database(server))
    create_tables(url)
    db = connect(url)
    make_study(db, trials)
    db.close()
    return database_name(url)


def measure(server: str, pgdata: Path, template: str, sides: Sequence[str]) -> Row:
    """Every figure of one study."""
    row: Row = {}
    for side in sides:
        with fresh_database(server, template) as url:
            found = probe(side, url, pgdata)
        row |= {f"{SIDES[side]}: {label}": found[name] for name, label in PROBED.items() if name in found}
        print(row, file=sys.stderr, flush=True)
    with fresh_database(server, template) as url:
        environ = os.environ | {"DATABASE_URL": url, "DASHBOARD_PASSWORD": PASSWORD, "PYTHONUNBUFFERED": "1"}
        with tempfile.TemporaryDirectory(prefix="many-") as folder:
            status = [*COMMAND, "status", "--study", NAME, "--json", "--dir", folder]
            row |= command("`status`", status, environ, REPEATS)
            print(row, file=sys.stderr, flush=True)
            report = [*COMMAND, "report", "--study", NAME, "--dir", folder, "-o", f"{folder}/report.html"]
            row |= command("`report`", report, environ, 1)
            print(row, file=sys.stderr, flush=True)
            row |= open_dashboard(environ, folder)
    return row


def command(name: str, arguments: Sequence[str], environ: dict[str, str], repeats: int) -> Row:
    """Seconds of a command, Python's start included, and its CPU seconds."""
    cpu = children_cpu_s()
    seconds = median(timed(lambda: run(arguments, environ)) for _ in range(repeats))
    return {name: seconds, f"{name}: CPU": (children_cpu_s() - cpu) / repeats}


def probe(side: str, url: str, pgdata: Path) -> Row:
    command = [sys.executable, "-m", "benchmarks.many_trials.probe", side, url, str(pgdata), str(REPEATS)]
    found: Row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return found


def open_dashboard(environ: dict[str, str], folder: str) -> Row:
    """Seconds until a new dashboard has told all about a study, and again, and what is new; its memory then."""
    began = time.perf_counter()
    command = [*COMMAND, "dashboard", "--port", "0", "--dir", folder]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://[\d.:]+", server.stdout.readline())
            assert found, "the dashboard did not start"
            study, listens = f"{found[0]}/api/studies/1", time.perf_counter()
            fetch(study)
            told = time.perf_counter()
            again, new = (timed(partial(fetch, study + query)) for query in ("", "?after=1000000"))
            matters = timed(lambda: fetch(f"{study}/param_importances"))
            process = psutil.Process(server.pid)
            mib, times = process.memory_info().rss / 2**20, process.cpu_times()
        finally:
            server.terminate()
    row = {"`dashboard`: from its start, it tells all": told - began}
    row |= {"`dashboard`: from its address, it tells all": told - listens, "`dashboard`: ... again": again}
    row |= {"`dashboard`: ... what is new": new, "`dashboard`: ... what matters": matters}
    return row | {"`dashboard`: CPU, its start included": times.user + times.system, "`dashboard`: memory, MiB": mib}


def fetch(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, headers=BASIC), timeout=PATIENCE_S) as answer:
        answer.read()


def run(command: Sequence[str], environ: dict[str, str]) -> None:
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def print_table(trials: Sequence[int], columns: Sequence[Row]) -> None:
    print(f"| seconds | {' | '.join(f'{count:,} trials' for count in trials)} | ratio |")
    print("|---" * (len(trials) + 2) + "|")
    for label in columns[0]:
        values = [column[label] for column in columns]
        cells = [f"{value:.0f}" if label.endswith("MiB") else f"{value:.3f}" for value in values]
        print(f"| {label} | {' | '.join(cells)} | {values[-1] / values[0]:.2f} |")


def print_fleets(fleets: Sequence[tuple[str, Bill]]) -> None:
    print(f"| | {' | '.join(f'{side}, {bill.workers}' for side, bill in fleets)} |")
    print("|---" * (len(fleets) + 1) + "|")
    for field in fields(Bill)[1:]:
        print(f"| {field.name} | {' | '.join(f'{getattr(bill, field.name):.3g}' for _, bill in fleets)} |")


if __name__ == "__main__":
    main()
