"""Waitress with limits on slow and crowding clients, which need no account to connect.

Waitress closes silent connections alone, and accepts none while it has its number: whoever sends a byte a minute on
each of them keeps all others out. Here a request has a deadline, and the newest connection always gets a place, that of
the connection that has waited longest for its client; where a client has many, that of one of its own.
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from wsgiref.types import WSGIEnvironment

from typing_extensions import override
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import WSGITask
from waitress.utilities import RequestEntityTooLarge

from search.dashboard.addresses import Proxies, client_network

HEAD_S = 10.0  # for the head of a request, and from a connection to its first one
BODY_S = 30.0  # for head and body, and a second more for each BODY_BYTES_PER_S
BODY_BYTES_PER_S = 64 * 2**10
IDLE_S = 120.0  # between a client's requests
SEND_S = 60.0  # in which a client must take something of its response
MAX_CONNECTIONS = 500  # open at once; each browser opens some
MAX_CONNECTIONS_PER_CLIENT = 100
MAX_PIPELINED = 16  # requests that are sent before the response to the first; browsers send one
SMALL_BODY_BYTES = 64 * 2**10  # of anybody's request; Waitress reads all of it before the application is called


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request that is being received. `may_upload` tells whether its body may be a large one."""

    error: object
    expect_continue: bool
    body_rcv: Any

    def __init__(self, adjustments: Adjustments, may_upload: Callable[[HTTPRequestParser], bool]) -> None:
        super().__init__(adjustments)
        self._may_upload = may_upload
        self._is_small = True

    @override
    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self._is_small and max(self.content_length, self.body_bytes_received) > SMALL_BODY_BYTES:
            self._is_small = False
            if not self.error and not self._may_upload(self):
                self.error = RequestEntityTooLarge(f"more than {SMALL_BODY_BYTES} bytes are for who may change studies")
                self.body_rcv.buf = Nothing()
                if self.expect_continue:  # the client sends no body before it is asked to
                    self.expect_continue, self.completed = False, True
        return consumed


class Nothing:
    """Takes the body of a request that is refused: clients read no response while they send."""

    def append(self, data: bytes) -> None:
        """Forgets the data."""

    def __len__(self) -> int:
        return 0

    def close(self) -> None:
        """Does nothing."""


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    _served_at = 0.0  # the end of the last request
    _asking_after = 0.0  # the same, when a look found the beginning of another request for the first time
    _asking_since = 0.0  # the time of that look

    @cached_property
    def network(self) -> str:
        """The network of its client."""
        return client_network(self.addr[0])

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its client to send something."""
        return not self.requests and not self.total_outbufs_len

    @property
    def waits_since(self) -> float:
        """The end of its last request, otherwise its beginning."""
        return max(self._served_at, float(self.creation_time))

    def is_late(self, now: float) -> bool:
        """Whether its client is over a time limit; to be called about once a second."""
        with self.outbuf_lock:  # otherwise a response's first bytes may be there, and not yet tried to be sent
            if self.total_outbufs_len:
                return bool(now - self.last_activity > SEND_S)
        if self.requests:
            return False
        if self.request is None:
            return now - self.waits_since > (IDLE_S if self._served_at else HEAD_S)
        if not self._asking_since or self._asking_after != self._served_at:  # not each time: empty requests are allowed
            self._asking_after, self._asking_since = self._served_at, now
        body_s = BODY_S + (0.0 if self.request.error else self.request.body_bytes_received / BODY_BYTES_PER_S)
        return bool(now - self._asking_since > (body_s if self.request.headers_finished else HEAD_S))

    @override
    def parser_class(self, adjustments: Adjustments) -> Parser:
        return Parser(adjustments, lambda request: self.server.may_upload(WSGITask(self, request).get_environment()))

    @override
    def received(self, data: bytes) -> bool:
        received: bool = super().received(data)
        if len(self.requests) > MAX_PIPELINED:
            self.will_close = True
        return received

    @override
    def service(self) -> None:
        super().service()
        self._served_at = time.time()  # not monotonic, as Waitress's times


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A server with these connections.

    Attributes:
        may_upload: whether the client of a WSGI environment may send a large body.
        proxies: which may have any number of connections.
    """

    channel_class = Connection
    may_upload: Callable[[WSGIEnvironment], bool]
    proxies: Proxies

    @override
    def handle_accept(self) -> None:
        super().handle_accept()
        everybody = list(self.active_channels.values())
        if not everybody:
            return
        newest = everybody[-1]
        if newest.addr[0] not in self.proxies:
            siblings = [connection for connection in everybody if connection.network == newest.network]
            _make_room(siblings, MAX_CONNECTIONS_PER_CLIENT)
        _make_room(list(self.active_channels.values()), MAX_CONNECTIONS)

    @override
    def maintenance(self, now: float) -> None:
        for connection in list(self.active_channels.values()):
            if connection.is_late(now):
                connection.handle_close()


def _make_room(connections: list[Connection], limit: int) -> None:
    """Where there are too many, closes the one that has waited longest; the newest, the last, where none waits."""
    if len(connections) > limit:
        waiting = [connection for connection in connections[:-1] if connection.is_waiting]
        min(waiting, key=lambda connection: connection.waits_since, default=connections[-1]).handle_close()
