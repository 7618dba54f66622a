"""Checks names and passwords, not too many of them."""

import math
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock

import click

from search.dashboard.accounts import Account, Accounts

AT_ONCE = 10  # wrong passwords without a pause; more than the server has threads, which may ask at the same time
PAUSE_S = 3.0  # between further ones
REMEMBERED = 1000  # addresses; the one that was quiet for longest is forgotten


class TooSoon(Exception):
    """A password came too soon after wrong ones, and was not looked at."""

    def __init__(self, wait_s: float) -> None:
        self.seconds = math.ceil(wait_s)
        super().__init__(f"too many wrong passwords; try again in {self.seconds} s")

    @property
    def header(self) -> tuple[str, str]:
        return "Retry-After", str(self.seconds)


class Gate:
    """The accounts of a server with the wrong tries so far."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._tries = Tries()

    def check(self, user: str, password: str, address: str) -> Account | None:
        """The account of a name and password; a wrong one is logged, without what was typed. Raises TooSoon."""
        wait_s = self._tries.begin(address)
        if wait_s > 0:
            raise TooSoon(wait_s)
        account = self._accounts.find(user, password)
        if account is not None:
            self._tries.forgive(address)
        else:
            name = user if self._accounts.has(user) else "an unknown user"  # people type passwords into the wrong field
            click.echo(f"dashboard: wrong password for {name} from {address}", err=True)
        return account


class Tries:
    """Wrong tries by address. Every try counts until it turns out to be right."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paid_until: dict[str, float] = {}  # when all tries of an address so far are forgiven
        self._lock = Lock()

    def begin(self, address: str) -> float:
        """Counts a try; gives 0.0, or the seconds to wait where it comes too early and was not counted."""
        key, now = _network(address), self._clock()
        with self._lock:
            paid_until = max(self._paid_until.pop(key, now), now)
            wait_s = paid_until - now - (AT_ONCE - 1) * PAUSE_S
            self._paid_until[key] = paid_until if wait_s > 0 else paid_until + PAUSE_S
            if len(self._paid_until) > REMEMBERED:
                del self._paid_until[next(iter(self._paid_until))]
        return max(0.0, wait_s)

    def forgive(self, address: str) -> None:
        """Takes a try back: it was right."""
        key = _network(address)
        with self._lock:
            if key in self._paid_until:
                self._paid_until[key] -= PAUSE_S


def _network(address: str) -> str:
    """An IPv6 address counts as its /64 network: whoever has one address of it has them all."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address
