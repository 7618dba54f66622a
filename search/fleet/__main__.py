"""The driver of a study's workers on a Ray cluster, as the supervisor starts it: `python -m search.fleet ORDER`.

It is a process of its own, since Ray ends one that loses its cluster. The supervisor then starts it again, and it waits
until the cluster is back. When it dies, Ray kills its actors with their workers, whose trials go on at the end of their
leases.
"""

import os
import sys
import threading

import ray

from search.clock import use_utc
from search.fleet.connect import connect_waiting as connect_cluster
from search.fleet.fleet import run_fleet
from search.fleet.member import Work
from search.log import VARIABLE, log_event, one_line, refusal_line, start_log
from search.reconnect import UNREACHABLE, connect_waiting
from search.worker.background import catch_signals, follow_parent
from search.worker.contract import AWAY, BAD_INPUT, CLUSTER_GRACE_S, TOLD_TO_STOP, Cluster, Order
from search.worker.heartbeat import Heartbeat, standard_input
from storage.artifacts.store import artifacts_folder
from storage.database.connection import Database
from storage.errors import StorageError
from storage.settings import Settings
from storage.studies.status import running_trials
from storage.studies.study import find_study

PASSED = ("KERAS_BACKEND", VARIABLE)  # variables that nodes get from here where they lack them; libpq's, too
LIBPQ = "PG"


def main(order: Order) -> int:
    """Runs the members to their end; returns the exit status, as a worker's."""
    use_utc()
    stop = threading.Event()
    catch_signals(stop)
    cluster = order.cluster
    assert isinstance(cluster, Cluster)
    try:
        start_log(order.worker)
        log_event("starts", cause=f"process {os.getpid()}, Ray at {cluster.address}")
        db = connect_waiting(os.environ.get("DATABASE_URL", ""), stop)
        follow_parent(stop, db, order.owner, CLUSTER_GRACE_S)
        if not connect_cluster(cluster.address, stop):
            return TOLD_TO_STOP
        catch_signals(stop)  # Ray sets handlers of its own
        Heartbeat(standard_input()).ready()
        study_id, _ = find_study(db, order.study)
        status, cause = run_fleet(order, _make_work(db, order), lambda: running_trials(db, study_id), stop)
        ray.shutdown()
    except (StorageError, *UNREACHABLE) as error:
        if stop.is_set():
            return TOLD_TO_STOP
        status, cause = AWAY, one_line(error) if isinstance(error, UNREACHABLE) else str(error)
    if cause and status in (AWAY, BAD_INPUT):
        # The supervisor shows the log's last line.
        print(refusal_line(cause, order.worker), file=sys.stderr, flush=True)  # noqa: T201
    return status


def _make_work(db: Database, order: Order) -> Work:
    settings = Settings()
    passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith(LIBPQ)}
    artifacts = artifacts_folder(settings) or settings.artifacts
    return Work(order.model_dump_json(), db.url, str(settings.dir), str(artifacts), passed)


if __name__ == "__main__":
    sys.exit(main(Order.model_validate_json(sys.argv[1])))
