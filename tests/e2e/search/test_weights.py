"""A study that is extended: its budget is exact again, and the weights of the three best trials are the only ones."""

from optuna.trial import TrialState

from search.study.leaderboard import leaderboard
from storage.studies.study import set_budget
from tests.e2e.conftest import Search, trials_in

BEST = 3


def read_weights(search: Search) -> dict[int, float]:
    """The mIoU that the fake trainer wrote as a trial's weights, by the trial's number."""
    return {int(path.stem): float(path.read_text()) for path in (search.artifacts / "weights" / "fake").iterdir()}


def test_an_extended_study_has_the_weights_of_its_best_trials(search: Search) -> None:
    opened = search.create_study(4, epochs=2, study="pruner = 'none'")
    assert search.run(1) == 0
    first = read_weights(search)
    assert first == {trial.number: trial.value for trial in leaderboard(opened.study, BEST)}
    set_budget(search.db, opened.study_id, 10)
    assert search.run(1) == 0
    assert len(trials_in(opened, TrialState.COMPLETE)) == len(opened.study.get_trials()) == 10
    assert read_weights(search) == {trial.number: trial.value for trial in leaderboard(opened.study, BEST)} != first
    assert not list((search.artifacts / "checkpoints" / "fake").iterdir())
