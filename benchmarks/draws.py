"""How many random draws of the default space are worth training: the share that diverges, or learns too little.

    python -m benchmarks.draws --data mars.npz --results FILE [--draws 200] [--processes 2]

Draw 0 is the default configuration. All are trained alike, for STEPS steps of BATCH at width 8 and half the resolution,
and judged by the last epoch's mIoU; too little is less than half of the default's. Results are appended to FILE, one
JSON object a line, and draws that FILE has are not repeated. An earlier version's space is drawn and trained by that
version's code: `PYTHONPATH=CHECKOUT python benchmarks/draws.py`, so that this file imports nothing beside it.
"""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

STEPS, EPOCHS, BATCH = 300, 3, 8
NARROW: dict[str, Any] = {"model.width": 8, "model.stem": 2, "optimizer.batch_size": BATCH, "budget.epochs": EPOCHS}
ONE_THREAD = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


def main() -> None:
    """Trains the draws that are missing, and prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.environ.update(ONE_THREAD)
    done = {run["draw"] for run in read_results(options.results)}
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        missing = [number for number in range(options.draws + 1) if number not in done]
        futures = [pool.submit(train_draw, number, options.data, options.results.parent) for number in missing]
        for future in as_completed(futures):
            with options.results.open("a") as file:
                file.write(json.dumps(future.result()) + "\n")
            print(f"{sum(not other.done() for other in futures)} to go", file=sys.stderr, flush=True)
    print_shares(read_results(options.results))


def train_draw(number: int, data: Path, folder: Path) -> dict[str, Any]:
    """The values of a draw, and its mIoU; None where it diverged."""
    import optuna

    from search.space.space import configure, draw
    from trainer.config import BudgetConfig, TrainConfig
    from trainer.configfile import override
    from trainer.data.prepare import prepare_data
    from trainer.errors import DivergedError
    from trainer.training.fit import train

    in_steps = "steps" in BudgetConfig.model_fields
    budget = (
        {"budget.steps": STEPS} if in_steps else {"budget.images": STEPS // EPOCHS * BATCH, "budget.patience": EPOCHS}
    )
    base = override(TrainConfig(), {**NARROW, **budget, "data.path": str(data)})
    values: dict[str, Any] = {}
    if number > 0:
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(number))
        values = draw(study.ask(), read_space(base), base)
    prepared = prepare_data(base.data, folder / "data")
    config = configure(base.model_copy(update={"data": prepared.look.config}), values, seed=number)
    try:
        miou = train(config, prepared.dataset).history[-1].miou
    except DivergedError:
        miou = None
    return {"draw": number, "values": values, "miou": miou}


def read_space(base: Any) -> Any:
    """The default space without what NARROW fixes, of whichever version is imported."""
    try:
        from search.space.default import default_space
    except ImportError:
        import tomllib

        import search.space.parse as parse

        table = tomllib.loads((Path(parse.__file__).parent / "default.toml").read_text())["space"]
        return parse.fix_axes(parse.parse_space(table, base), set(NARROW), base)
    return default_space(base, set(NARROW), "cpu")


def read_results(path: Path) -> list[dict[str, Any]]:
    """The finished runs of a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def print_shares(runs: list[dict[str, Any]]) -> None:
    """The default's mIoU, and the shares of the draws that diverged and that have less than half of it."""
    default = next(run["miou"] for run in runs if run["draw"] == 0)
    draws = [run["miou"] for run in runs if run["draw"] > 0]
    diverged, found = draws.count(None), [miou for miou in draws if miou is not None]
    low, better = sum(miou < default / 2 for miou in found), sum(miou > default for miou in found)
    print(f"default {default:.4f}; of {len(draws)} draws {diverged} diverged, {low} below its half, {better} above it")


if __name__ == "__main__":
    main()
