"""What each part of the trainer is worth: one change at a time, several seeds, equal images seen.

    python -m benchmarks.ablation --data mars_64x128.npz --results FILE [--only NAME ...] [--seeds 3]

Each run trains by the trainer itself, in a process of its own with one thread, as many at a time as there are cores.
Its epochs are appended to FILE, one JSON object a line. Runs that FILE has are not repeated, and one that was
interrupted goes on from its checkpoint beside FILE. At the end the table is printed: mean, spread and number of seeds.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from benchmarks.ablation_rows import ROWS, Row
from benchmarks.draws import ONE_THREAD, read_results
from trainer.metric import count_tail

ONE = "from benchmarks.ablation import train_one; train_one()"


def main() -> None:
    """Trains what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], help="names of rows; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--table", action="store_true", help="train nothing, print the table")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.only or row.name in options.only]
    if not options.table:
        run_missing(rows, options)
    print_table(read_results(options.results))


def run_missing(rows: Iterable[Row], options: argparse.Namespace) -> None:
    """Trains each row with each seed, one seed of all rows before the next, in processes of one thread."""
    done = {(run["row"], run["seed"]) for run in read_results(options.results)}
    waiting = [(row, seed) for seed in range(options.seeds) for row in rows if (row.name, seed) not in done]
    running: list[subprocess.Popen[bytes]] = []
    while waiting or running:
        while waiting and len(running) < options.processes:
            row, seed = waiting.pop(0)
            order = {"row": row.name, "changes": row.changes, "seed": seed, "data": str(options.data)}
            order["results"] = str(options.results)
            environ = os.environ | ONE_THREAD | {"ABLATION": json.dumps(order)}
            running.append(subprocess.Popen([sys.executable, "-c", ONE], env=environ, stderr=subprocess.DEVNULL))
        finished = running[0]
        try:
            finished.wait(1)
        except subprocess.TimeoutExpired:
            running.append(running.pop(0))
            continue
        running.remove(finished)
        print(f"{len(waiting) + len(running)} to go", file=sys.stderr, flush=True)


def train_one() -> None:
    """One run, in its own process."""
    from trainer.config import TrainConfig
    from trainer.configfile import override
    from trainer.data.prepare import prepare_data
    from trainer.training.fit import train

    order = json.loads(os.environ["ABLATION"])
    config = override(TrainConfig(), {"data.path": order["data"], **order["changes"], "seed": order["seed"]})
    results = Path(order["results"])
    prepared = prepare_data(config.data, results.parent / "data")
    config = config.model_copy(update={"data": prepared.look.config})
    name = "".join(character if character.isalnum() else "-" for character in f"{order['row']} {order['seed']}")
    checkpoint = results.parent / "checkpoints" / f"{name}.npz"
    fitted = train(config, prepared.dataset, checkpoint=checkpoint)
    run: dict[str, Any] = {"row": order["row"], "seed": order["seed"], "changes": order["changes"]}
    run |= {"values": [round(epoch.value, 5) for epoch in fitted.history], "loss": fitted.history[-1].loss}
    run |= {"iou": [epoch.iou for epoch in fitted.history][-1], "seconds": round(fitted.seconds, 1)}
    run |= {"images_per_second": round(fitted.images_per_second, 1), "parameters": fitted.parameters}
    with results.open("a") as file:
        file.write(json.dumps(run) + "\n")
    checkpoint.unlink(missing_ok=True)


def print_table(runs: list[dict[str, Any]]) -> None:
    """A row for each change, in the order of ROWS; first those of an earlier version."""
    order = [row.name for row in ROWS]
    names = sorted(
        dict.fromkeys(run["row"] for run in runs), key=lambda name: order.index(name) if name in order else -1
    )
    print("| row | seeds | value | spread | IoU of each class |\n|---|---|---|---|---|")
    for row in names:
        own = [run for run in runs if run["row"] == row]
        values = [fmean(run["values"][-count_tail(len(run["values"])) :]) for run in own]
        spread = f"{stdev(values):.3f}" if len(values) > 1 else ""
        classes = [fmean(ious) for ious in zip(*(run["iou"] for run in own), strict=True) if None not in ious]
        print(f"| {row} | {len(own)} | {fmean(values):.3f} | {spread} | {' '.join(f'{iou:.2f}' for iou in classes)} |")


if __name__ == "__main__":
    main()
