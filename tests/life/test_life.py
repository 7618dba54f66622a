"""Every point of a trial's life: whatever happens at a round trip to the database, nothing is lost and nothing twice.

A point is a round trip of the first worker, from its start until its first trial is done.
"""

from collections.abc import Iterable

import pytest

from tests.life.conftest import Live
from tests.life.proxy import HARMS, Harm, Plan

PARTS = 10


@pytest.mark.parametrize("harm", HARMS)
def test_one_point_in_ten(live: Live, points: int, harm: Harm) -> None:
    """Others for each harm."""
    check_points(live, harm, range(2 * HARMS.index(harm), points, PARTS))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("harm", HARMS)
def test_every_point(live: Live, points: int, harm: Harm, part: int) -> None:
    check_points(live, harm, range(part, points, PARTS))


def check_points(live: Live, harm: Harm, points: Iterable[int]) -> None:
    """One run for each point; all that fail are listed."""
    failures = []
    for at in points:
        plan = Plan(at, harm)
        try:
            live(plan)
        except AssertionError as error:
            statement = plan.seen[at] if at < len(plan.seen) else "never reached"
            failures.append(f"{harm} at {at}, {statement[:100]}: {error}")
    assert not failures, "\n".join(failures)
