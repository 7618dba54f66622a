"""Searches under treatment, beside plain Optuna under the same: `make chaos`, or `python -m benchmarks.chaos`.

Real processes, real signals and a real PostgreSQL; the training is pretended (a trial takes a second or two), on both
sides the same. The peer is `study.optimize` on Optuna's own storage with heartbeats, started again whenever it dies.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.chaos import real, treatments
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
    parser.add_argument("--data", type=Path, help="real images for the real networks; else the generated sample")
    parser.add_argument("--side", choices=["ours", "plain"], help="one side alone")
    options = parser.parse_args()
    sides = [side for side in (Ours, Plain) if options.side in (None, side.__name__.lower())]
    print_row(COLUMNS.split(", "))
    print_row(["---"] * len(COLUMNS.split(", ")))
    with tempfile.TemporaryDirectory(prefix="chaos-server-") as folder, own_server(Path(folder)) as server:
        wanted = options.treatments or [*TREATMENTS, *REAL]
        for name, side in [(name, side) for name in wanted if name in TREATMENTS for side in sides]:
            print(f"{name}, {side.__name__} ...", file=sys.stderr, flush=True)
            print_row(cells(TREATMENTS[name](side, server)))
        for name in [name for name in wanted if name in REAL]:
            print(f"\n{name}: {REAL[name](server, options.data and options.data.resolve())}", flush=True)


def cells(row: Row) -> list[str]:
    found = row.outcome
    counts = [found.running, found.failed, found.duplicated, found.gaps]
    repeated = f"{found.repeated} of {found.epochs}"
    return [
        row.treatment,
        row.side,
        f"{found.finished} of {row.budget}",
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
