"""Accounts and sessions, each by itself."""

import os
from pathlib import Path

import pytest

from search.dashboard.accounts import Account, Accounts, AccountSettings, check_host, is_loopback
from search.dashboard.addresses import Proxies
from search.dashboard.sessions import MAX_AGE_S, MAX_IDLE_S, MAX_SESSIONS, Sessions
from tests.unit.dashboard.clock import Clock
from trainer.errors import InputError

NOBODY = Accounts(AccountSettings.model_construct())


def test_accounts_come_from_the_environment_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("DASHBOARD_PASSWORD='from file'\nDASHBOARD_VIEWER_USER=guest\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DASHBOARD_VIEWER_PASSWORD", "from environment")
    accounts = Accounts(AccountSettings())
    assert accounts.find("admin", "from file") == Account("admin", may_change=True)
    assert accounts.find("guest", "from environment") == Account("guest", may_change=False)
    assert accounts.find("guest", "from file") is None
    assert "from" not in repr(AccountSettings())


def test_a_role_without_a_password_has_no_account() -> None:
    accounts = Accounts(
        AccountSettings.model_validate({"DASHBOARD_PASSWORD": "right", "DASHBOARD_VIEWER_PASSWORD": ""})
    )
    assert accounts and not accounts.has("viewer")
    assert accounts.find("viewer", "") is None and accounts.find("admin", "") is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DASHBOARD_USER": ""}, "DASHBOARD_USER must be a name"),
        ({"DASHBOARD_VIEWER_USER": " "}, "DASHBOARD_VIEWER_USER must be a name"),
        ({"DASHBOARD_USER": "a:b"}, "without a colon; got 'a:b'"),
        ({"DASHBOARD_USER": "viewer"}, "must differ; got 'viewer' twice"),
    ],
)
def test_invalid_names_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Accounts(AccountSettings.model_validate(settings))


@pytest.mark.parametrize("name", ["DASHBOARD_USER", "DASHBOARD_VIEWER_PASSWORD"])
def test_settings_that_are_no_utf8_are_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, name.encode(), b"gr\xfcn")
    with pytest.raises(InputError, match=f"{name} must be UTF-8"):
        Accounts(AccountSettings())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_password(host: str) -> None:
    check_host(host, NOBODY, Proxies())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "127.0.0.1.example.org", "::ffff:192.0.2.1"])
def test_every_other_host_needs_one(host: str) -> None:
    with pytest.raises(InputError, match="needs a password; got --host"):
        check_host(host, NOBODY, Proxies())
    assert not is_loopback(host)


def test_behind_a_proxy_this_machine_needs_one_too() -> None:
    """Every client of the proxy comes from this machine, and names any host."""
    with pytest.raises(InputError, match="behind a proxy needs a password"):
        check_host("127.0.0.1", NOBODY, Proxies("127.0.0.1"))


def test_a_session_that_was_idle_for_long_ends() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.begin(Account("admin", True))
    for _ in range(3):
        clock.now += MAX_IDLE_S - 1
        assert sessions.find(token) == Account("admin", True)
    clock.now += MAX_IDLE_S + 1
    assert sessions.find(token) is None
    clock.now -= MAX_IDLE_S
    assert sessions.find(token) is None


def test_a_session_ends_though_it_is_used() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.begin(Account("admin", True))
    begun = clock.now
    while clock.now + MAX_IDLE_S < begun + MAX_AGE_S:
        clock.now += MAX_IDLE_S
        assert sessions.find(token)
    clock.now = begun + MAX_AGE_S + 1
    assert sessions.find(token) is None


def test_the_number_of_sessions_is_bounded() -> None:
    sessions = Sessions()
    tokens = [sessions.begin(Account("viewer", False)) for _ in range(MAX_SESSIONS)]
    assert sessions.find(tokens[0])
    sessions.begin(Account("viewer", False))
    assert sessions.find(tokens[0]) and not sessions.find(tokens[1])


def test_an_account_ends_no_session_of_another() -> None:
    sessions = Sessions()
    admin = sessions.begin(Account("admin", True))
    for _ in range(2 * MAX_SESSIONS):
        sessions.begin(Account("viewer", False))
    assert sessions.find(admin)
