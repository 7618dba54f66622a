"""The seconds of a trial that are not steps of training, part by part, beside a fresh process with plain Keras `fit`.

    python -m benchmarks.trial_overhead [--data mars.npz] [--steps 20] [--epochs 10]

A real search, `unet-search run`, trains three trials of the default network in one worker process; the first two are
shown: the first pays for the start of the process, as the plain one does. Plain Keras trains the same network for as
many steps and epochs. Prints seconds of the clock, and in brackets those of the processor.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.draws import ONE_THREAD
from benchmarks.speed.machine import describe_machine
from benchmarks.speed.marks import FILE, read_marks
from trainer.data.sample import write_sample

SEARCH = """
study = {{ name = "overhead", trials = 3 }}
[train]
budget = {{ steps = {steps}, epochs = {epochs} }}
[space]
"optimizer.learning_rate" = {{ float = [1e-3, 8e-3], log = true }}
"""
STEPS = "steps"  # the part that is no overhead
Parts = dict[str, tuple[float, float]]  # seconds of the clock and of the processor


def main() -> None:
    """Runs both, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="npz file of small grey images; a generated sample when missing")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    if options.steps % options.epochs or options.steps < 2 * options.epochs:
        parser.error(f"--steps must be a multiple of --epochs, twice or more; got {options.steps}")
    with tempfile.TemporaryDirectory(prefix="unet-overhead-") as name:
        folder = Path(name)
        data = options.data.resolve() if options.data else write_sample(folder / "sample.npz")
        trials = run_search(folder, data, options.steps, options.epochs)
        plain = run_plain(folder, data, options.steps, options.epochs)
    print(f"{describe_machine(len(os.sched_getaffinity(0)))}; {options.steps} steps in {options.epochs} epochs.\n")
    print_table([trials[0], trials[1], plain])


def run_search(folder: Path, data: Path, steps: int, epochs: int) -> list[Parts]:
    """The parts of each trial of one worker; what follows a trial's last file is counted to the next one."""
    unet_search, file = Path(sys.executable).with_name("unet-search"), folder / "search.toml"
    file.write_text(SEARCH.format(steps=steps, epochs=epochs))
    command: list[str | Path] = [unet_search, "run", file, "--data", data]
    command += ["--dir", folder / "run", "--device", "cpu", "--workers", "1"]
    command += ["--trainer", "benchmarks.speed.marked_trainer:make_trainer"]
    marks = run(command, folder / "search.marks", {})
    ends = [number for number, (name, _, _) in enumerate(marks, 1) if name == "model's file"]
    return [sum_parts(marks, first, last) for first, last in zip([0, *ends], ends, strict=False)]


def run_plain(folder: Path, data: Path, steps: int, epochs: int) -> Parts:
    """The parts of plain Keras, with oneDNN and as many threads as the worker."""
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.speed.plain_fit", data, folder]
    command += [str(steps // epochs), str(epochs)]
    threads = str(len(os.sched_getaffinity(0)))
    of_worker = ONE_THREAD | {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads}
    marks = run(command, folder / "plain.marks", of_worker)
    return sum_parts(marks, 0, len(marks))


def run(command: Sequence[str | Path], path: Path, environ: dict[str, str]) -> list[tuple[str, float, float]]:
    """The marks of a program."""
    environ = {**os.environ, **environ, FILE: str(path)}
    ended = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode:
        sys.exit(f"the program must end well; it ended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    return read_marks(path)


def sum_parts(marks: Sequence[tuple[str, float, float]], first: int, last: int) -> Parts:
    """The seconds between neighbouring marks, by the name of the later one."""
    parts: Parts = {}
    for number in range(first, last):
        name, clock_s, cpu_s = marks[number]
        _, clock_before, cpu_before = marks[number - 1] if number else ("", 0.0, 0.0)
        clock, cpu = parts.get(name, (0.0, 0.0))
        parts[name] = (clock + clock_s - clock_before, cpu + cpu_s - cpu_before)
    return parts


def print_table(columns: Sequence[Parts]) -> None:
    """A row for each part; the sum of all but the steps, and its ratio to plain Keras's."""
    names = list(dict.fromkeys(name for parts in columns for name in parts))
    print("| part | first trial of a worker | its second trial | fresh process, plain Keras |\n|---|---|---|---|")
    for name in sorted(names, key=lambda name: name == STEPS):
        print(f"| {name} | {' | '.join(cell(parts.get(name)) for parts in columns)} |")
    sums = [add(parts) for parts in columns]
    print(f"| **all but the steps** | {' | '.join(cell(total) for total in sums)} |")
    ratios = [(clock / sums[-1][0], cpu / sums[-1][1]) for clock, cpu in sums]
    print(f"| over plain Keras | {' | '.join(cell(ratio) for ratio in ratios)} |")


def add(parts: Parts) -> tuple[float, float]:
    """The sum of all parts but the steps."""
    counted = [spent for name, spent in parts.items() if name != STEPS]
    return sum(clock for clock, _ in counted), sum(cpu for _, cpu in counted)


def cell(spent: tuple[float, float] | None) -> str:
    """Seconds of the clock and of the processor; empty where a part does not exist."""
    return "" if spent is None else f"{spent[0]:.2f} ({spent[1]:.2f})"


if __name__ == "__main__":
    main()
