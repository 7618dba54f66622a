"""Corrupt input of every kind, read as a command would: `python -m benchmarks.fuzz --count 10000`.

Every case is made from its kind and a seed. It must be read, or refused in one printable line. A traceback, a hang, a
crash, a MemoryError or a file written outside the case's folder is a finding, which is printed with its seed; repeat
it with `--kind KIND --first SEED --count 1`. Cases are read in processes with 2 GiB of free memory, and some also by
the command. Prints a table of counts; the exit status is 1 where there was a finding.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.fuzz.case import READ, REFUSED, Case
from benchmarks.fuzz.child import make_model
from benchmarks.fuzz.commands import try_command
from benchmarks.fuzz.reader import Reader

SHARES = {
    "npz": 0.2,
    "npy": 0.05,
    "pictures": 0.15,
    "tiff": 0.15,
    "config": 0.1,
    "plan": 0.1,
    "backup": 0.1,
    "model": 0.15,
}
PROGRESS_S = 30.0  # between two lines of progress


def main() -> None:
    options = parse()
    kinds = [options.kind] if options.kind else list(SHARES)
    print("| kind | cases | read | refused | findings | seconds |\n|---|---|---|---|---|---|", flush=True)
    findings = 0
    for kind in kinds:
        count = options.count if options.kind else round(options.count * SHARES[kind])
        findings += show(kind, read_all(kind, range(options.first, options.first + count)))
    if options.commands:
        each = max(1, options.commands // len(kinds))
        for kind in kinds:
            findings += show(f"{kind}, by command", command_all(kind, range(options.first, options.first + each)))
    sys.exit(1 if findings else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="cases in all")
    parser.add_argument("--kind", choices=SHARES, help="only this kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--commands", type=int, default=0, help="cases by the command, in addition")
    return parser.parse_args()


def read_all(kind: str, seeds: range) -> Iterator[tuple[Case, str]]:
    """Yields each case with its outcome."""
    reader = Reader(kind)
    try:
        for seed in seeds:
            yield Case(kind, seed), reader.try_case(Case(kind, seed))
    finally:
        reader.end()


def command_all(kind: str, seeds: range) -> Iterator[tuple[Case, str]]:
    """Yields each case with its outcome when the command reads it."""
    model = make_model() if kind == "model" else None
    for seed in seeds:
        yield Case(kind, seed), try_command(Case(kind, seed), model)


def show(name: str, outcomes: Iterator[tuple[Case, str]]) -> int:
    """Prints every finding when it occurs, then the row; returns the number of findings."""
    started = last_line = time.monotonic()
    counts: Counter[str] = Counter()
    for case, outcome in outcomes:
        allowed = outcome in (READ, REFUSED)
        counts[outcome if allowed else "finding"] += 1
        if not allowed:
            print(f"{case.kind} {case.seed}: {outcome}", file=sys.stderr, flush=True)
        if time.monotonic() - last_line > PROGRESS_S:
            last_line = time.monotonic()
            print(f"{name}: {counts.total()} done", file=sys.stderr, flush=True)
    seconds = time.monotonic() - started
    row = (name, f"{counts.total():,}", counts[READ], counts[REFUSED], counts["finding"], f"{seconds:.0f}")
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    return counts["finding"]


if __name__ == "__main__":
    main()
