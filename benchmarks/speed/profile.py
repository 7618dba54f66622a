"""What the time of a step goes to, by TensorFlow's profiler."""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.speed.ours import WARM_STEPS, compile_network
from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.turns import Job, Turns
from trainer.pipeline.batches import Batches
from trainer.training.step import make_step

STEPS, MOST = 3, 14


def profile_step(job: Job, turn: Turns) -> None:
    """The milliseconds of a step, and the shares of the kinds of operations, the largest first."""
    import tensorflow as tf

    config, dataset = open_row(find_row(job.row), job.folder, STEPS, 1)
    batches = Batches(config, dataset)
    images, masks = batches.batch(0)
    step = make_step(compile_network(config, dataset, batches))
    for _ in range(WARM_STEPS):
        step(images, masks)()
    with tempfile.TemporaryDirectory(prefix="unet-profile-") as folder:
        with tf.profiler.experimental.Profile(folder):
            began = time.perf_counter()
            for _ in range(STEPS):
                step(images, masks)()
            seconds = time.perf_counter() - began
        spent = count_kinds(next(Path(folder).rglob("*.xplane.pb")))
    total = sum(spent.values())
    turn.ready(step_ms=1000 * seconds / STEPS, kinds=[(kind, s / total) for kind, s in spent.most_common(MOST)])


def count_kinds(path: Path) -> Counter[str]:
    """Picoseconds of a profile's file by kind of operation, such as Conv2D; what calls a graph is none."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space: Any = xplane_pb2.XSpace.FromString(path.read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        if not plane.name.startswith("/host:CPU"):
            continue
        kinds = {number: entry.display_name for number, entry in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                kind = kinds[event.metadata_id]
                if kind and not kind.endswith("Call"):
                    spent[kind] += event.duration_ps
    return spent
