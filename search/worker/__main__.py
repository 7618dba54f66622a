"""A worker process, as its supervisor starts it: `python -m search.worker ORDER`, with DATABASE_URL in its environment.

Its exit statuses are in `search/worker/contract.py`.
"""

import os
import sys
import threading

from search.backend import choose_backend
from search.log import log_event, refusal_line, start_log
from search.reconnect import connect_waiting
from search.study.plan import question
from search.study.study import open_study
from search.worker.background import catch_signals, follow_parent, renewing
from search.worker.context import Context
from search.worker.contract import BAD_INPUT, TOLD_TO_STOP, Order
from search.worker.heartbeat import Heartbeat, standard_input
from search.worker.loop import work
from search.worker.trainer import load_trainer
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.study import freeze_question
from trainer.data.dataset import open_dataset
from trainer.errors import InputError


def main(order: Order) -> int:
    """Runs one worker to its end; returns the exit status."""
    stop = threading.Event()
    catch_signals(stop)
    try:
        start_log(order.worker)
        log_event("starts", cause=f"{order.device}, process {os.getpid()}")
        db = connect_waiting(os.environ.get("DATABASE_URL", ""), stop)
        follow_parent(stop, db, order.owner)
        with renewing(db, order.owner, stop):
            return work(open_context(db, order), stop)
    except (InputError, StorageError) as error:
        if stop.is_set():
            return TOLD_TO_STOP
        # The supervisor shows the log's last line.
        print(refusal_line(str(error), order.worker), file=sys.stderr, flush=True)  # noqa: T201
        return BAD_INPUT


def open_context(db: Database, order: Order) -> Context:
    """Everything that the worker needs, checked against the study's question. Raises InputError, StorageError."""
    opened = open_study(db, order.study, order.data)
    artifacts = open_artifacts(Settings())
    dataset = open_dataset(opened.plan.base.data)
    asked = question(opened.plan, dataset.fingerprint, choose_backend(), order.deterministic)
    freeze_question(db, opened.study_id, asked)
    trainer = load_trainer(order.trainer)
    if order.gpu:
        trainer.require_gpu()
    heartbeat = Heartbeat(standard_input())
    return Context(db, opened, dataset, artifacts, trainer, order.owner, order.worker, order.device, heartbeat)


if __name__ == "__main__":
    sys.exit(main(Order.model_validate_json(sys.argv[1])))
