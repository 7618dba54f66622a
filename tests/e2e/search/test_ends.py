"""A search that ends below its budget says why, and how it goes on; its status is not 0 where nothing was trained."""

import socket

import optuna
import pytest

from search.commands.result import NOTHING_TRAINED, print_result
from search.space.space import configure, digest
from search.study.study import OpenStudy
from search.worker.contract import DONE, FAILURES
from storage.settings import Settings
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.configurations import take_configuration
from storage.studies.study import STOP_NOW, stop_study
from tests.e2e.command import run_forked
from tests.e2e.conftest import Search

TWO = '[space]\n"model.residual" = { choice = [true, false] }\n'
EXHAUSTED = "the space is exhausted: all of its 2 configurations have been tried; `unet-search enqueue` adds"


class Ends:
    """The end of a study's search, as the command tells it.

    Args:
        search: whose study and folder.
        opened: the study.
        capsys: has what is printed.
    """

    def __init__(self, search: Search, opened: OpenStudy, capsys: pytest.CaptureFixture[str]) -> None:
        self.search, self.opened, self.capsys = search, opened, capsys

    def tell(self, status: int = DONE, timeout_s: float | None = None) -> tuple[int, str]:
        """The exit status of a command whose workers ended with `status`, and its last line on standard error."""
        settings = Settings(database_url=self.search.db.url, dir=self.search.folder / "run")
        self.capsys.readouterr()
        status = print_result(self.search.db, self.opened, settings, status, timeout_s)
        return status, (self.capsys.readouterr().err.splitlines() or [""])[-1]


def test_an_exhausted_space(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    opened = search.create_study(4, space=TWO, epochs=1, study="pruner = 'none'")
    assert search.run(1) == DONE
    status, line = Ends(search, opened, capsys).tell()
    assert status == DONE and line.startswith(EXHAUSTED)
    shown = run_forked("status", search.folder, DATABASE_URL=search.db.url, COLUMNS="300").output()
    assert "2 of 4 trials" in shown and EXHAUSTED in shown


def test_an_exhausted_space_of_which_nothing_was_trained(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    """Since its configuration kills the workers, so that the failed trial keeps it."""
    opened = search.create_study(4, space=TWO.replace("true, ", ""))
    killer = opened.study.ask()
    only = digest(configure(opened.plan.base, {"model.residual": False}, 0))
    with search.db.engine.begin() as connection:
        take_configuration(connection, opened.study_id, only, killer._trial_id)
    opened.study.tell(killer, state=optuna.trial.TrialState.FAIL)
    status, line = Ends(search, opened, capsys).tell()
    assert status == NOTHING_TRAINED and line.startswith("the space is exhausted: all of its 1 configurations")


def test_other_ends_below_the_budget(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    opened = search.create_study(4)
    ends = Ends(search, opened, capsys)
    line = "the time of 42 s is over; the same command goes on where it stopped"
    assert ends.tell(timeout_s=42) == (NOTHING_TRAINED, line)
    assert ends.tell(143) == (143, "interrupted by SIGTERM; the same command goes on where it stopped")
    assert ends.tell() == (NOTHING_TRAINED, "the workers have ended; the same command goes on where they stopped")
    opened.study.tell(opened.study.ask(), state=optuna.trial.TrialState.PRUNED)
    assert ends.tell()[0] == DONE
    stop_study(search.db, opened.study_id, STOP_NOW)
    _, line = ends.tell()
    go_on = f"unet-search resume --study fake --dir {search.folder / 'run'}"
    assert line == f"the study is stopped: {STOP_NOW}; go on with: {go_on}"


def test_a_host_out_of_order_says_why_it_stopped(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    """While the study goes on elsewhere."""
    opened = search.create_study(9)
    for _ in range(5):
        trial = opened.study.ask()
        TrialAttributes(worker=f"{socket.gethostname()}:0", cause="OSError: no disk").write(trial)
        opened.study.tell(trial, state=optuna.trial.TrialState.FAIL)
    status, line = Ends(search, opened, capsys).tell(FAILURES)
    assert status == FAILURES
    assert line.startswith(
        "workers of this host stopped: 5 trials in a row failed here, the last one with: OSError: no disk; mend that"
    )


def test_the_end_at_the_budget_needs_no_reason(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    opened = search.create_study(1)
    duplicate = opened.study.ask()
    TrialAttributes(cause=DUPLICATE).write(duplicate)
    opened.study.tell(duplicate, state=optuna.trial.TrialState.FAIL)
    opened.study.tell(opened.study.ask(), state=optuna.trial.TrialState.PRUNED)
    assert Ends(search, opened, capsys).tell() == (DONE, "")
