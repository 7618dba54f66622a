"""What it costs to find a good configuration: searches replayed on recorded curves, ours beside peers.

    python -m benchmarks.search_cost [--curves FILE] [--workers 1 4 16] [--seeds 50] [--variants] [--jobs 2]

Curves are those of `benchmarks/curves`; a surrogate stands for configurations that were not recorded (`replay/`). A
cost of 1 is a whole training of the default configuration. The figures are how far the configuration that a method
would return is, in truth, below the best known after fixed costs, how many times our cost it needs for the same, and in
how many of the searches, and when, it is within one seed's deviation of the best. Replays are appended to the output,
one JSON object a line, and those that it has are not repeated. `--variants` compares candidates for our defaults.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.curves.table import Curve, read_curves
from benchmarks.draws import read_results
from benchmarks.replay.check import describe, find_best
from benchmarks.replay.figures import Replay, table
from benchmarks.replay.landscape import Landscape, record
from benchmarks.replay.problem import Problem, default_values, final_value
from benchmarks.replay.registry import LEFT_OUT, OURS, Make, methods, reason_missing, variants
from benchmarks.replay.simulate import BUDGET, Point, simulate
from benchmarks.replay.surrogate import fit_surrogate

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
Job = tuple[str, int, int]  # method, workers, seed


def main() -> None:
    """Replays what is missing, and prints the tables."""
    os.environ.setdefault("KERAS_BACKEND", "torch")  # KerasTuner imports Keras, and never uses it
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=Path, default=HERE / "curves" / "mars.csv")
    parser.add_argument("--landscape", action="store_true", help="curves that are made up, in place of recorded ones")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--budget", type=float, default=BUDGET, help="whole trainings of the default configuration")
    parser.add_argument("--methods", nargs="+", default=[], help="words of names; all methods by default")
    parser.add_argument("--variants", action="store_true", help="compare candidates for our defaults")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "search_cost.jsonl")
    parser.add_argument("--table", action="store_true", help="print the tables of what was replayed, and no more")
    options = parser.parse_args()
    os.environ.update(ONE_THREAD)
    _silence_peers()
    if not options.landscape and not options.curves.exists():
        parser.error(f"curves must be recorded first, see benchmarks/curves/record.py; got no file {options.curves}")
    curves = record(Landscape(), 210) if options.landscape else read_curves(options.curves)
    problem = fit_surrogate(curves)
    name = f"{_digest(curves)} {options.budget:g}"
    chosen = list(_choose({**methods(), **(variants() if options.variants else {})}, options))
    if not options.table:
        print(f"{describe(problem, curves)}\n")
        jobs = [(one, workers, seed) for seed in range(options.seeds) for workers in options.workers for one in chosen]
        run_missing(problem, jobs, name, options)
    best = find_best(problem)
    default = float(final_value(problem.curves([default_values()]))[0])
    print(f"best known {best.value:.4f}, the default {default:.4f}: {json.dumps(dict(best.values))}")
    found = [replay for replay in read_replays(options.output, name) if replay.seed < options.seeds]
    for workers in options.workers:
        of_workers = [replay for replay in found if replay.workers == workers and replay.method in chosen]
        print(f"\n{workers} workers\n\n{table(of_workers, best.value, problem.noise.final(), OURS, options.budget)}")


def run_missing(problem: Problem, jobs: Iterable[Job], name: str, options: argparse.Namespace) -> None:
    """Replays the jobs that the output does not have, in processes of one thread."""
    done = {(replay.method, replay.workers, replay.seed) for replay in read_replays(options.output, name)}
    missing = [job for job in jobs if job not in done]
    if not missing:
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pool = ProcessPoolExecutor(options.jobs, get_context("spawn"), _set_problem, (problem, options.budget))
    with pool, options.output.open("a") as file:
        futures = [pool.submit(replay_one, job) for job in missing]
        for left, future in enumerate(as_completed(futures), 1 - len(futures)):
            file.write(json.dumps({"problem": name, **future.result()}) + "\n")
            file.flush()
            print(f"{-left} to go", end="\r", file=sys.stderr, flush=True)


_problem: list[tuple[Problem, float]] = []  # of this process


def _set_problem(problem: Problem, budget: float) -> None:
    _silence_peers()
    _problem[:] = [(problem, budget)]


def _silence_peers() -> None:
    """Nothing is said of every study, of deprecated and of experimental parts."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def replay_one(job: Job) -> dict[str, Any]:
    """A line of the output."""
    (problem, budget), (method, workers, seed) = _problem[0], job
    make = {**methods(), **variants()}[method]
    begun = time.perf_counter()
    epochs = problem.curves([default_values()]).shape[1]
    trace = simulate(problem, make(seed, epochs), workers, seed, budget)
    return {
        "method": method,
        "workers": workers,
        "seed": seed,
        "trainings": trace.trainings,
        "whole": trace.whole,
        "seconds": round(time.perf_counter() - begun, 2),
        "points": [[round(part, 5) for part in (point.cost, point.time, point.value)] for point in trace.points],
    }


def read_replays(path: Path, name: str) -> Iterator[Replay]:
    """The replays of a problem."""
    for run in read_results(path):
        if run.pop("problem", None) == name:
            yield Replay(**{**run, "points": tuple(Point(*point) for point in run["points"])})


def _choose(known: dict[str, Make], options: argparse.Namespace) -> Iterator[str]:
    """The names of the methods that are wanted and can be made; says which cannot."""
    for name, make in known.items():
        if options.methods and not any(word in name for word in [*options.methods, OURS]):
            continue
        reason = reason_missing(make)
        if reason is None:
            yield name
        else:
            print(f"left out: {name}: {reason}")
    if not options.methods:
        for name, reason in LEFT_OUT.items():
            print(f"left out: {name}: {reason}")


def _digest(curves: list[Curve]) -> str:
    return hashlib.sha256(repr(curves).encode()).hexdigest()[:12]


if __name__ == "__main__":
    main()
