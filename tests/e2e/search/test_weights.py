"""The weights of the three best trials stay, those of all others go, and checkpoints of what has ended go too."""

from pathlib import Path

from optuna.trial import TrialState

from search.study.leaderboard import leaderboard
from storage.studies.study import set_budget
from tests.e2e.conftest import Search, in_state

KEPT = 3


def weights(search: Search) -> dict[int, float]:
    folder = search.folder / "run" / "artifacts" / "weights" / "fake"
    return {int(path.stem): float(path.read_text()) for path in folder.glob("*")}


def checkpoints(search: Search) -> list[Path]:
    return list((search.folder / "run" / "artifacts" / "checkpoints" / "fake").iterdir())


def test_the_best_trials_keep_their_weights_and_nothing_else_stays(search: Search) -> None:
    opened = search.create(9, epochs=2, study="pruner = 'none'")
    assert search.run(3) == 0
    assert weights(search) == {trial.number: trial.value for trial in leaderboard(opened.study, KEPT)}
    assert not checkpoints(search)
    set_budget(search.db, opened.study_id, 14)
    assert search.run(2) == 0
    assert weights(search) == {trial.number: trial.value for trial in leaderboard(opened.study, KEPT)}
    assert not checkpoints(search)


def test_weights_that_cannot_be_saved_cost_no_trial(search: Search) -> None:
    opened = search.create(2, epochs=2)
    assert search.run(1, "tests.faulty_train:unsaving_trainer") == 0
    assert len(in_state(opened, TrialState.COMPLETE)) == 2
    log = search.log.read_text()
    assert "trial 0 keeps no weights: OSError: no space left" in log
