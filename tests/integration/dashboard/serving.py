"""The dashboard's server in this process, on 127.0.0.1, around an application of a test."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse, RemoteDisconnected
from threading import Event, Thread
from typing import Any

from waitress import wasyncore

from search.dashboard.addresses import Proxies
from search.dashboard.server import listen, make_server

WAIT_S = 30.0  # for whatever must happen at once
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Clients:
    """Connections to a server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def connect(self, address: str = "127.0.0.1", sent: bytes = b"") -> socket.socket:
        """A connection from an address of this machine, on which something was sent."""
        client = socket.socket()
        self._sockets.append(client)
        client.settimeout(WAIT_S)
        client.bind((address, 0))
        client.connect(("127.0.0.1", self._port))
        with suppress(ConnectionError):  # it may be refused before it is read
            client.sendall(sent)
        return client

    def ask(self, request: bytes = GET, address: str = "127.0.0.1") -> bytes:
        """The first line of a response."""
        return read_status(self.connect(address, request))

    def close(self) -> None:
        for client in self._sockets:
            client.close()


@contextmanager
def serving(
    app: Any, may_upload: Callable[[Any], bool] = lambda _: False, proxies: Proxies | None = None
) -> Iterator[Clients]:
    """Clients of a server that answers by the application."""
    with listen("127.0.0.1", 0) as listener:
        connections: dict[int, object] = {}
        server = make_server(app, listener, may_upload, proxies or Proxies(), connections)
        ends = Event()

        def run() -> None:
            while server.active_channels or not ends.is_set():
                wasyncore.loop(0.02, True, connections, count=1)

        thread = Thread(target=run)
        thread.start()
        clients = Clients(listener.getsockname()[1])
        try:
            yield clients
        finally:
            clients.close()  # first: no thread waits for them any longer
            ends.set()
            thread.join()
            server.task_dispatcher.shutdown(timeout=WAIT_S)
            wasyncore.close_all(connections)


def read_status(client: socket.socket) -> bytes:
    """The first line of a response, which is read to its end; empty where the connection ends before one."""
    if client.recv(12, socket.MSG_PEEK).endswith(b" 100"):
        return client.recv(4096).partition(b"\r\n")[0]
    response = HTTPResponse(client)
    try:
        response.begin()
    except RemoteDisconnected:
        return b""
    response.read()
    return f"HTTP/{response.version / 10} {response.status} {response.reason}".encode()


def is_closed(client: socket.socket) -> bool:
    """Whether the server closes the connection without a response; waits for that."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def is_open(client: socket.socket) -> bool:
    """Whether the server has not closed the connection so far."""
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        client.settimeout(WAIT_S)


def drip(client: socket.socket, bytes_each: bytes) -> bool:
    """Sends something small over and over until the server closes the connection; whether it does."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and is_open(client):
        try:
            client.send(bytes_each)
        except ConnectionError:
            return True
        time.sleep(0.02)  # a slow client's pace
    return not is_open(client)
