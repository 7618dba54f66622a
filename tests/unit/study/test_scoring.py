"""What stands beside a trial's value, by the classes of its study."""

from typing import Any

import pytest

from search.study.plan import load_plan
from search.study.question import question
from search.study.scoring import Scoring, read_scoring, scoring_of


@pytest.mark.parametrize(
    ("scoring", "foreground", "keras"),
    [
        (Scoring(classes=2), (0.25, 0.4), False),
        (Scoring(classes=2, ignore=255), (0.25, 0.4), False),
        (Scoring(classes=3, ignore=2), (0.25, 0.4), True),
        (Scoring(classes=3, ignore=1), (0.6, 0.75), True),
        (Scoring(classes=3), None, False),
        (Scoring(classes=2, ignore=0), None, True),
        (Scoring(), None, False),
    ],
)
def test_of_two_scored_classes_the_second_is_the_foreground(
    scoring: Scoring, foreground: tuple[float, float] | None, keras: bool
) -> None:
    assert scoring.foreground((0.5, 0.25, 0.6)) == pytest.approx(foreground)
    assert scoring.has_foreground == (foreground is not None) and scoring.has_keras == keras


def test_a_foreground_that_was_not_measured_has_no_scores() -> None:
    assert Scoring(classes=2).foreground((0.5, None)) is None
    assert Scoring(classes=2).foreground(()) is None


def test_a_trials_own_names_come_first() -> None:
    scoring = Scoring(classes=2, names=("ground", "rock"))
    assert scoring.unfound((0.5, 0.0)) == ["rock"]
    assert scoring.unfound((0.5, 0.0), ("a", "b")) == ["b"]
    assert Scoring().unfound((0.5, 0.0)) == ["1"]


def test_the_question_says_the_same_as_the_plan() -> None:
    sets = {"data.classes": 2, "data.names": ["ground", "rock"], "data.ignore": 255, "metric": "iou:rock"}
    plan = load_plan(None, sets)
    scoring = Scoring("iou:rock", 2, 255, ("ground", "rock"))
    assert read_scoring(question(plan, "abc", "jax")) == scoring_of(plan.base) == scoring
    assert scoring.label == "IoU rock"


@pytest.mark.parametrize(
    "wrong",
    [{}, {"train.metric": 3, "train.data.classes": "2", "train.data.ignore": "auto", "train.data.names": "ab"}],
)
def test_what_another_program_wrote_counts_as_missing(wrong: dict[str, Any]) -> None:
    assert read_scoring(wrong) == Scoring()
    assert read_scoring({"train.data.classes": 10**9}).scored == ()
