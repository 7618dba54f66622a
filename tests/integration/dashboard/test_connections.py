"""Slow, silent and crowding clients: what they get, and that the others are answered meanwhile."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from search.dashboard import connections, server
from search.dashboard.addresses import Proxies
from search.dashboard.connections import MAX_PIPELINED, SMALL_BODY_BYTES
from tests.integration.dashboard.serving import GET, WAIT_S, Clients, drip, is_closed, is_open, read_status, serving

HALF = b"GET / HTTP/1.1\r\nX: "
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = BODY.replace(b"60000", b"6000000")
OK = b"HTTP/1.1 200 OK"
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large"


def app(environ: Any, start: Any) -> list[bytes]:
    start("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of tenths of a second."""
    monkeypatch.setattr(server, "LOOK_S", 0)
    for name in ("HEAD_S", "BODY_S", "SEND_S"):
        monkeypatch.setattr(connections, name, 0.3)


@pytest.fixture
def clients() -> Iterator[Clients]:
    with serving(app) as clients:
        yield clients


@pytest.mark.parametrize("sent", [b"", HALF, b"\r\n", BODY, CHUNKED + b"5\r\nab"], ids=str)
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "second"])
def test_a_request_that_stops_is_cut_off(impatient: None, clients: Clients, before: bytes, sent: bytes) -> None:
    client = clients.connect()
    if before:
        client.sendall(before)
        assert read_status(client) == OK
        sent = sent or HALF  # a client may be silent for long after a request
    client.sendall(sent)
    assert is_closed(client)


@pytest.mark.parametrize("sent", [HALF, BODY, REFUSED, CHUNKED], ids=["head", "body", "refused", "chunks"])
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "second"])
def test_a_request_byte_by_byte_is_cut_off(impatient: None, clients: Clients, before: bytes, sent: bytes) -> None:
    client = clients.connect()
    if before:
        client.sendall(before)
        assert read_status(client) == OK
    client.sendall(sent)
    assert drip(client, b"1\r\na\r\n" if sent == CHUNKED else b"a")


@pytest.mark.parametrize("empty", [b"\r\n\r\n", b"\r\n"])
def test_empty_requests_hold_no_connection(impatient: None, clients: Clients, empty: bytes) -> None:
    assert drip(clients.connect(), empty)


def test_a_slow_request_within_its_time_is_answered(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOOK_S", 0)
    client = clients.connect()
    for byte in GET:
        client.sendall(bytes([byte]))
    assert read_status(client) == OK


def test_the_newest_connection_gets_a_place_when_all_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    with serving(app) as clients:
        slow = [clients.connect(f"127.0.1.{number}", HALF) for number in range(1, 31)]
        assert all(is_closed(client) for client in slow[:10])
        assert clients.ask() == OK
        assert is_closed(slow[10]) and all(is_open(client) for client in slow[11:])


def test_a_client_with_too_many_loses_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_CLIENT", 5)
    with serving(app) as clients:
        other = clients.connect("127.0.1.1", HALF)
        slow = [clients.connect("127.0.1.2", HALF) for _ in range(5)]
        assert clients.ask(address="127.0.1.2") == OK
        assert is_closed(slow[0]) and all(is_open(client) for client in [other, *slow[1:]])


def test_a_trusted_proxy_may_have_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_CLIENT", 5)
    with serving(app, proxies=Proxies("127.0.1.2")) as clients:
        opened = [clients.connect("127.0.1.2", HALF) for _ in range(10)]
        assert clients.ask(address="127.0.1.2") == OK
        assert all(is_open(client) for client in opened)


def test_a_running_request_keeps_its_place(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ends = Event(), Event()

    def slow_app(environ: Any, start: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            begun.set()
            assert ends.wait(WAIT_S)
        return app(environ, start)

    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 5)
    with serving(slow_app) as clients:
        running = clients.connect(sent=GET.replace(b"/", b"/slow", 1))
        assert begun.wait(WAIT_S)
        for _ in range(10):
            assert clients.ask(address="127.0.1.1") == OK
        assert is_closed(clients.connect())  # over its own deadline
        ends.set()
        assert read_status(running) == OK


def test_clients_that_take_no_response_hold_no_thread(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def large_app(environ: Any, start: Any) -> Any:
        if environ["PATH_INFO"] == "/":
            return app(environ, start)
        start("200 OK", [])
        return (bytes(2**20) for _ in range(64))  # more than the server writes ahead

    monkeypatch.setattr(server, "THREADS", 2)
    with serving(large_app) as clients:
        for _ in range(2):
            clients.connect(sent=GET.replace(b"/", b"/large", 1))
        assert clients.ask() == OK


def test_requests_in_advance_are_few(clients: Clients) -> None:
    client = clients.connect(sent=GET * (MAX_PIPELINED + 2))
    try:
        while client.recv(2**16):
            pass
    except ConnectionError:
        pass  # both are an end
    assert clients.ask() == OK


@pytest.mark.parametrize("may_upload", [True, False])
@pytest.mark.parametrize("kind", ["length", "chunks", "expect"])
def test_a_large_body_is_only_read_for_who_may_upload(may_upload: bool, kind: str) -> None:
    def measure(environ: Any, start: Any) -> list[bytes]:
        start(f"200 {len(environ['wsgi.input'].read())}", [("Content-Length", "0")])
        return []

    size = SMALL_BODY_BYTES + 20_000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % size
    with serving(measure, lambda environ: bool(environ["REQUEST_METHOD"] == "POST" and may_upload)) as clients:
        if kind == "expect":
            client = clients.connect(sent=head + b"Expect: 100-continue\r\n\r\n")
            status = read_status(client)
            if may_upload:
                assert status == b"HTTP/1.1 100 Continue"
                client.sendall(bytes(size))
                status = read_status(client)
        else:
            chunk = b"%x\r\n" % size + bytes(size) + b"\r\n0\r\n\r\n"
            request = head + b"\r\n" + bytes(size) if kind == "length" else CHUNKED + chunk
            status = clients.ask(request)
        assert status == (b"HTTP/1.1 200 %d" % size if may_upload else TOO_LARGE)


def test_a_small_body_is_read_for_everybody(clients: Clients) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SMALL_BODY_BYTES
    assert clients.ask(head + bytes(SMALL_BODY_BYTES)) == OK


def test_a_large_head_is_refused(clients: Clients) -> None:
    assert clients.ask(HALF + bytes(server.MAX_HEAD_BYTES).replace(b"\0", b"a")).startswith(b"HTTP/1.0 431")
