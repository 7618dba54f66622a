"""Trials that cannot be drawn, and configurations of trials that failed: neither holds a study up."""

from typing import Any

import pytest
from optuna.trial import TrialState

from search.study.enqueue import enqueue_warm_starts
from search.study.warmstart import load_warm_starts
from search.worker.contract import DONE, FAILURES
from storage.studies.study import resume_study
from tests.e2e.conftest import Search, trials_in

SIX = '[space]\n"model.width" = { choice = [8, 16, 32] }\n"model.residual" = { choice = [true, false] }\n'


@pytest.mark.parametrize(
    ("params", "attributes"),
    [
        ({"model.width": 7}, {}),  # in no choice
        ({"model.width": "wide"}, {}),
        ({}, {"base": {"model": {"depth": 99}}}),  # no configuration at all
    ],
)
def test_a_trial_that_cannot_be_drawn_fails_and_the_search_goes_on(
    search: Search, params: dict[str, Any], attributes: dict[str, Any]
) -> None:
    opened = search.create_study(2, epochs=2)
    opened.study.enqueue_trial(params, user_attrs=attributes)  # by another program
    assert search.run(1) == DONE
    first, *others = opened.study.trials
    assert first.state == TrialState.FAIL and first.user_attrs["cause"]
    assert [trial.state in (TrialState.COMPLETE, TrialState.PRUNED) for trial in others] == [True, True]


def test_after_a_failure_its_configuration_may_be_tried_again(search: Search) -> None:
    """As after a full disk: nothing is left out, and nothing is said to be there that is not."""
    opened = search.create_study(6, space=SIX, epochs=2, starts=["default"])
    assert search.run(1, "make_failing_trainer") == FAILURES
    resume_study(search.db, opened.study_id)
    starts = load_warm_starts(["default"], opened.plan.base, opened.plan.space)
    assert [enqueued.new for enqueued in enqueue_warm_starts(search.db, opened, starts)] == [True]
    assert search.run(1) == DONE
    trained = trials_in(opened, TrialState.COMPLETE, TrialState.PRUNED)
    assert len({(trial.params["model.width"], trial.params["model.residual"]) for trial in trained}) == 6
