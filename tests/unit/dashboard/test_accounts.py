"""Accounts, sessions and the throttle, each by itself."""

import os
from pathlib import Path

import pytest

from search.dashboard.accounts import Account, Accounts, AccountSettings, check_host, is_loopback
from search.dashboard.sessions import MAX_IDLE_S, MAX_SESSIONS, Sessions
from search.dashboard.throttle import BURST, MAX_ADDRESSES, PAUSE_S, Throttle
from trainer.errors import InputError

NOBODY = Accounts(AccountSettings.model_construct())


class Clock:
    """A clock that stands still until a test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


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
    check_host(host, NOBODY)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "127.0.0.1.example.org", "::ffff:192.0.2.1"])
def test_every_other_host_needs_one(host: str) -> None:
    with pytest.raises(InputError, match="needs a password; got --host"):
        check_host(host, NOBODY)
    assert not is_loopback(host)


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


def test_the_number_of_sessions_is_bounded() -> None:
    sessions = Sessions()
    tokens = [sessions.begin(Account("viewer", False)) for _ in range(MAX_SESSIONS)]
    assert sessions.find(tokens[0])
    sessions.begin(Account("viewer", False))
    assert sessions.find(tokens[0]) and not sessions.find(tokens[1])


def test_some_wrong_tries_at_once_then_one_a_pause() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    assert [throttle.count_try("192.0.2.1") for _ in range(BURST)] == [0] * BURST
    assert throttle.count_try("192.0.2.1") == pytest.approx(PAUSE_S) == throttle.count_try("192.0.2.1")
    clock.now += PAUSE_S
    assert throttle.count_try("192.0.2.1") == 0 < throttle.count_try("192.0.2.1")
    assert throttle.count_try("192.0.2.2") == 0


def test_right_tries_are_free() -> None:
    throttle = Throttle(Clock())
    for _ in range(3 * BURST):
        assert throttle.count_try("192.0.2.1") == 0
        throttle.forgive("192.0.2.1")


def test_a_network_of_ipv6_shares_its_tries() -> None:
    throttle = Throttle(Clock())
    assert not any(throttle.count_try(f"2001:db8:1:2::{n}") for n in range(BURST))
    assert throttle.count_try("2001:db8:1:2:ffff::") > 0 == throttle.count_try("2001:db8:1:3::")


def test_the_number_of_addresses_is_bounded() -> None:
    throttle = Throttle(Clock())
    for number in range(MAX_ADDRESSES + 100):
        throttle.count_try(f"10.0.{number // 256}.{number % 256}")
    assert len(throttle._free_at) == MAX_ADDRESSES
