"""The report's four systems, our default, and our default with single changes, compared on the same data.

    python benchmarks/report_systems.py --data mars_64x128.npz

Every system is trained on the same number of images, at the same fraction of its width (but for our default at its full
width, which has about as many parameters as the report's systems at a quarter, and the best that was found on these
data), with the same seeds, on the same split; its score is that of its best epoch on the validation side. A finished
training is appended to the file of results, from which an interrupted command is resumed. Prints a table of mean and
spread (half of the range).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Any
from unittest.mock import patch

REPORT = ("basic_unet", "dual_unet_aug", "unet_d_aug", "final_model")
FIRST_SEEN = (2, 3, 1, 4)  # the scored classes in order of their first appearance, as in the report's list of weights


@dataclass(frozen=True)
class System:
    """A preset with changes, and the defect that the trainer has while it is trained."""

    name: str
    preset: str = "default"
    changes: dict[str, Any] = field(default_factory=dict)
    defect: str | None = None


SYSTEMS = (
    *(System(name, name) for name in REPORT),
    System("default"),
    System("default at its full width", changes={"model.width": 16}),
    System("mars at its full width", "mars", {"model.width": 16}),
    System("default, softmax twice", defect="softmax"),
    System("default, weights in the wrong order", defect="weights"),
    System("default, background learned and predicted", changes={"loss.background": "learn"}),
    System("default + rare images 5 times", changes={"data.oversample": 5}),
    System("default + paste 0.5", changes={"augment.paste": 0.5}),
    System("default + CutMix 0.5", changes={"augment.cutmix": 0.5}),
)


@dataclass(frozen=True)
class Run:
    """One training."""

    system: System
    seed: int
    data: str
    factor: int
    images: int  # in an epoch
    epochs: int

    def key(self) -> str:
        """The key of the run in the file of results."""
        return f"{self.system.name} | seed {self.seed} | 1/{self.factor} width | {self.epochs} x {self.images}"


def main() -> None:
    options = parse()
    runs = [
        Run(system, seed, str(options.data.resolve()), options.factor, options.images, options.epochs)
        for seed in range(options.seeds)
        for system in SYSTEMS
        if not options.only or system.name in options.only
    ]
    done = read_results(options.results)
    for run, result in train_all([run for run in runs if run.key() not in done], options):
        done[run.key()] = result
        with options.results.open("a") as file:
            file.write(json.dumps({"key": run.key()} | result) + "\n")
    seen, width = f"{options.epochs} epochs of {options.images:,} images", f"1/{options.factor} of the width"
    print(
        f"{seen}, {width}, {options.seeds} seeds, {options.processes} trainings at a time on {os.cpu_count()} cores\n"
    )
    print_table({system.name: [done[run.key()] for run in runs if run.system is system] for system in SYSTEMS})


def train_all(runs: list[Run], options: argparse.Namespace) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Trains every run in a process of its own; yields it with its metrics when it ends, and prints the time left."""
    threads = max(1, (os.cpu_count() or 1) // options.processes)
    started = time.monotonic()
    with ProcessPoolExecutor(
        options.processes, get_context("spawn"), prepare, (threads, options.gpu), max_tasks_per_child=1
    ) as pool:
        pending = {pool.submit(train_one, run): run for run in runs}
        for count, future in enumerate(as_completed(pending), 1):
            run, result = pending[future], future.result()
            left_s = (time.monotonic() - started) / count * (len(runs) - count)
            print(f"{run.key()}: {result['miou']:.4f}; about {left_s / 60:.0f} min to go", file=sys.stderr, flush=True)
            yield run, result


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the npz file with the Mars images")
    parser.add_argument("--factor", type=int, default=4, help="every width is divided by it")
    parser.add_argument("--images", type=int, default=2128, help="training images an epoch")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time; they share the cores")
    parser.add_argument("--only", nargs="*", help="names of systems", choices=[system.name for system in SYSTEMS])
    parser.add_argument("--gpu", action="store_true", help="train on the GPU; --factor 1 for full width")
    parser.add_argument("--results", type=Path, default=Path("report_systems.jsonl"))
    return parser.parse_args()


def prepare(threads: int, gpu: bool) -> None:
    """Sets the environment variables of the backend in a child process, before Keras is imported."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"


def train_one(run: Run) -> dict[str, Any]:
    from search.backend import import_trainer
    from trainer.configfile import load_config, override
    from trainer.data.prepare import prepare_data

    _, fit, result = import_trainer()
    preset = load_config(run.system.preset)
    same = {
        "data.path": run.data,
        "model.width": preset.model.width // run.factor,
        "budget.images": run.images,
        "budget.steps": None,
        "budget.keep": "best",
        "budget.epochs": run.epochs,
        "budget.patience": run.epochs,
        "seed": run.seed,
    }
    config = override(preset, same | run.system.changes)
    prepared = prepare_data(config.data)
    config = config.model_copy(update={"data": prepared.look.config})
    with DEFECTS[run.system.defect]():
        summary: dict[str, Any] = result.summarise(fit.train(config, prepared.dataset), prepared.dataset)
        return summary


@contextmanager
def no_defect() -> Iterator[None]:
    yield


@contextmanager
def softmax_twice() -> Iterator[None]:
    """The model ends in a softmax, and the loss applies another one to its output."""
    from keras import ops

    from trainer.training import fit, losses

    original = losses.make_loss

    def wrong(*arguments: Any) -> Callable[[Any, Any], Any]:
        loss = original(*arguments)
        return lambda masks, logits: loss(masks, ops.softmax(logits, axis=-1))

    with patch.object(fit, "make_loss", wrong):
        yield


@contextmanager
def weights_in_the_wrong_order() -> Iterator[None]:
    """The class weights are in the order of the classes' first appearance, but are indexed by class."""
    from trainer.training import fit, losses

    original = losses.class_weights

    def wrong(*arguments: Any) -> Any:
        weights = original(*arguments)
        weights[1:] = weights[list(FIRST_SEEN)]
        return weights

    with patch.object(fit, "class_weights", wrong):
        yield


DEFECTS = {None: no_defect, "softmax": softmax_twice, "weights": weights_in_the_wrong_order}


def read_results(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line.pop("key"): line for line in lines}


def print_table(systems: dict[str, list[dict[str, Any]]]) -> None:
    """Prints one row for each system; the classes' IoU and the seconds are means over the seeds."""
    print("| system | parameters | `miou` | `miou_keras` | soil | bedrock | sand | big rock | seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, runs in systems.items():
        if not runs:
            continue
        cells = [
            name,
            f"{runs[0]['parameters']:,}",
            spread([run["miou"] for run in runs]),
            spread([run["miou_keras"] for run in runs]),
            *(f"{mean(run['iou'][label] or 0 for run in runs):.3f}"[1:] for label in (1, 2, 3, 4)),
            f"{mean(run['seconds'] for run in runs):.0f}",
        ]
        print(f"| {' | '.join(cells)} |")


def spread(values: list[float]) -> str:
    return f"{mean(values):.3f} ± {(max(values) - min(values)) / 2:.3f}"


if __name__ == "__main__":
    main()
