"""The input alone: the product's batches."""

from benchmarks.speed.rows import find_row, open_row
from benchmarks.speed.turns import Job, Turns
from trainer.pipeline.batches import Batches

FED = 48  # batches of a slice: many, since some may be ready when a slice begins


def our_batches(job: Job, turn: Turns) -> None:
    """The batches of a training's epochs, which nothing consumes."""
    config, dataset = open_row(find_row(job.row), job.folder, FED, job.rounds + 1)
    batches = Batches(config, dataset)
    batches.count_seen()
    turn.ready(batches=sum(1 for _ in batches.epoch(0)))
    for epoch in range(1, job.rounds + 1):
        count = sum(1 for _ in batches.epoch(epoch))
        turn.done(count * batches.size)
