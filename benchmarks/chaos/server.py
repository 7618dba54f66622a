"""A PostgreSQL server for the treatments, with new databases, and restarts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from storage.embedded import control as postgres
from storage.embedded.server import embedded_server


@dataclass(frozen=True)
class Server:
    """An embedded server in a temporary folder."""

    url: str
    pgdata: Path

    @contextmanager
    def database(self) -> Iterator[str]:
        """Creates a database, yields its URL, and drops it at the end of the context."""
        name = f"chaos_{uuid4().hex[:12]}"
        self._run(f'create database "{name}"')
        try:
            yield make_url(self.url).set(database=name).render_as_string(hide_password=False)
        finally:
            self._run(f'drop database "{name}" with (force)')

    def restart(self, away_s: float) -> None:
        """Stops the server, which ends every connection, and starts it again after `away_s` seconds."""
        postgres.stop(self.pgdata)
        time.sleep(away_s)
        postgres.start(self.pgdata)

    def _run(self, sql: str) -> None:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(sql))
        engine.dispose()


@contextmanager
def own_server(folder: Path) -> Iterator[Server]:
    """Runs a server inside the context."""
    with embedded_server(folder) as url:
        yield Server(url, folder / "pgdata")
