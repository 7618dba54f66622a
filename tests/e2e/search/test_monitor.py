"""The supervisor's tick: what it shows and writes, and that it reads no more than what is new."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console
from sqlalchemy import event

from search.study.study import OpenStudy
from search.supervisor.monitor import monitor_study
from search.supervisor.run_folder import find_best
from search.terminal.live import StudyDisplay
from storage.database.connection import Database
from storage.studies.attributes import NOT_TRAINED
from tests.e2e.conftest import Search
from tests.synthetic_study import fill

MANY = 300


@contextmanager
def count_rows(db: Database) -> Iterator[list[int]]:
    """A list of how many rows each statement gave or changed."""
    counts: list[int] = []

    def count(_connection: Any, cursor: Any, *_: object) -> None:
        counts.append(cursor.rowcount)

    event.listen(db.engine, "after_cursor_execute", count)
    try:
        yield counts
    finally:
        event.remove(db.engine, "after_cursor_execute", count)


def finish(opened: OpenStudy, value: float | None = None, **attributes: Any) -> None:
    """One more trial; it fails without a value."""
    trial = opened.study.ask()
    for key, attribute in attributes.items():
        trial.set_user_attr(key, attribute)
    opened.study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)


def test_a_tick_reads_what_is_new(search: Search, tmp_path: Path) -> None:
    """And not all trials, of which there may be many thousand."""
    opened = search.create_study(2 * MANY)
    fill(search.db, opened, MANY)
    out = StringIO()
    tick = monitor_study(search.db, opened, StudyDisplay("fake", 6, Console(file=out)), tmp_path)
    with count_rows(search.db) as counts:
        tick()
    finish(opened, 0.99, config=opened.plan.base.model_dump(mode="json"))
    with count_rows(search.db) as later_counts:
        tick()
        tick()
    assert find_best(opened, tmp_path, MANY) == tmp_path / "best.toml"
    assert out.getvalue() == f"trial {MANY} complete 0.9900 (best)\n"
    assert max(counts + later_counts) < MANY // 2


def test_what_was_not_trained_is_not_shown(search: Search, tmp_path: Path) -> None:
    opened, out = search.create_study(9), StringIO()
    tick = monitor_study(search.db, opened, StudyDisplay("fake", 6, Console(file=out)), tmp_path)
    for cause in (*NOT_TRAINED, "OSError: no"):
        finish(opened, cause=cause)
    tick()
    assert out.getvalue() == f"trial {len(NOT_TRAINED)} failed: OSError: no\n"


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED])
def test_another_programs_trial_ends_no_search(search: Search, tmp_path: Path, state: TrialState) -> None:
    """It has no configuration, so that there is nothing to export."""
    opened = search.create_study(9)
    opened.study.add_trial(optuna.trial.create_trial(value=0.99, state=state))
    monitor_study(search.db, opened, StudyDisplay("fake", 6, Console(file=StringIO())), tmp_path)()
    assert not list(tmp_path.glob("best*"))
