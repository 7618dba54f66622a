"""Notes as Markdown: values are escaped, what a person wrote stays."""

import re

import pytest
from optuna.trial import TrialState, create_trial

from search.report.notes import MARKER, escape, join_note, study_note, trial_note
from search.study.outcome import Outcome
from trainer.config import DataConfig, TrainConfig
from trainer.data.course import COURSE_NAMES

COURSE = TrainConfig(data=DataConfig(classes=5, ignore=0, names=COURSE_NAMES))
BINARY = DataConfig(classes=2, ignore=None, names=("ground", "rock"))
TRAP = "<script>|*x*\n# [a](http://b)"


def test_markdown_and_html_are_escaped() -> None:
    assert escape(TRAP) == r"\<script\>\|\*x\* \# \[a\]\(http\:\/\/b\)"


def test_names_from_files_are_escaped_everywhere() -> None:
    trial = create_trial(value=0.5, user_attrs={"name": TRAP, "iou": [0.1, 0.2]})
    base = TrainConfig(data=DataConfig(classes=2, names=(TRAP, TRAP), ignore=None), metric=f"iou:{TRAP}")
    for note in (trial_note("s", trial, Outcome(TrialState.COMPLETE, 0.5), base), study_note("s", 1, [trial], base)):
        assert escape(TRAP) in note and not re.search(r"(?<!\\)(<|\*x|\[a)", note)


def test_what_was_not_measured_is_left_out() -> None:
    trial = create_trial(state=TrialState.FAIL)
    note = trial_note("s", trial, Outcome(TrialState.FAIL, cause="OSError: gone"), COURSE)
    assert note == "## Trial -1\n\nFailed after 0 epochs\\: OSError\\: gone\n\n[The study's report](/report/s)"


def test_what_a_trial_costs_stands_in_its_note() -> None:
    trial = create_trial(value=0.5, user_attrs={"ms_per_image": 12.5, "ms_per_image_batched": 3.0, "memory_mib": 7.5})
    note = trial_note("s", trial, Outcome(TrialState.COMPLETE, 0.5), COURSE).replace("\\", "")
    assert "| ms an image | 12.5 |\n| ms an image of a batch | 3 |\n| MiB an image | 7.5 |" in note


def test_a_trial_beyond_a_limit_says_so_in_its_note() -> None:
    trial = create_trial(state=TrialState.PRUNED)
    outcome = Outcome(TrialState.PRUNED, cause="ms_per_image", message="milliseconds an image must be at most 5; got 7")
    note = trial_note("s", trial, outcome, COURSE).replace("\\", "")
    assert "too slow, so it was not trained. milliseconds an image must be at most 5; got 7" in note


def test_the_paper_stands_beside_its_own_task_alone() -> None:
    trial = create_trial(value=0.5, user_attrs={"miou_keras": 0.4})
    assert "| Final Model | 0\\.5105 | 0\\.5028 |" in study_note("s", 1, [trial], COURSE)
    assert "Final Model" not in study_note("s", 1, [trial], TrainConfig(data=DataConfig(classes=5, ignore=0)))


@pytest.mark.parametrize(("metric", "label", "value"), [("miou", "mIoU", 0.375), ("dice", "Dice", 0.55)])
def test_the_foreground_stands_beside_the_value(metric: str, label: str, value: float) -> None:
    base = TrainConfig(data=BINARY, metric=metric)
    trial = create_trial(value=value, user_attrs={"miou": 0.375, "miou_keras": 0.3, "iou": [0.5, 0.25]})
    study, own = study_note("s", 1, [trial], base), trial_note("s", trial, Outcome(TrialState.COMPLETE, value), base)
    assert f"Validation {label} **{value:.4f}**, foreground IoU 0.2500, foreground Dice 0.4000." in study
    assert f"| rank | trial | {label} | foreground IoU | foreground Dice |" in study
    assert f"| {label} | {value:.4f} |".replace(".", "\\.") in own and "| foreground Dice | 0\\.4000 |" in own
    assert ("| mIoU | 0\\.3750 |" in own) and "miou\\_keras" not in study + own


def test_miou_keras_stands_where_an_ignored_label_is_a_class() -> None:
    trial = create_trial(value=0.5, user_attrs={"miou_keras": 0.4})
    assert "**0.5000**, miou\\_keras 0.4000." in study_note("s", 1, [trial], COURSE)
    void = TrainConfig(data=DataConfig(classes=5, ignore=255))
    assert "miou\\_keras" not in study_note("s", 1, [trial], void)


def test_a_class_that_is_never_found_is_a_warning() -> None:
    trial = create_trial(value=0.3, user_attrs={"iou": [0.6, 0.0]})
    base = TrainConfig(data=BINARY)
    for note in (study_note("s", 1, [trial], base), trial_note("s", trial, Outcome(TrialState.COMPLETE, 0.3), base)):
        assert "**Trial -1 never finds rock.**" in note
    found = create_trial(value=0.3, user_attrs={"iou": [0.6, 0.1]})
    assert "never finds" not in study_note("s", 1, [found], base)


def test_a_note_without_our_marker_stays_whole() -> None:
    first = join_note("ours", "theirs")
    assert first.endswith(f"{MARKER}\n\ntheirs") and join_note("ours", first) == first
    assert join_note("new", first) == first.replace("ours", "new")
