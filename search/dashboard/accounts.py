"""Accounts of the dashboard, from the environment and the `.env` file in the current folder."""

import re
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from search.dashboard.addresses import Proxies
from trainer.errors import InputError

NOT_UTF8 = re.compile("[\ud800-\udfff]")  # surrogates, as which Python reads other bytes of the environment


@dataclass(frozen=True)
class Account:
    """A user who has signed in."""

    user: str
    may_change: bool  # otherwise only look


VISITOR = Account("visitor", may_change=False)  # every user of this machine, where no password is set


class AccountSettings(BaseSettings):
    """Names and passwords of the two roles; a role without a password has no account."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env", extra="ignore", hide_input_in_errors=True)

    user: str = Field("admin", validation_alias="DASHBOARD_USER")  # may change and delete
    password: str = Field("", repr=False, validation_alias="DASHBOARD_PASSWORD")
    viewer_user: str = Field("viewer", validation_alias="DASHBOARD_VIEWER_USER")  # may only look
    viewer_password: str = Field("", repr=False, validation_alias="DASHBOARD_VIEWER_PASSWORD")


class Accounts:
    """The accounts of one server. Without any nobody needs to sign in, and nobody may change anything."""

    def __init__(self, settings: AccountSettings) -> None:
        for field, info in AccountSettings.model_fields.items():
            if NOT_UTF8.search(getattr(settings, field)):  # forms and HTTP Basic could not send it
                raise InputError(f"{info.validation_alias} must be UTF-8; got other bytes; set another one")
        for name, user in (("DASHBOARD_USER", settings.user), ("DASHBOARD_VIEWER_USER", settings.viewer_user)):
            if not user.strip() or ":" in user:
                raise InputError(f"{name} must be a name without a colon; got {user!r}; give another one, or unset it")
        if settings.user == settings.viewer_user:
            raise InputError(
                f"DASHBOARD_USER and DASHBOARD_VIEWER_USER must differ; got {settings.user!r} twice; rename one of them"
            )
        roles = (
            (Account(settings.user, True), settings.password),
            (Account(settings.viewer_user, False), settings.viewer_password),
        )
        self._passwords = {account: password for account, password in roles if password}

    def __bool__(self) -> bool:
        return bool(self._passwords)

    @property
    def users(self) -> tuple[str, ...]:
        """The names of all accounts."""
        return tuple(account.user for account in self._passwords)

    def find(self, user: str, password: str) -> Account | None:
        """The account with this name and password; takes the same time for a wrong name as for a wrong password."""
        found = None
        for account, expected in self._passwords.items():
            if _equal(user, account.user) & _equal(password, expected):
                found = account
        return found

    def has(self, user: str) -> bool:
        """Whether there is an account of this name."""
        return user in self.users


def check_host(host: str, accounts: Accounts, proxies: Proxies) -> None:
    """Raises InputError where other machines could reach a server without a password."""
    if not accounts and proxies:
        raise InputError(
            "a dashboard behind a proxy needs a password; got DASHBOARD_TRUSTED_PROXY without one; "
            "set DASHBOARD_PASSWORD, or unset DASHBOARD_TRUSTED_PROXY"
        )
    if not accounts and not is_loopback(host):
        raise InputError(
            f"a dashboard that others can reach needs a password; got --host {host} without one; "
            "set DASHBOARD_PASSWORD, or leave --host away"
        )


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine and nothing else: localhost, 127.0.0.0/8 or ::1."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _equal(sent: str, expected: str) -> bool:
    """Compares in constant time."""
    return compare_digest(sent.encode(), expected.encode())
