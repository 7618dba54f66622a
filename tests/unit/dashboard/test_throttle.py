"""The brakes on wrong passwords: how fast anybody can guess, and that whoever knows the password gets in."""

import pytest

from search.dashboard.accounts import Account, Accounts, AccountSettings
from search.dashboard.throttle import (
    ACCOUNT_BURST,
    BURST,
    MAX_ADDRESSES,
    MAX_FRIENDS,
    MAX_WAIT_S,
    PAUSE_S,
    QUEUES,
    TURN_S,
    Friends,
    PasswordCheck,
    Queue,
    Throttle,
    TooManyTries,
)
from tests.unit.dashboard.clock import Clock

CLIENT, OTHER = ("network", "192.0.2.1"), ("network", "192.0.2.2")
ADMIN = Account("admin", True)


class Door:
    """A password check with a clock; `knock` tells what happens to one try."""

    def __init__(self) -> None:
        self.clock = Clock()
        settings = AccountSettings.model_validate({"DASHBOARD_PASSWORD": "right", "DASHBOARD_VIEWER_PASSWORD": "look"})
        self.check = PasswordCheck(Accounts(settings), self.clock)

    def knock(self, address: str, password: str = "wrong", user: str = "admin", browser: str = "") -> float | bool:
        """Whether the password was right, or the seconds to wait where it was not looked at."""
        try:
            return self.check.find_account(user, password, address, browser) is not None
        except TooManyTries as error:
            return float(error.seconds)

    def guess(self, networks: int, user: str = "admin", first: int = 0) -> int:
        """One wrong password from each of many networks; how many were looked at."""
        addresses = (f"10.{number // 256}.{number % 256}.1" for number in range(first, first + networks))
        return [self.knock(address, user=user) for address in addresses].count(False)


def test_some_wrong_tries_at_once_then_one_a_pause() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    assert [throttle.count_try(CLIENT) for _ in range(BURST)] == [0] * BURST
    assert throttle.count_try(CLIENT) == pytest.approx(PAUSE_S) == throttle.count_try(CLIENT)
    clock.now += PAUSE_S
    assert throttle.count_try(CLIENT) == 0 < throttle.count_try(CLIENT)
    assert throttle.count_try(OTHER) == 0


def test_right_tries_are_free() -> None:
    throttle = Throttle(Clock())
    for _ in range(3 * BURST):
        assert throttle.count_try(CLIENT) == 0
        throttle.forgive(CLIENT)


def test_the_number_of_addresses_is_bounded() -> None:
    throttle = Throttle(Clock())
    for number in range(MAX_ADDRESSES + 100):
        throttle.count_try(("network", f"10.0.{number // 256}.{number % 256}"))
    assert len(throttle._free_at) == MAX_ADDRESSES


def test_a_network_of_ipv6_shares_its_tries() -> None:
    door = Door()
    assert not any(door.knock(f"2001:db8:1:2::{n}") for n in range(BURST))
    assert door.knock("2001:db8:1:2:ffff::") > door.knock("2001:db8:1:3::") == 0


def test_clients_of_ipv4_share_nothing_on_a_socket_of_ipv6() -> None:
    door = Door()
    assert not any(door.knock("::ffff:192.0.2.1") for _ in range(BURST))
    assert door.knock("::ffff:192.0.2.1") > door.knock("::ffff:192.0.2.2") == 0
    assert door.knock("192.0.2.1") > 0


@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_many_addresses_together_guess_no_faster_than_one_password_a_turn(user: str) -> None:
    door = Door()
    assert door.guess(200, user) == ACCOUNT_BURST
    looked_at = 0
    for second in range(100):
        door.clock.now += TURN_S
        looked_at += door.guess(200, user) + door.guess(200, user, first=200 * (second + 1))
    assert 90 <= looked_at <= 100


def test_whoever_waits_for_their_turn_is_looked_at_whatever_others_do() -> None:
    door = Door()
    door.guess(200)
    wait_s = door.knock("192.0.2.1", "right")
    assert 0 < wait_s <= (200 - ACCOUNT_BURST) * TURN_S + 1
    for _ in range(int(wait_s) - 1):
        door.clock.now += 1
        door.guess(200)
        assert door.knock("192.0.2.1", "right") is not True  # asking again neither helps nor harms
    door.clock.now += 1
    door.guess(1000)
    assert door.knock("192.0.2.1", "right") is True


def test_a_network_that_signed_in_before_does_not_wait() -> None:
    door = Door()
    assert door.knock("192.0.2.1", "right") is True
    door.guess(1000)
    assert door.knock("192.0.2.1", "right") is True
    assert (
        door.knock("192.0.2.1", "look", user="viewer") is not False
    )  # it knows the other account's password no better


def test_a_browser_that_signed_in_before_waits_for_nobody_of_its_network() -> None:
    """An attacker in the same network, or behind a proxy that nobody told us of."""
    door = Door()
    assert door.knock("192.0.2.1", "right") is True
    browser = door.check.remember_browser("admin", "")
    assert len(browser) > 20 and door.check.remember_browser("admin", browser) == browser
    door.guess(1000)
    while not door.knock("192.0.2.1"):
        pass
    assert door.knock("192.0.2.1", "right") > 0
    assert door.knock("192.0.2.1", "right", browser=browser) is True
    assert door.knock("198.51.100.1", "right", browser=browser) is True
    assert door.knock("198.51.100.1", "look", user="viewer", browser=browser) is True  # as any newcomer


@pytest.mark.parametrize("forged", ["", "192.0.2.1", "guessed"])
def test_a_browser_that_claims_to_be_known_is_not(forged: str) -> None:
    door = Door()
    assert door.knock("192.0.2.1", "right") is True
    door.check.remember_browser("admin", "")
    assert door.check.remember_browser("admin", forged) != forged
    door.guess(ACCOUNT_BURST)
    assert door.knock("198.51.100.1", "wrong", browser=forged) is not False


def test_a_known_browser_guesses_no_faster_than_any_client() -> None:
    door = Door()
    browser = door.check.remember_browser("admin", "")
    assert [door.knock("192.0.2.1", browser=browser) for _ in range(BURST)] == [False] * BURST
    assert door.knock("198.51.100.1", browser=browser) > 0


def test_right_passwords_of_strangers_use_up_no_turn() -> None:
    door = Door()
    for number in range(3 * ACCOUNT_BURST):
        assert door.knock(f"10.0.{number}.1", "right") is True


def test_no_turn_is_far_away() -> None:
    queue = Queue(Clock())
    waits = [queue.take_turn(("network", str(number))) for number in range(5000)]
    assert max(waits) <= MAX_WAIT_S + TURN_S
    assert len(queue._turns) <= MAX_WAIT_S / TURN_S + 1


def test_turns_that_nobody_takes_are_forgotten() -> None:
    clock = Clock()
    queue = Queue(clock)
    for number in range(2000):
        queue.take_turn(("network", str(number)))
        clock.now += TURN_S / 2
    assert len(queue._turns) <= 2 * MAX_WAIT_S / TURN_S + 1


def test_two_accounts_never_share_a_queue() -> None:
    for number in range(10 * QUEUES):  # of which ten pairs would by chance
        names = {"DASHBOARD_USER": f"admin {number}", "DASHBOARD_VIEWER_USER": f"viewer {number}"}
        passwords = {"DASHBOARD_PASSWORD": "right", "DASHBOARD_VIEWER_PASSWORD": "look"}
        check = PasswordCheck(Accounts(AccountSettings.model_validate(names | passwords)))
        first, second = (check._queue(name) for name in names.values())
        assert first is not second


def test_names_share_a_fixed_number_of_queues() -> None:
    door = Door()
    for number in range(20 * QUEUES):
        door.knock(f"10.0.{number}.1", user=f"user {number}")
    assert len(door.check._queues) == QUEUES


def test_an_account_makes_no_client_of_another_forgotten() -> None:
    friends = Friends()
    friends.add("admin", CLIENT)
    for number in range(2 * MAX_FRIENDS):
        friends.add("viewer", ("network", str(number)))
    assert friends.has("admin", CLIENT) and not friends.has("viewer", ("network", "0"))
    assert len(friends._clients["viewer"]) == MAX_FRIENDS
