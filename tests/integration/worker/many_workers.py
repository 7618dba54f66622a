"""One of many worker processes, whose training is pretended; it writes a log of its own."""

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
from search.worker.background import STDIN
from search.worker.contract import Order
from storage.database import optuna_storage  # noqa: F401
from tests import fake_train  # noqa: F401


def work(url: str, folder: str, number: int) -> None:
    """Ends with the exit status of a worker of the study "fake"."""
    os.environ |= {"DATABASE_URL": url, "UNET_SEARCH_DIR": folder}
    os.dup2(os.pipe()[0], STDIN)  # never ends, since this process holds its other end open
    with open(Path(folder) / f"worker-{number}.log", "a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    trainer = "tests.fake_train:make_trainer"
    order = Order(study="fake", worker=f"host:{number}", owner=UUID(int=number), device="cpu", trainer=trainer)
    sys.exit(search.worker.__main__.main(order))
