"""The check of names and passwords, slowed down after wrong ones."""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock

import click

from search.dashboard.accounts import Account, Accounts

BURST = 10  # wrong passwords without a pause; more than the server has threads, which may check at the same time
PAUSE_S = 3.0  # between further ones
MAX_ADDRESSES = 1000  # remembered; the one whose last try is the oldest is forgotten


class TooManyTries(Exception):
    """A password came too soon after wrong ones, and was not checked."""

    def __init__(self, wait_s: float) -> None:
        self.seconds = math.ceil(wait_s)
        super().__init__(f"too many wrong passwords; try again in {self.seconds} s")


class PasswordCheck:
    """Checks passwords against the accounts of a server, under its throttle."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._throttle = Throttle()

    def find_account(self, user: str, password: str, address: str) -> Account | None:
        """The account of a name and password. A wrong one is logged, without the password. Raises TooManyTries."""
        wait_s = self._throttle.count_try(address)
        if wait_s > 0:
            raise TooManyTries(wait_s)
        account = self._accounts.find(user, password)
        if account is not None:
            self._throttle.forgive(address)
        else:
            name = user if self._accounts.has(user) else "an unknown user"  # people type passwords into the wrong field
            click.echo(f"dashboard: wrong password for {name} from {address}", err=True)
        return account


class Throttle:
    """A limit on wrong passwords by address. Every try counts as wrong until `forgive`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}  # when an address has waited for all its tries, in the order of the last
        self._lock = Lock()

    def count_try(self, address: str) -> float:
        """Counts a try and returns 0.0; returns the seconds to wait where it comes too early, and does not count it."""
        key, now = _network(address), self._clock()
        with self._lock:
            free_at = max(self._free_at.pop(key, now), now)
            wait_s = free_at - now - (BURST - 1) * PAUSE_S
            self._free_at[key] = free_at if wait_s > 0 else free_at + PAUSE_S
            if len(self._free_at) > MAX_ADDRESSES:
                del self._free_at[next(iter(self._free_at))]
        return max(0.0, wait_s)

    def forgive(self, address: str) -> None:
        """Takes back the last try, whose password was right."""
        key = _network(address)
        with self._lock:
            if key in self._free_at:
                self._free_at[key] -= PAUSE_S


def _network(address: str) -> str:
    """An IPv6 address's /64 network, all of which usually belongs to one client; any other address as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address
