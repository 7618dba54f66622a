"""64 workers on one server: none meets an error, the budget is exact, and none takes more connections than promised."""

import multiprocessing
import re
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from optuna.trial import TrialState
from sqlalchemy import create_engine, make_url, text

from storage.database.connection import create_tables
from storage.database.engine import WORKER_CONNECTIONS
from storage.database.health import read_health
from storage.embedded.server import embedded_server
from tests.e2e.conftest import make_search
from tests.integration.worker.many_workers import work
from tests.postgres_server import database_name, execute, fresh_database

WORKERS, TRIALS, CONNECTIONS = 64, 130, 200
LOOK_S = 0.05
FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.integration.worker.many_workers"])

# Each worker has a user of its own, by whom its connections are counted.
NEW_GROUP = (
    "create role workers",
    "grant select, insert, update, delete on all tables in schema public to workers",
    "grant usage on all sequences in schema public to workers",
)
COUNT = text("""
    select usename, count(*) as connections from pg_stat_activity where usename ~ '^worker_' group by usename""")

LINE = re.compile(
    r"\S+ \S+ host:\d+ (starts: cpu, process \d+|trial \d+ (starts|ends: \w+( [\d.]+)?)|ends: every trial is done)"
)


@pytest.fixture
def small_server() -> Iterator[str]:
    """A server of its own, with CONNECTIONS connections."""
    folder = Path(tempfile.mkdtemp(prefix="unet-many-"))
    try:
        with embedded_server(folder, CONNECTIONS) as url:
            yield url
    finally:
        shutil.rmtree(folder)


def run_workers(urls: Sequence[str], folder: Path) -> list[int | None]:
    """Runs a worker process with each URL at the same time; returns their exit statuses."""
    processes = [
        FORK.Process(target=work, args=(url, str(folder), number), daemon=True) for number, url in enumerate(urls)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def count_connections(url: str, done: threading.Event) -> Counter[str]:
    """The most connections that each worker was seen with until `done`."""
    observer, most = create_engine(url, isolation_level="AUTOCOMMIT"), Counter[str]()
    with observer.connect() as connection:
        while not done.wait(LOOK_S):
            most |= Counter({row.usename: row.connections for row in connection.execute(COUNT)})
    observer.dispose()
    return most


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_64_workers_on_a_server_with_200_connections(small_server: str, tmp_path: Path) -> None:
    with fresh_database(small_server) as template:
        create_tables(template)
        with make_search(small_server, database_name(template), tmp_path) as search:
            opened, url = search.create_study(TRIALS, epochs=3), make_url(search.db.url)
            names = [f"worker_{number}" for number in range(WORKERS)]
            execute(search.db.url, *NEW_GROUP, *(f"create role {name} login in role workers" for name in names))
            urls = [url.set(username=name).render_as_string() for name in names]
            done, most = threading.Event(), Counter[str]()
            observer = threading.Thread(target=lambda: most.update(count_connections(small_server, done)))
            observer.start()
            try:
                statuses = run_workers(urls, tmp_path)
            finally:
                done.set()
                observer.join()
            states = Counter(trial.state for trial in opened.study.get_trials(deepcopy=False))
            assert read_health(small_server).max_connections <= CONNECTIONS
    lines = [line for path in tmp_path.glob("worker-*.log") for line in path.read_text().splitlines()]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert statuses == [0] * WORKERS
    assert states.keys() <= {TrialState.COMPLETE, TrialState.PRUNED} and states.total() == TRIALS
    assert most.keys() == set(names) and max(most.values()) <= WORKER_CONNECTIONS, most
