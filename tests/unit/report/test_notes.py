"""Notes as Markdown: values are escaped, what a person wrote stays."""

import re

from optuna.trial import TrialState, create_trial

from search.report.notes import MARKER, escape, join_note, study_note, trial_note
from search.study.outcome import Outcome
from trainer.config import DataConfig

COURSE = DataConfig()
TRAP = "<script>|*x*\n# [a](http://b)"


def test_markdown_and_html_are_escaped() -> None:
    assert escape(TRAP) == r"\<script\>\|\*x\* \# \[a\]\(http\:\/\/b\)"


def test_names_from_files_are_escaped_everywhere() -> None:
    trial = create_trial(value=0.5, user_attrs={"name": TRAP, "iou": [0.1, 0.2]})
    data = DataConfig(classes=2, names=(TRAP, TRAP))
    for note in (trial_note("s", trial, Outcome(TrialState.COMPLETE, 0.5), data), study_note("s", 1, [trial], data)):
        assert escape(TRAP) in note and not re.search(r"(?<!\\)(<|\*x|\[a)", note)


def test_what_was_not_measured_is_left_out() -> None:
    trial = create_trial(state=TrialState.FAIL)
    note = trial_note("s", trial, Outcome(TrialState.FAIL, cause="OSError: gone"), COURSE)
    assert note == "## Trial -1\n\nFailed after 0 epochs\\: OSError\\: gone\n\n[The study's report](/report/s)"


def test_the_paper_stands_beside_its_own_task_alone() -> None:
    trial = create_trial(value=0.5, user_attrs={"miou_keras": 0.4})
    assert "| Final Model | 0\\.5105 | 0\\.5028 |" in study_note("s", 1, [trial], COURSE)
    assert "Final Model" not in study_note("s", 1, [trial], DataConfig(classes=3))


def test_a_note_without_our_marker_stays_whole() -> None:
    first = join_note("ours", "theirs")
    assert first.endswith(f"{MARKER}\n\ntheirs") and join_note("ours", first) == first
    assert join_note("new", first) == first.replace("ours", "new")
