"""Attacks on the dashboard's command from many addresses of this machine, and what a signed-in user notices."""

import http.client
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from search.dashboard.connections import HEAD_S, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_CLIENT
from search.dashboard.throttle import ACCOUNT_BURST, BURST, TURN_S
from tests.e2e.dashboard.browsing import served
from tests.postgres_server import fresh_database

ATTACKERS = MAX_CONNECTIONS + 50
NETWORKS = 60
ANSWER_S = 60.0  # within which a user is answered, on a machine however busy; without the limits it took 200 s
ROUNDS = 5  # of requests of a user
BEGINNINGS = {
    "heads": b"GET /api/studies HTTP/1.1\r\nHost: x\r\nX: ",
    "bodies": b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
}


class Target:
    """A running dashboard."""

    def __init__(self, url: str) -> None:
        self.port = urlsplit(url).port or 0

    def ask(self, user: str, password: str, address: str = "127.0.0.1", method: str = "GET") -> tuple[int, float]:
        """Status of a request and the seconds it took."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, ANSWER_S, (address, 0))
        token = b64encode(f"{user}:{password}".encode()).decode()
        begun = time.monotonic()
        try:
            connection.request(method, "/api/studies", headers={"Authorization": f"Basic {token}"})
            return connection.getresponse().status, time.monotonic() - begun
        finally:
            connection.close()

    def use(self, rounds: int = ROUNDS) -> float:
        """Asks as the admin from an address that is known; the longest time that an answer took."""
        answers = [self.ask("admin", "right") for _ in range(rounds)]
        assert [status for status, _ in answers] == [200] * rounds
        return max(seconds for _, seconds in answers)

    def attack(self, address: str, beginning: bytes) -> socket.socket:
        client = socket.socket()
        client.bind((address, 0))
        client.connect(("127.0.0.1", self.port))
        client.sendall(beginning)
        client.setblocking(False)
        return client


@pytest.fixture(scope="module")
def target(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    settings = {"DASHBOARD_PASSWORD": "right", "DASHBOARD_VIEWER_PASSWORD": "look"}
    with fresh_database(server_url, template) as url, served(folder, DATABASE_URL=url, **settings) as address:
        target = Target(address)
        assert target.ask("admin", "right")[0] == 200
        yield target


@pytest.mark.parametrize("networks", [1, NETWORKS])
@pytest.mark.parametrize("kind", BEGINNINGS)
def test_slow_clients_keep_nobody_waiting(target: Target, kind: str, networks: int) -> None:
    with ExitStack() as stack:
        addresses = [f"127.0.{1 + number % networks}.2" for number in range(ATTACKERS)]
        clients = [stack.enter_context(target.attack(address, BEGINNINGS[kind])) for address in addresses]
        ends, noticed = Event(), []

        def use() -> None:
            try:
                noticed.append(target.use())
            finally:
                ends.set()

        user = Thread(target=use)
        user.start()
        while not ends.wait(0.1):  # each of them sends a byte now and then
            for client in clients:
                send_byte(client)
        user.join()
        assert noticed and noticed[0] < ANSWER_S
        left = MAX_CONNECTIONS if networks > 1 else MAX_CONNECTIONS_PER_CLIENT
        assert sum(send_byte(client) for client in clients) <= left


@pytest.mark.slow  # the real deadline; with shorter ones in tests/integration
def test_no_client_that_sends_slowly_stays(target: Target) -> None:
    with target.attack("127.0.0.9", BEGINNINGS["heads"]) as client:
        begun = time.monotonic()
        while send_byte(client):
            assert time.monotonic() - begun < 6 * HEAD_S
            time.sleep(0.2)
        assert time.monotonic() - begun > HEAD_S / 2


def test_guesses_from_many_addresses_are_few_and_nobody_waits(target: Target) -> None:
    begun, statuses = time.monotonic(), []
    for number in range(NETWORKS):
        statuses += [target.ask("admin", f"guess {number}", f"127.0.{number}.3")[0] for _ in range(BURST)]
    seconds = time.monotonic() - begun
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= ACCOUNT_BURST + seconds / TURN_S + 1
    assert target.use() < ANSWER_S  # from an address that has signed in before
    assert target.ask("viewer", "look", "127.0.0.4")[0] == 200  # from a new one, for an account that nobody attacks


def send_byte(client: socket.socket) -> bool:
    """Whether the server has not closed the connection."""
    try:
        client.send(b"a")
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
