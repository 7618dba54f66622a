"""Ray Tune's trials that train nothing, as the fleets of this benchmark: `python -m benchmarks.many_trials.ray_tune`.

    .venv-search-bench/bin/python -m benchmarks.many_trials.ray_tune [--workers 16 64] [--trials-each 2]

One trial a worker at a time, each of EPOCHS reports, actors kept between trials; TPE by its OptunaSearch on the same
space, and ASHA with so long a grace period that nothing is pruned. Prints the rows that the fleets have, too.
"""

import argparse
import json
import logging
import os
import tempfile
import time
from typing import Any, cast

import psutil
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.many_trials.probe import EPOCHS, value
from search.space.space import draw
from search.study.plan import load_plan


def main() -> None:
    """Prints one JSON object a number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--trials-each", type=int, default=2)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ |= {"RAY_AIR_NEW_OUTPUT": "0", "RAY_USAGE_STATS_ENABLED": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1"}
    for workers in options.workers:
        print(json.dumps(run_trials(workers, workers * options.trials_each)), flush=True)


def run_trials(workers: int, trials: int) -> dict[str, float]:
    """So many trials by a cluster on this machine with so many places."""
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    try:
        with tempfile.TemporaryDirectory(prefix="ray-tune-") as folder:
            config = tune.TuneConfig(
                metric="value",
                mode="max",
                num_samples=trials,
                max_concurrent_trials=workers,
                search_alg=OptunaSearch(_draw),
                scheduler=ASHAScheduler(grace_period=EPOCHS, max_t=EPOCHS),
                reuse_actors=True,
            )
            tuner = tune.Tuner(_train, tune_config=config, run_config=tune.RunConfig(storage_path=folder, verbose=0))
            begun = time.perf_counter()
            results = tuner.fit()
            wall_s = time.perf_counter() - begun
        processes = [child.memory_info().rss for child in psutil.Process().children(recursive=True)]
        row = {"workers": workers, "trials": trials, "failed": results.num_errors, "wall_s": wall_s}
        return row | {"trials_a_second": trials / wall_s, "process_mib": max(processes) / 2**20}
    finally:
        ray.shutdown()


def _train(_: dict[str, Any]) -> None:
    for epoch in range(1, EPOCHS + 1):
        tune.report({"value": value(epoch)})


def _draw(trial: Any) -> None:
    plan = load_plan(None)
    draw(cast(Any, trial), plan.space, plan.base)


if __name__ == "__main__":
    main()
