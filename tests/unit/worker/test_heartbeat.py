"""When the watchdog takes a silent worker for hung."""

import socket
from collections.abc import Iterator

import pytest

from search.worker.heartbeat import BATCHES, LOOK_S, QUIET_S, Heartbeat, Watchdog


class Clock:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("search.worker.heartbeat.monotonic", clock)
    return clock


@pytest.fixture
def ends(clock: Clock) -> Iterator[tuple[Heartbeat, Watchdog]]:
    """The two ends of the socket: a worker's and its supervisor's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Heartbeat(theirs), Watchdog(ours)


def hung_after(watchdog: Watchdog, clock: Clock, seconds: float, look_s: float = 1.0) -> bool:
    """Whether the watchdog, asked every `look_s` seconds, reports a hang within `seconds`."""
    end = clock.now + seconds
    while clock.now < end:
        clock.now = min(end, clock.now + look_s)
        if watchdog.is_hung():
            return True
    return False


def test_a_trial_without_a_batch_hangs_after_ten_minutes(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    assert not hung_after(watchdog, clock, QUIET_S)
    assert hung_after(watchdog, clock, 2)


def test_a_worker_has_worked_once_its_first_batch_is_done(ends: tuple[Heartbeat, Watchdog]) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    heartbeat.batch()  # asked before the first one
    assert not watchdog.has_worked()
    heartbeat.batch()
    assert watchdog.has_worked()


def test_each_batch_restarts_the_time_limit(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    for _ in range(3):
        assert not hung_after(watchdog, clock, QUIET_S - 1)
        heartbeat.batch()


def test_slow_batches_may_take_twenty_times_their_median(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    for seconds in (100.0, 100.0, 1000.0, 100.0):  # the third one with the validation before it
        heartbeat.batch()
        clock.now += seconds
        watchdog.is_hung()
    heartbeat.batch()
    assert not hung_after(watchdog, clock, BATCHES * 100.0)
    assert hung_after(watchdog, clock, 2)


def test_the_median_is_of_the_current_trials_batches(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    for _ in range(3):
        heartbeat.batch()
        clock.now += 100.0
    heartbeat.begin()
    assert hung_after(watchdog, clock, QUIET_S + 2)


def test_between_trials_there_is_no_time_limit(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    assert not hung_after(watchdog, clock, 2 * QUIET_S)
    heartbeat.begin()
    heartbeat.rest()
    assert not hung_after(watchdog, clock, 2 * QUIET_S)


def test_the_suspension_of_the_machine_is_not_a_hang(ends: tuple[Heartbeat, Watchdog], clock: Clock) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    assert not watchdog.is_hung()
    clock.now += 8 * 3600  # both were stopped; the worker's next batch is not done when the supervisor looks
    assert not watchdog.is_hung()
    assert not hung_after(watchdog, clock, QUIET_S - LOOK_S)


def test_a_supervisor_that_does_not_read_blocks_no_worker(ends: tuple[Heartbeat, Watchdog]) -> None:
    heartbeat, watchdog = ends
    heartbeat.begin()
    for _ in range(100_000):
        heartbeat.batch()
    assert not watchdog.is_hung()
    assert watchdog.allowed_s == QUIET_S


def test_a_worker_survives_the_end_of_its_supervisor() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        heartbeat = Heartbeat(theirs)
        ours.close()
        heartbeat.begin()
        heartbeat.rest()
