"""Any order of what workers, supervisors and people do leaves the database as the model says.

Hypothesis chooses the next act, and shortens an order that fails.
"""

from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from optuna.trial import TrialState

from search.study.outcome import Outcome
from storage.database.connection import Database, connect
from tests.life.model import KILLER, TRAINED
from tests.life.pair import BROKEN, WORKERS, Pair

DIGESTS = "abcdef"
ENDS = (
    Outcome(TrialState.COMPLETE, value=0.5),
    Outcome(TrialState.PRUNED),
    Outcome(TrialState.PRUNED, cause="nan"),
    Outcome(TrialState.FAIL, cause=BROKEN),
    Outcome(TrialState.FAIL, cause=KILLER),
)
INDEX = st.integers(0, len(WORKERS) - 1)
EVENTS = (
    "is_suspended_past_its_lease",
    "is_suspended_past_its_lease",
    "renews",
    "dies",
    "dies_with_its_host",
    "supervisor_releases_the_dead",
    "hands_on",
    "gives_a_slot_back",
    "tells_again",
    "optuna_asks_twice",
    "optuna_asks_twice",
    "looks_at_failures",
)
WISHES = ("changes_the_budget", "changes_the_budget", "stops", "resumes", "resumes")


class Acts(RuleBasedStateMachine):
    """What may come next."""

    db: Database

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(self.db)

    @rule(acts=st.sampled_from((4, 12, 36)), seed=st.integers(0, 999), end=st.sampled_from(ENDS))
    def workers_go_on(self, acts: int, seed: int, end: Outcome) -> None:
        """All trials that end meanwhile end alike: so streaks of failures, and repeated ends, come up."""
        generator = Random(seed)
        for _ in range(acts):
            self.pair.go_on(generator.randrange(len(WORKERS)), end, generator.choice(DIGESTS))
            self.pair.compare()

    @rule(index=INDEX, event=st.sampled_from(EVENTS))
    def something_happens_to_a_worker(self, index: int, event: str) -> None:
        getattr(self.pair, event)(index)

    @rule(event=st.sampled_from(WISHES), budget=st.integers(0, 6))
    def a_person_wants_something(self, event: str, budget: int) -> None:
        getattr(self.pair, event)(budget)

    @invariant()
    def database_is_as_the_model(self) -> None:
        self.pair.compare()

    @invariant()
    def the_budget_is_kept(self) -> None:
        assert sum(trial.state in TRAINED for trial in self.pair.model.trials) <= self.pair.model.largest_budget

    @invariant()
    def no_trial_is_in_two_hands(self) -> None:
        bound = [slot.trial.number for slot in self.pair.model.slots.values() if slot.trial is not None]
        assert len(bound) == len(set(bound))

    @invariant()
    def no_configuration_is_trained_twice(self) -> None:
        trained = [trial.digest for trial in self.pair.model.trials if trial.state in TRAINED]
        assert len(trained) == len(set(trained))


def run(url: str, examples: int, steps: int, derandomize: bool) -> None:
    db = connect(url)
    run_state_machine_as_test(
        type("TheseActs", (Acts,), {"db": db}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    db.close()


def test_some_orders(database_url: str) -> None:
    run(database_url, examples=12, steps=15, derandomize=True)


@pytest.mark.slow
def test_many_orders(database_url: str) -> None:
    run(database_url, examples=300, steps=40, derandomize=False)
