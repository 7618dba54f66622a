"""Records curves: the report's plan carried out, as many trials at random, and the best ones with other seeds.

    python -m benchmarks.curves.record --data mars.npz --dir DIR [--random 60] [--top 20] [--seeds 3] [--timeout S]

Three searches of the product itself, one after the other, over the space of `plan.toml`: the plan by TPE; draws at
random, as configurations that a second study tries; and `unet-search confirm` of the plan's best. Killed or timed out,
the same command goes on; in a new folder it goes on from the table that the repository carries.
`python -m benchmarks.curves.table --dir DIR` then writes what was recorded.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna

from benchmarks.curves.restore import restore
from search.space.space import configure, draw
from search.study.plan import Plan, load_plan
from trainer.config import TrainConfig
from trainer.configfile import write_config

PLAN = Path(__file__).with_name("plan.toml")
RANDOM = "random"  # the study of the draws


def main() -> None:
    """Runs what is left of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dir", type=Path, required=True, help="The run's folder.")
    parser.add_argument("--random", type=int, default=60, help="Trials that are drawn at random.")
    parser.add_argument("--top", type=int, default=20, help="Of the plan's best trials, trained again.")
    parser.add_argument("--seeds", type=int, default=3, help="Trainings of each of them.")
    parser.add_argument("--timeout", type=float, help="Seconds after which the workers stop; all go on later.")
    options = parser.parse_args()
    begun = time.monotonic()
    shared: list[str | Path] = ["--data", options.data.resolve(), "--dir", options.dir]
    plan = load_plan(PLAN, data=options.data, device="cpu")
    draws = list(draw_configs(plan, options.random))
    files = write_draws(draws, options.dir / "draws")
    restore(options.dir, plan)
    restore(options.dir, load_plan(PLAN, data=options.data, study={"name": RANDOM}, device="cpu"), draws)
    starts = [part for file in files for part in ("--warm-start", str(file))]
    of_draws = ["--study", RANDOM, "--trials", str(len(files) + 1), *starts]  # and the default
    for arguments in (["run", PLAN, *shared], ["run", PLAN, *shared, *of_draws]):
        left = [] if options.timeout is None else ["--timeout", str(options.timeout - (time.monotonic() - begun))]
        run_command([*arguments, *left])
        if options.timeout is not None and time.monotonic() - begun >= options.timeout - 1:
            sys.exit("the time is over; the same command goes on")
    again = ["--study", "plan", "--top", str(options.top), "--seeds", str(options.seeds)]
    run_command(["confirm", *again, "--dir", options.dir])


def draw_configs(plan: Plan, count: int) -> Iterator[TrainConfig]:
    """Configurations drawn at random from the plan's space; the same ones whenever they are drawn."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(count):
        yield configure(plan.base, draw(study.ask(), plan.space, plan.base), seed=0)


def write_draws(draws: Sequence[TrainConfig], folder: Path) -> list[Path]:
    """Configurations as files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"draw-{number}.toml" for number in range(len(draws))]
    for config, file in zip(draws, files, strict=True):
        write_config(config, file)
    return files


def run_command(arguments: list[str | Path]) -> None:
    """Runs a command of the product to its end; ends with it where it does not succeed."""
    done = subprocess.run([Path(sys.executable).with_name("unet-search"), *arguments])
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
