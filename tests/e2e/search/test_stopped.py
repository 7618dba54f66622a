"""A worker that is started again on a study that was stopped."""

import pytest

from storage.studies.study import resume_study, stop_reason
from tests.e2e.command import call
from tests.e2e.conftest import Search
from tests.e2e.launch import FAKE, ROOT


def worker(search: Search) -> tuple[int, str]:
    """Exit status of `unet-search worker`, and what it said."""
    line = " ".join(["worker", "--study", "fake", "--device", "cpu", "--workers", "1", *FAKE])
    done = call(line, search.folder, DATABASE_URL=search.db.url, PYTHONPATH=str(ROOT))
    return done.status, done.out + done.err


def test_a_study_stopped_by_failures_stays_stopped_until_resume(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = search.create(20)
    assert search.run(1, "failing_trainer") == 3
    trials = len(opened.study.get_trials())
    status, said = worker(search)
    assert status == 0  # whoever restarts what fails leaves it in peace
    assert f"the study is stopped: {stop_reason(search.db, opened.study_id)}; go on with: unet-search resume" in said
    assert len(opened.study.get_trials()) == trials
    resume_study(search.db, opened.study_id)
    status, said = worker(search)
    assert status == 0 and "20 of 20 trials" in said
