"""The check of names and passwords, slowed down after wrong ones.

Two brakes, and a password is compared only where both let it pass, in constant time. So neither the answer nor its
time tells more than one bounded guess.

- By client, its network or a browser that knows an account: BURST wrong passwords, then one each PAUSE_S.
- By name, all clients together that never had its right password: ACCOUNT_BURST, then one each TURN_S. Many addresses
  guess no faster than that, 86,400 passwords a day.

The second one must not lock people out, whom nothing tells from a lucky guess. Whoever has signed in from a network or
browser before passes it. Anybody else is given a turn, at most MAX_WAIT_S away, which is theirs whoever tries
meanwhile. Only where so many networks attack that all turns of that time are taken, newcomers wait for a free one.
"""

import math
import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock

from search.dashboard.accounts import Account, Accounts
from search.dashboard.addresses import client_network
from search.dashboard.log import log

BURST = 10  # wrong passwords without a pause; more than the server has threads, which may check at the same time
PAUSE_S = 3.0  # between further ones
MAX_ADDRESSES = 1000  # remembered; the one whose last try is the oldest is forgotten
ACCOUNT_BURST = 30
TURN_S = 1.0
MAX_WAIT_S = 300.0
MAX_FRIENDS = 100  # clients that are remembered for an account
QUEUES = 64  # names share them, so that one that exists cannot be told from others, and nobody can add more


Client = tuple[str, str]  # its kind, network or browser, and its name


class TooManyTries(Exception):
    """A password came too soon after wrong ones, and was not checked."""

    def __init__(self, wait_s: float) -> None:
        self.seconds = math.ceil(wait_s)
        super().__init__(f"too many wrong passwords; try again in {self.seconds} s")


class PasswordCheck:
    """Checks passwords against the accounts of a server, under its brakes, and logs who comes, without passwords."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._throttle = Throttle(clock)
        self._queues = [Queue(clock) for _ in range(QUEUES)]
        # By which names are told to queues, so that who guesses at one account keeps nobody of the other waiting.
        self._salt = next(salt for salt in count() if _are_apart(accounts.users, salt))
        self._friends = Friends()

    def find_account(self, user: str, password: str, address: str, browser: str | None = None) -> Account | None:
        """The account of a name and password. Raises TooManyTries.

        Args:
            user: the name.
            password: the password.
            address: where they come from.
            browser: that of the form: what `remember_browser` gave it, perhaps nothing. None for HTTP Basic, which
                comes with each request and is logged the first time only.
        """
        client = _browser(browser or "")
        if not self._friends.has(user, client):
            client = "network", client_network(address)
        is_friend = self._friends.has(user, client)
        wait_s = self._throttle.count_try(client)
        if not wait_s and not is_friend:
            wait_s = self._queue(user).take_turn(client)
            if wait_s:
                self._throttle.forgive(client)
        if wait_s:
            raise TooManyTries(wait_s)
        account = self._accounts.find(user, password)
        if account is None:
            name = user if self._accounts.has(user) else "an unknown user"  # people type passwords into the wrong field
            log(f"wrong password for {name} from {address}")
            return None
        self._throttle.forgive(client)
        self._friends.add(user, client)
        if not is_friend:
            self._queue(user).give_back()
        if browser is not None or not is_friend:
            log(f"{user} signs in from {address}")
        return account

    def remember_browser(self, user: str, browser: str) -> str:
        """The token of a browser that has just sent a user's right password; a new one unless it has one."""
        if not self._friends.has(user, _browser(browser)):
            browser = secrets.token_urlsafe(32)
        self._friends.add(user, _browser(browser))
        return browser

    def _queue(self, user: str) -> "Queue":
        return self._queues[_place(user, self._salt)]


class Throttle:
    """A limit on wrong passwords by client. Every try counts as wrong until `forgive`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at: dict[Client, float] = {}  # when a client has waited for all its tries, in the order of the last
        self._lock = Lock()

    def count_try(self, client: Client) -> float:
        """Counts a try and returns 0.0; returns the seconds to wait where it comes too early, and does not count it."""
        now = self._clock()
        with self._lock:
            free_at = max(self._free_at.pop(client, now), now)
            wait_s = free_at - now - (BURST - 1) * PAUSE_S
            self._free_at[client] = free_at if wait_s > 0 else free_at + PAUSE_S
            if len(self._free_at) > MAX_ADDRESSES:
                del self._free_at[next(iter(self._free_at))]
        return max(0.0, wait_s)

    def forgive(self, client: Client) -> None:
        """Takes back the last try, whose password was right."""
        with self._lock:
            if client in self._free_at:
                self._free_at[client] -= PAUSE_S


class Queue:
    """A limit on the tries of all strangers together: one each TURN_S, in the order in which they came."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at = 0.0  # when the next turn is
        self._turns: dict[Client, float] = {}  # given and not yet taken, by client
        self._lock = Lock()

    def take_turn(self, client: Client) -> float:
        """Returns 0.0 where it is the client's turn, which is taken; otherwise the seconds until then."""
        now = self._clock()
        with self._lock:
            turn = self._turns.pop(client, None)
            if turn is None:
                turn = max(self._free_at, now - ACCOUNT_BURST * TURN_S + TURN_S)
                if turn > now + MAX_WAIT_S:  # the client gets none yet
                    return turn - now
                self._free_at = turn + TURN_S
            if turn > now:
                self._turns = {who: when for who, when in self._turns.items() if when > now - MAX_WAIT_S}
                self._turns[client] = turn
        return max(0.0, turn - now)

    def give_back(self) -> None:
        """Gives back the turn of a right password."""
        with self._lock:
            self._free_at -= TURN_S


class Friends:
    """The clients, networks and browsers, that have had an account's right password."""

    def __init__(self) -> None:
        self._clients: dict[str, dict[Client, None]] = {}  # by user, in the order of their last sign-in
        self._lock = Lock()

    def has(self, user: str, client: Client) -> bool:
        """Whether the client had the user's right password."""
        return client in self._clients.get(user, ())

    def add(self, user: str, client: Client) -> None:
        """Remembers that the client had the user's right password, and where there are many forgets the oldest."""
        with self._lock:
            clients = self._clients.setdefault(user, {})
            clients.pop(client, None)
            clients[client] = None
            if len(clients) > MAX_FRIENDS:
                del clients[next(iter(clients))]


def _place(user: str, salt: int) -> int:
    return hash((salt, user)) % QUEUES  # Python's hashes of text differ in each process


def _are_apart(users: Sequence[str], salt: int) -> bool:
    return len({_place(user, salt) for user in users}) == len(users)


def _browser(token: str) -> Client:
    return "browser", token
