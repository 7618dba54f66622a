"""A worker process whose training is pretended, and whose patience is short."""

import os
import sys
from pathlib import Path
from uuid import UUID

# What a worker imports late is imported here for the processes that are forked from this one, which start faster so.
import alembic.context  # noqa: F401
import optuna.storages._rdb.models  # noqa: F401
import psycopg2  # noqa: F401
import sqlalchemy.dialects.postgresql.psycopg2  # noqa: F401

import search.worker.__main__
from search.worker import background, loop
from search.worker.contract import Order
from storage.database import engine, optuna_storage  # noqa: F401
from tests import fake_train

STANDS_STILL_S = 1  # until the server ends a transaction


def work(url: str, folder: str, owner: UUID) -> int:
    """Runs a worker of the study "fake" to its end; returns its exit status. Each owner's trainings differ a little."""
    os.environ |= {"DATABASE_URL": url, "UNET_SEARCH_DIR": folder, "FAKE_EPOCH_S": "0"}
    engine.IDLE_S = STANDS_STILL_S
    loop.FIRST_PAUSE_S, loop.LONGEST_PAUSE_S = 0.05, 0.2
    background.ASK_S = 0.5
    miou = fake_train.miou
    fake_train.miou = lambda config, epoch: miou(config, epoch) + owner.int / 1000
    os.dup2(os.pipe()[0], background.STDIN)  # never ends, since this process holds its other end open
    with open(Path(folder) / f"worker-{owner.int}.log", "a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    trainer = "tests.fake_train:make_trainer"
    order = Order(study="fake", worker=f"host:{owner.int}", owner=owner, device="cpu", trainer=trainer)
    return search.worker.__main__.main(order)
