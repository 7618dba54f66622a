"""Searches with injected faults, ours beside plain Optuna: `make chaos`, or `python -m benchmarks.chaos`.

Processes, signals and PostgreSQL are real; the training is simulated, for both in the same way, and a trial takes a
second or two. The peer is `study.optimize` on Optuna's storage with heartbeats, restarted whenever it dies.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos import real, sick, treatments
from benchmarks.chaos.fleet import Ours, Plain
from benchmarks.chaos.server import Server, own_server
from benchmarks.chaos.treatments import Row, Side

TREATMENTS: dict[str, Callable[[Side, Server], Row]] = {
    "killed": treatments.killed,
    "restarted": treatments.restarted,
    "away": treatments.away,
    "first_starts": treatments.first_starts,
    "paused": treatments.paused,
    "hung": treatments.hung,
    "terminated": treatments.terminated,
    "stopped_in_claim": sick.stopped_in_claim,
    "sick_host": sick.sick_host,
    "store_away": sick.store_away,
    "orphans": sick.orphans,
}
REAL: dict[str, Callable[[Server, Path | None], str]] = {"real": real.killed, "grown": real.grown}
COLUMNS = "treatment, side, finished, stuck, failed, duplicated, gaps, epochs begun twice, died, seconds, note"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "treatments",
        nargs="*",
        choices=[*TREATMENTS, *REAL, []],
        metavar="TREATMENT",
        help=", ".join([*TREATMENTS, *REAL]),
    )
    parser.add_argument("--data", type=Path, help="images for the trained networks  [default: the generated sample]")
    parser.add_argument("--side", choices=["ours", "plain"], help="only this side")
    options = parser.parse_args()
    sides = [side for side in (Ours, Plain) if options.side in (None, side.__name__.lower())]
    print_row(COLUMNS.split(", "))
    print_row(["---"] * len(COLUMNS.split(", ")))
    with tempfile.TemporaryDirectory(prefix="chaos-server-") as folder, own_server(Path(folder)) as server:
        wanted = options.treatments or [*TREATMENTS, *REAL]
        for name, side in [(name, side) for name in wanted if name in TREATMENTS for side in sides]:
            print(f"{name}, {side.__name__} ...", file=sys.stderr, flush=True)
            print_row(format_row(TREATMENTS[name](side, server)))
        for name in [name for name in wanted if name in REAL]:
            print(f"\n{name}: {REAL[name](server, options.data and options.data.resolve())}", flush=True)


def format_row(row: Row) -> list[str]:
    outcome = row.outcome
    counts = [outcome.running, outcome.failed, outcome.duplicated, outcome.gaps]
    repeated = f"{outcome.repeated} of {outcome.epochs}"
    return [
        row.treatment,
        row.side,
        f"{outcome.finished} of {row.budget}",
        *map(str, counts),
        repeated,
        str(row.died),
        f"{row.seconds:.0f}",
        row.note,
    ]


def print_row(texts: list[str]) -> None:
    print(f"| {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
