"""The server: Waitress, some threads beside one that minds all connections, so that an idle one is in nobody's way."""

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
CONNECTIONS = 500  # open at once; browsers hold some each
BODY_BYTES = 16 * 2**20  # of a request, read before anybody looks at it
LAST_S = 1.0  # what requests under way may still take when the server is told to end


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens at the address; port 0 is any free one. InputError where that cannot be had."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # from here on a client waits for the server instead of being turned away
        except OSError as error:
            raise InputError(
                f"the dashboard needs a free port; got {host}:{port}: {error.strerror}; give --port"
            ) from None
        yield listener


def serve(app: WSGIApplication, listener: socket.socket) -> None:
    """Answers requests until a signal's handler raises; what that raised goes on to the caller."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a full queue is no news: a page asks for much at once
    connections: dict[int, object] = {}
    server = create_server(
        app,
        map=connections,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        connection_limit=CONNECTIONS,
        max_request_body_size=BODY_BYTES,
        clear_untrusted_proxy_headers=False,  # X-Forwarded-Proto is read in one place, and the rest of them nowhere
        asyncore_use_poll=True,
    )
    try:
        wasyncore.loop(map=connections, use_poll=True)  # server.run() would swallow the handler's SystemExit
    finally:
        server.task_dispatcher.shutdown(timeout=LAST_S)
        wasyncore.close_all(connections)


def warm_cache(storage: BaseStorage) -> None:
    """Begins to read, in a thread of its own. A database that is away is no error here: a page will say so."""
    Thread(target=_read_all, args=(storage,), name="warm-cache", daemon=True).start()


def _read_all(storage: BaseStorage) -> None:
    try:
        for study in storage.get_all_studies():
            storage.get_all_trials(study._study_id, deepcopy=False)
    except (StorageInternalError, SQLAlchemyError, KeyError):  # KeyError: a study was deleted meanwhile
        pass
