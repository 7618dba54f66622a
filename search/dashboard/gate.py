"""Checks names and passwords, not too many of them."""

import math

import click

from search.dashboard.accounts import Account, Accounts
from search.dashboard.tries import Tries


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
