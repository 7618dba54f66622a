"""A TCP proxy in front of a PostgreSQL that counts a client's round trips, and does harm at one of them."""

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

Harm = Literal["cut before", "cut after", "kill before", "kill after", "stop"]
HARMS: tuple[Harm, ...] = get_args(Harm)
REPLY_S = 60.0

# What is passed on and not counted: the statements of threads beside the training, which come at moments of their own,
# and what begins a transaction or ends one that has changed nothing.
UNCOUNTED = re.compile(
    r"update unet_search_slots set expires|select exists \(select from unet_search_slots s join"
    r"|begin|rollback|(release )?savepoint|select 1$|set |show |select set_config",
    re.IGNORECASE,
)


@dataclass
class Plan:
    """What happens at one round trip.

    at:         its number, from 0; None for none
    harm:       the connection is cut, or the client's process is killed: `before` the statement has arrived, or `after`
                it is done and before the reply; or the process is stopped, and finds the reply when it goes on
    on_point:   kills or stops the process
    """

    at: int | None = None
    harm: Harm = "cut before"
    on_point: Callable[[], None] = lambda: None
    seen: list[str] = field(default_factory=list)  # every counted statement, in order
    done: threading.Event = field(default_factory=threading.Event)  # the harm is


class Proxy:
    """Listens on a free port of 127.0.0.1 until it is closed.

    server: the path of the server's Unix socket
    """

    def __init__(self, server: str, plan: Plan) -> None:
        self._server, self._plan = server, plan
        self._lock = threading.Lock()  # round trips of several connections are counted one after the other
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends all connections."""
        for each in [self._listener, *self._open]:
            _end(each)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._open += [client, server]
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """Passes messages on in both directions, until one side ends or the connection is cut."""
        replies = _Replies(server, client)
        with suppress(OSError, EOFError):
            server.sendall(_read_startup(client))
            replies.start()
            while True:
                kind, message = _read_message(client)
                if kind == b"Q" and self._is_the_point(message[5:-1].decode()):
                    if self._plan.harm.endswith("after"):
                        replies.hold_back()
                        server.sendall(message)
                        replies.wait()
                    self._plan.on_point()
                    self._plan.done.set()
                    if self._plan.harm != "stop":
                        break
                server.sendall(message)
        _end(client)
        _end(server)

    def _is_the_point(self, statement: str) -> bool:
        statement = " ".join(statement.split())
        with self._lock:
            if UNCOUNTED.match(statement):
                return False
            self._plan.seen.append(statement)
            return len(self._plan.seen) - 1 == self._plan.at


class _Replies(threading.Thread):
    """Passes the server's messages on, until they are to be held back."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        super().__init__(daemon=True)
        self._server, self._client = server, client
        self._held, self._complete = threading.Event(), threading.Event()

    def hold_back(self) -> None:
        """Nothing more reaches the client."""
        self._held.set()

    def wait(self) -> None:
        """Returns when the reply that is held back is complete, or the server has ended the connection."""
        assert self._complete.wait(REPLY_S), "no reply of the server"

    def run(self) -> None:
        with suppress(OSError, EOFError):
            while True:
                kind, message = _read_message(self._server)
                if not self._held.is_set():
                    self._client.sendall(message)
                elif kind == b"Z":  # ready for the next statement
                    self._complete.set()
        self._complete.set()
        _end(self._client)


def _read_startup(client: socket.socket) -> bytes:
    """The first message, which has no kind."""
    length = _read(client, 4)
    return length + _read(client, struct.unpack("!i", length)[0] - 4)


def _read_message(source: socket.socket) -> tuple[bytes, bytes]:
    """The kind of the next message, and the whole of it."""
    head = _read(source, 5)
    return head[:1], head + _read(source, struct.unpack("!i", head[1:])[0] - 4)


def _read(source: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        chunk = source.recv(count - len(content))
        if not chunk:
            raise EOFError
        content += chunk
    return content


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
