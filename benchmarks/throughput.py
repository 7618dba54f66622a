"""Images a second through a training, beside its steps alone, other ways to train, and the machine's limit.

    python -m benchmarks.throughput [--data mars.npz] [--only NAME] [--profile]

Every contender has a process of its own, and they work in turns, a slice of seconds each, round after round; a ratio is
the median over the rounds, in brackets its smallest and largest. Peers are taken from .venv-bench (`make bench` makes
it); without it they are not measured.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.machine import describe_machine
from benchmarks.speed.rows import ROWS, Row, make_data
from benchmarks.speed.turns import Contender, Job, Slice

PEERS = Path(".venv-bench/bin/python")
ALWAYS = ("bare", "matrix")
OURS = ("train", "report", "batches")
THEIRS = ("torch", "nnunet")


@dataclass(frozen=True)
class Measured:
    """A row's results."""

    row: Row
    facts: Mapping[str, Mapping[str, Any]]  # of each contender that took part
    slices: Mapping[str, Sequence[Slice]]  # of each contender, one a round

    def speed(self, name: str, by_cpu: bool = False) -> float:
        """The median rate."""
        return median(slice.rate(by_cpu) for slice in self.slices[name])

    def rate(self, name: str) -> str:
        """The median rate, as a cell."""
        return f"{self.speed(name):,.1f}" if name in self.slices else "not measured"

    def ratio(self, name: str, other: str, factor: float = 1.0, by_cpu: bool = False) -> str:
        """The median of the ratios of the rounds, times a factor, with the smallest and largest."""
        if name not in self.slices or other not in self.slices:
            return ""
        pairs = zip(self.slices[name], self.slices[other], strict=True)
        ratios = [factor * mine.rate(by_cpu) / its.rate(by_cpu) for mine, its in pairs]
        return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Measures every row, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="npz file of small grey images; a generated sample when missing")
    parser.add_argument("--only", nargs="*", default=[], choices=[row.name for row in ROWS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of a slice of bare steps")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="and cores")
    parser.add_argument("--contenders", nargs="*", default=(*OURS, *THEIRS), choices=(*OURS, *THEIRS))
    parser.add_argument("--profile", action="store_true", help="what the time of a step goes to, instead")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-options.threads :])
    with tempfile.TemporaryDirectory(prefix="unet-speed-") as name:
        folder = Path(name)
        rows = [row for row in ROWS if not options.only or row.name in options.only]
        make_data(folder, rows, options.data)
        jobs = [Job("bare", row.name, folder, options.seconds, options.rounds, options.threads) for row in rows]
        if options.profile:
            for job in jobs:
                print_profile(job)
            return
        names = [name for name in options.contenders if name in OURS or PEERS.exists()]
        measured = [measure(row, job, names) for row, job in zip(rows, jobs, strict=True)]
    print(f"{describe_machine(options.threads)}; {options.rounds} rounds.")
    print_tables(measured)


def measure(row: Row, job: Job, names: Sequence[str]) -> Measured:
    """Has the contenders work in turns; in the even rounds in the opposite order."""
    with ExitStack() as stack:
        contenders: list[Contender] = []
        for name in (*ALWAYS, *names):
            steps = contenders[0].facts["steps"] if contenders else 0
            python = str(PEERS) if name in THEIRS else sys.executable
            contenders.append(Contender(replace(job, contender=name, steps=steps), python))
            stack.callback(contenders[-1].close)
            check_size(contenders[-1], contenders[0])
        slices: dict[str, list[Slice]] = {contender.name: [] for contender in contenders}
        for number in range(job.rounds):
            for contender in contenders[:: 1 if number % 2 else -1]:
                slices[contender.name].append(contender.measure())
            found = ", ".join(f"{name} {done[-1].rate():,.4g}" for name, done in slices.items())
            print(f"{row.name}, round {number + 1}: {found}", file=sys.stderr, flush=True)
        return Measured(row, {contender.name: contender.facts for contender in contenders}, slices)


def check_size(contender: Contender, ours: Contender) -> None:
    """Ends the program if a contender trains another network than ours."""
    mine = ours.facts["parameters"]
    its = contender.facts.get("parameters", mine)
    if abs(its - mine) > 0.01 * mine:
        sys.exit(f"all networks must have {mine:,} parameters, within 1 %; got {its:,} of {contender.name}")


def print_tables(measured: Sequence[Measured]) -> None:
    """Images a second; their ratios; the input alone; the share of the limit."""
    tables: dict[str, dict[str, Callable[[Measured], str]]] = {
        "Images a second": {
            "parameters": lambda one: f"{one.facts['bare']['parameters']:,}",
            "bare steps": lambda one: one.rate("bare"),
            "`train`": lambda one: one.rate("train"),
            "the report's way": lambda one: one.rate("report"),
            "PyTorch": lambda one: one.rate("torch"),
        },
        "Ratios of images a second": ratios(by_cpu=False),
        "Ratios of images a second of a core": ratios(by_cpu=True),
        "The input alone, images a second": {
            "`Batches`": lambda one: one.rate("batches"),
            "batchgeneratorsv2": lambda one: one.rate("nnunet"),
            "`Batches` / bare steps": lambda one: one.ratio("batches", "bare"),
        },
        "The limit, in GFLOP a second of a core": {
            "GFLOP an image": lambda one: f"{one.facts['bare']['flops'] / 1e9:.2f}",
            "bare steps": lambda one: f"{one.speed('bare', by_cpu=True) * one.facts['bare']['flops'] / 1e9:.1f}",
            "a matrix product": lambda one: f"{one.speed('matrix', by_cpu=True) / 1e9:.1f}",
            "share": lambda one: one.ratio("bare", "matrix", one.facts["bare"]["flops"], by_cpu=True),
        },
    }
    for title, columns in tables.items():
        print(f"\n{title}:\n\n| network and data | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for one in measured:
            print(f"| {one.row.name} | {' | '.join(show(one) for show in columns.values())} |")


def ratios(by_cpu: bool) -> dict[str, Callable[[Measured], str]]:
    """The columns of a table of ratios."""
    pairs = {
        "`train` / bare steps": ("train", "bare"),
        "`train` / the report's way": ("train", "report"),
        "`train` / PyTorch": ("train", "torch"),
        "`Batches` / batchgeneratorsv2": ("batches", "nnunet"),
    }

    def column(pair: tuple[str, str]) -> Callable[[Measured], str]:
        return lambda one: one.ratio(*pair, by_cpu=by_cpu)

    return {title: column(pair) for title, pair in pairs.items()}


def print_profile(job: Job) -> None:
    """Prints the kinds of operations of a step by their share of its time."""
    contender = Contender(replace(job, contender="profile"))
    kinds = contender.facts["kinds"]
    contender.close()
    print(f"\n{job.row}: {contender.facts['step_ms']:.0f} ms a step\n\n| operation | share |\n|---|---|")
    for kind, share in kinds:
        print(f"| {kind} | {share:.1%} |")


if __name__ == "__main__":
    main()
