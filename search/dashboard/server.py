"""The server: Waitress. One thread reads and writes all connections, so that idle ones occupy no other thread."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.types import WSGIApplication

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError
from waitress import wasyncore
from waitress.server import create_server

from trainer.errors import InputError

THREADS = 8
MAX_CONNECTIONS = 500  # open at once; each browser opens some
MAX_BODY_BYTES = 16 * 2**20  # of a request; Waitress reads all of it before the application is called
SHUTDOWN_S = 1.0  # how long requests may still take when the server is told to end


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens at the address; port 0 is any free one. Raises InputError where that is impossible."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # from now on clients wait for the server instead of being refused
        except OSError as error:
            raise InputError(
                f"the dashboard needs a free port; got {host}:{port}: {error.strerror}; give --port"
            ) from None
        yield listener


def serve(app: WSGIApplication, listener: socket.socket) -> None:
    """Answers requests until a signal's handler raises; its exception reaches the caller."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a page sends many requests: that some wait is no warning
    connections: dict[int, object] = {}
    server = create_server(
        app,
        map=connections,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        connection_limit=MAX_CONNECTIONS,
        max_request_body_size=MAX_BODY_BYTES,
        clear_untrusted_proxy_headers=False,  # the front reads X-Forwarded-Proto, and none of the others
        asyncore_use_poll=True,
    )
    try:
        wasyncore.loop(map=connections, use_poll=True)  # server.run() would swallow the handler's SystemExit
    finally:
        server.task_dispatcher.shutdown(timeout=SHUTDOWN_S)
        wasyncore.close_all(connections)


def warm_cache(storage: BaseStorage) -> None:
    """Begins to read all trials into the storage's cache, in a thread of its own; ignores an unreachable database."""
    Thread(target=_read_all, args=(storage,), name="warm-cache", daemon=True).start()


def _read_all(storage: BaseStorage) -> None:
    try:
        for study in storage.get_all_studies():
            storage.get_all_trials(study._study_id, deepcopy=False)
    except (StorageInternalError, SQLAlchemyError, KeyError):  # KeyError: a study was deleted meanwhile
        pass
