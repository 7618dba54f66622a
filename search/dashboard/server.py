"""The server: Waitress. One thread reads and writes all connections, so that idle ones occupy no other thread."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from wsgiref.types import WSGIApplication, WSGIEnvironment

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from search.dashboard.addresses import Proxies
from search.dashboard.connections import MAX_CONNECTIONS, Server
from trainer.errors import InputError

THREADS = 8
LOOK_S = 1  # how often the server looks for slow clients
MAX_HEAD_BYTES = 32 * 2**10  # of a request
MAX_BODY_BYTES = 16 * 2**20  # of a request of somebody who may change studies
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


def serve(
    app: WSGIApplication,
    listener: socket.socket,
    may_upload: Callable[[WSGIEnvironment], bool],
    proxies: Proxies,
) -> None:
    """Answers requests until a signal's handler raises; its exception reaches the caller.

    Args:
        app: what answers them.
        listener: where clients connect.
        may_upload: whether the client of an environment may send more than SMALL_BODY_BYTES.
        proxies: which may have any number of connections.
    """
    connections: dict[int, object] = {}
    server = make_server(app, listener, may_upload, proxies, connections)
    try:
        wasyncore.loop(LOOK_S, map=connections, use_poll=True)  # server.run() would swallow the handler's SystemExit
    finally:
        server.task_dispatcher.shutdown(timeout=SHUTDOWN_S)
        wasyncore.close_all(connections)


def make_server(
    app: WSGIApplication,
    listener: socket.socket,
    may_upload: Callable[[WSGIEnvironment], bool],
    proxies: Proxies,
    connections: dict[int, object],
) -> Server:
    """The server in a loop's dictionary of `connections`; other arguments as for `serve`."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a page sends many requests: that some wait is no warning
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(THREADS)
    adjustments = Adjustments(
        ident=None,
        connection_limit=2 * MAX_CONNECTIONS,  # the server closes some before it comes to that
        cleanup_interval=LOOK_S,
        max_request_header_size=MAX_HEAD_BYTES,
        max_request_body_size=MAX_BODY_BYTES,
        clear_untrusted_proxy_headers=False,  # the front does it
    )
    where = (listener.family, listener.type, listener.proto, listener.getsockname())
    server = Server(app, connections, True, listener, dispatcher, adjustments, where, bind_socket=False)
    server.may_upload, server.proxies = may_upload, proxies
    return server
