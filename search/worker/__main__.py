"""A worker process, as its supervisor starts it: `python -m search.worker ORDER`, with DATABASE_URL in its environment.

Its exit statuses are in `search/worker/contract.py`.
"""

import os
import sys
import threading

from search.backend import choose_backend
from search.clock import use_utc
from search.log import log_event, one_line, refusal_line, start_log
from search.reconnect import UNREACHABLE, connect_waiting, waits_for_database
from search.sharing.locate import bring_data
from search.study.question import check_question, question
from search.study.study import open_study
from search.worker.background import catch_signals, follow_parent, renewing
from search.worker.context import Context
from search.worker.contract import AWAY, BAD_INPUT, TOLD_TO_STOP, Order
from search.worker.heartbeat import Heartbeat, standard_input
from search.worker.loop import work
from search.worker.progress import LoggedProgress
from search.worker.trainer import load_trainer
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from trainer.data.dataset import open_dataset
from trainer.errors import InputError


def main(order: Order) -> int:
    """Runs one worker to its end; returns the exit status."""
    use_utc()
    stop = threading.Event()
    catch_signals(stop)
    try:
        start_log(order.worker)
        log_event("starts", cause=f"{order.device}, process {os.getpid()}")
        db = connect_waiting(os.environ.get("DATABASE_URL", ""), stop)
        follow_parent(stop, db, order.owner)
        with renewing(db, order.owner, stop):
            return work(open_context(db, order), stop)
    except (InputError, StorageError, *UNREACHABLE) as error:
        if stop.is_set():
            return TOLD_TO_STOP
        cause = one_line(error) if isinstance(error, UNREACHABLE) else str(error)
        # The supervisor shows the log's last line.
        print(refusal_line(cause, order.worker), file=sys.stderr, flush=True)  # noqa: T201
        return BAD_INPUT if isinstance(error, InputError) else AWAY


def open_context(db: Database, order: Order) -> Context:
    """Everything that the worker needs, checked against the study's question.

    Raises:
        InputError: the study, the data or the device do not suit.
        StorageError, UNREACHABLE: the artifact store or the database cannot be used, which may pass.
    """
    opened = waits_for_database(open_study)(db, order.study, order.data)
    settings = Settings()
    artifacts = open_artifacts(settings)
    if order.data is None:
        opened, dataset = bring_data(opened, settings, artifacts, log_event, LoggedProgress().update)
    else:
        dataset = open_dataset(opened.plan.base.data, settings.decoded_data)
    asked = question(opened.plan, dataset.fingerprint, choose_backend(), order.deterministic)
    try:
        waits_for_database(check_question)(db, opened.study_id, asked)
    except StorageError as error:  # the questions differ
        raise InputError(str(error)) from None
    trainer = load_trainer(order.trainer)
    if order.gpu:
        trainer.require_gpu()
    heartbeat = Heartbeat(standard_input())
    heartbeat.ready()
    return Context(db, opened, dataset, artifacts, trainer, order.owner, order.worker, order.device, heartbeat)


if __name__ == "__main__":
    sys.exit(main(Order.model_validate_json(sys.argv[1])))
