"""What one fresh process costs on a study: `python -m benchmarks.many_trials.probe ours|plain URL PGDATA REPEATS`.

Prints JSON: seconds of the imports, of opening the study with the first draw, and of every part of a further trial;
CPU seconds of a trial, here and in the database; MiB of memory.
"""

import json
import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, cast
from uuid import uuid4

import psutil

from benchmarks.many_trials.cpu import server_cpu_s
from benchmarks.many_trials.fill import NAME

EPOCHS = 20


class Clock:
    """Adds up seconds by the name of what was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - began)


RunTrial = Callable[[Clock, int], None]  # with so many epochs


def main(side: str, url: str, pgdata: Path, repeats: int) -> None:
    clock = Clock()
    with clock.measure("imports"):
        run_trial = SIDES[side](url)
    cpu = time.process_time()
    with clock.measure("start"):
        run_trial(Clock(), 0)
    start_cpu, mib = time.process_time() - cpu, memory_mib()
    cpu, server_cpu = time.process_time(), server_cpu_s(pgdata)
    for _ in range(repeats):
        with clock.measure("trial"):
            run_trial(clock, EPOCHS)
    found = {name: median(values) for name, values in clock.seconds.items()}
    found |= {"start_cpu": start_cpu, "start_mib": mib, "mib": memory_mib()}
    found |= {"own_cpu": (time.process_time() - cpu) / repeats}
    found |= {"database_cpu": (server_cpu_s(pgdata) - server_cpu) / repeats}
    print(json.dumps(found))


def memory_mib() -> float:
    return float(psutil.Process().memory_info().rss / 2**20)


def value(epoch: int) -> float:
    """So good that no pruner ends the trial."""
    return 0.9 + epoch / 1000


def pretend(epochs: int, epoch_s: float) -> Iterator[int]:
    """The epochs of a trial, each after its time."""
    for epoch in range(1, epochs + 1):
        time.sleep(epoch_s)
        yield epoch


def ours(url: str, epoch_s: float = 0.0) -> RunTrial:
    """Trials as a worker of ours handles them, without the training; without epochs only the draw."""
    from threading import Event

    from optuna.trial import TrialState

    from search.reconnect import connect_waiting, waits_for_database
    from search.study.outcome import Outcome
    from search.study.study import open_study
    from search.worker.background import renewing
    from search.worker.context import Context
    from search.worker.draw import Drawer
    from search.worker.heartbeat import Heartbeat
    from search.worker.held_trial import HeldTrial
    from search.worker.loop import next_trial
    from search.worker.results import sweep_files
    from storage.artifacts.store import open_artifacts
    from storage.settings import Settings

    known: dict[str, Any] = {}

    def open_context() -> None:
        db, nothing = connect_waiting(url, Event()), cast(Any, None)
        opened = waits_for_database(open_study)(db, NAME)
        artifacts = open_artifacts(Settings(dir=Path(tempfile.mkdtemp(prefix="many-"))))
        known["context"] = context = Context(
            db, opened, nothing, artifacts, nothing, uuid4(), "host:0", "cpu", Heartbeat(None)
        )
        known["drawer"] = Drawer(context)
        known["leases"] = stack = ExitStack()  # open until the process ends, as its thread
        stack.enter_context(renewing(db, context.owner, Event()))

    def run_trial(clock: Clock, epochs: int) -> None:
        if not known:
            open_context()
        context = known["context"]
        with clock.measure("claim and ask"):
            drawn = next_trial(context, known["drawer"])
        assert drawn is not None
        held: HeldTrial = drawn[0]
        with clock.measure("reports"):
            for epoch in pretend(epochs, epoch_s):
                held.report({epoch: value(epoch)})
                assert not held.should_prune()
        with clock.measure("tell"):
            held.tell(Outcome(TrialState.COMPLETE, value(epochs)) if epochs else Outcome(TrialState.FAIL, cause="none"))
            held.close()
        with clock.measure("sweep"):
            sweep_files(context)

    return run_trial


def plain(url: str, epoch_s: float = 0.0) -> RunTrial:
    """Trials as Optuna's documentation handles them: no lease, no budget."""
    import optuna
    from optuna.pruners import MedianPruner
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    from search.space.space import draw
    from search.study.plan import load_plan

    logging.getLogger("alembic").setLevel(logging.WARNING)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    plan = load_plan(None, data=Path("none.npz"))
    known: list[optuna.Study] = []

    def run_trial(clock: Clock, epochs: int) -> None:
        if not known:
            pruner = MedianPruner(4, 12)
            known.append(optuna.load_study(study_name=NAME, storage=url, sampler=TPESampler(seed=0), pruner=pruner))
        with clock.measure("claim and ask"):
            trial = known[0].ask()
            draw(trial, plan.space, plan.base)
        with clock.measure("reports"):
            for epoch in pretend(epochs, epoch_s):
                trial.report(value(epoch), epoch)
                assert not trial.should_prune()
        with clock.measure("tell"):
            if epochs:
                known[0].tell(trial, value(epochs))
            else:
                known[0].tell(trial, state=TrialState.FAIL)

    return run_trial


SIDES = {"ours": ours, "plain": plain}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
