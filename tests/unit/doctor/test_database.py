"""The findings about a server's health, and those about a check that raises."""

from dataclasses import replace
from typing import Any

import pytest

from search.doctor.check import guarded
from search.doctor.database import judge_health
from storage.database.health import Health
from storage.errors import StorageError

WELL = Health(
    "18.1",
    18,
    max_connections=97,
    connections=12,
    other_connections=2,
    optuna_version="5.0.0",
    own_version=1,
    clock_ahead_s=0.1,
)


def states(workers: int = 8, **changes: Any) -> list[str]:
    return [check.state for check in judge_health(replace(WELL, **changes), "there", workers)]


def test_a_good_server_is_all_right() -> None:
    assert states() == ["ok", "ok", "ok"]


def test_an_old_server_is_a_problem() -> None:
    assert states(version="14.9", major=14)[0] == "problem"


@pytest.mark.parametrize(
    ("connections", "others", "expected"), [(20, 0, "ok"), (19, 0, "problem"), (97, 78, "problem")]
)
def test_workers_need_two_connections_each_and_four_for_their_supervisor(
    connections: int, others: int, expected: str
) -> None:
    assert states(max_connections=connections, other_connections=others)[1] == expected


def test_a_poolers_clients_may_be_more_than_its_connections() -> None:
    assert states(max_connections=10, pooled=True)[1] == "ok"


@pytest.mark.parametrize(("ahead_s", "word"), [(5.0, "5.0 s behind"), (-60.0, "60.0 s ahead")])
def test_a_clock_that_is_off_is_a_warning(ahead_s: float, word: str) -> None:
    check = judge_health(replace(WELL, clock_ahead_s=ahead_s), "there", 1)[2]
    assert check.state == "warning" and word in check.text


@pytest.mark.parametrize("error", [StorageError("a\nb"), RuntimeError("a\nb"), KeyError("a")])
def test_a_check_that_raises_is_a_problem_in_one_line(error: Exception) -> None:
    def look() -> list[Any]:
        raise error

    (check,) = guarded("subject", look)
    assert (check.name, check.state, len(check.text.splitlines())) == ("subject", "problem", 1)
