"""What people and scripts read about a study of two classes, by either metric."""

import json
from typing import Any

import pytest
from optuna_dashboard import get_note

from search.commands.status import show_status
from search.report.page import render_report
from search.study.plan import load_plan
from search.study.question import question
from search.study.study import OpenStudy, create_study
from search.supervisor.monitor import note_study
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.studies.attributes import TrialAttributes
from tests.page import Page

NAMES = ("ground", "rock")


def create(db: Database, rock: float, **sets: Any) -> OpenStudy:
    """A study with one complete trial, whose ground has an IoU of 0.75, and one that runs."""
    values = {"data.classes": 2, "data.names": list(NAMES), "data.ignore": 255, "data.path": "disk"}
    plan = load_plan(None, values | {"data.scale": "none", "data.patch": "none"} | sets, study={"name": "two"})
    opened = create_study(db, plan, question(plan, "abc", "tensorflow"))
    trial = opened.study.ask()
    TrialAttributes(miou=(0.75 + rock) / 2, iou=(0.75, rock), names=NAMES, miou_keras=0.1, best_epoch=1).write(trial)
    value = {"miou": (0.75 + rock) / 2, "dice": 0.7, "iou:rock": rock}[plan.base.metric]
    trial.report(value, 1)
    opened.study.tell(trial, value)
    opened.study.ask().report(0.3, 1)
    return opened


def show(db: Database, opened: OpenStudy, capsys: pytest.CaptureFixture[str], as_json: bool) -> str:
    capsys.readouterr()
    show_status(db, opened.study_id, "two", as_json, clear=False)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("metric", "label", "value", "running"),
    [("miou", "mIoU", 0.5, 0.3), ("dice", "Dice", 0.7, None), ("iou:rock", "IoU rock", 0.25, None)],
)
def test_the_status_names_the_metric_and_keeps_the_mean_iou(
    db: Database, capsys: pytest.CaptureFixture[str], metric: str, label: str, value: float, running: float | None
) -> None:
    opened = create(db, 0.25, metric=metric)
    found = json.loads(show(db, opened, capsys, as_json=True))
    best, (trained,) = found["best"], found["running"]
    assert (best["metric"], best["value"], best["miou"], best["iou"]) == (metric, value, 0.5, [0.75, 0.25])
    assert (trained["value"], trained["miou"], best["never_found"]) == (0.3, running, [])
    assert found["leaderboard"][0]["miou"] == 0.5
    text = show(db, opened, capsys, as_json=False)
    assert f"best: trial 0, {label} {value:.4f} (foreground IoU 0.2500, Dice 0.4000)" in text
    assert "never finds" not in text and ("mIoU" in text) == (metric == "miou")


def test_a_class_that_is_never_found_is_a_warning(
    db: Database, artifacts: Artifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = create(db, 0.0)
    assert "\ntrial 0 never finds rock\n" in show(db, opened, capsys, as_json=False)
    assert json.loads(show(db, opened, capsys, as_json=True))["best"]["never_found"] == ["rock"]
    assert "Trial 0 never finds rock:" in render_report(opened, db, artifacts)


@pytest.mark.parametrize(
    ("metric", "columns", "scores"),
    [
        ("miou", ["mIoU", "foreground Dice"], ["0.5000", "0.4000"]),
        ("dice", ["Dice", "mIoU", "foreground Dice"], ["0.7000", "0.5000", "0.4000"]),
    ],
)
def test_the_report_shows_the_foreground_beside_the_mean(
    db: Database, artifacts: Artifacts, metric: str, columns: list[str], scores: list[str]
) -> None:
    html = render_report(create(db, 0.25, metric=metric), db, artifacts)
    (row,) = Page(html).table("rank", "trial", "name", *columns, *NAMES, "parameters")
    assert row[3:-1] == [*scores, "0.7500", "0.2500", "-"]
    assert "<dt>foreground IoU</dt><dd>0.2500</dd>" in html and "miou_keras" not in html
    assert "never finds" not in html


def test_miou_keras_stands_where_an_ignored_label_is_a_class(db: Database, artifacts: Artifacts) -> None:
    html = render_report(create(db, 0.25, **{"data.ignore": 0}), db, artifacts)
    (row,) = Page(html).table("rank", "trial", "name", "mIoU", "miou_keras", "rock")
    assert row[3:6] == ["0.5000", "0.1000", "0.2500"] and "foreground" not in html


def test_the_note_of_the_study_has_its_metric(db: Database) -> None:
    opened = create(db, 0.0, metric="dice")
    note_study(db, opened)
    note = get_note(opened.study)
    assert "Validation Dice **0.7000**, foreground IoU 0.0000, foreground Dice 0.0000." in note
    assert "**Trial 0 never finds rock.**" in note


def test_the_leaderboard_has_the_costs_of_each_trial(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    opened = create(db, 0.25)
    trial = opened.study.ask()
    TrialAttributes(parameters=7, memory_mib=1.5, ms_per_image=3.25, ms_per_image_batched=0.5).write(trial)
    opened.study.tell(trial, 0.1)
    keys = ("parameters", "memory_mib", "ms_per_image", "ms_per_image_batched")
    leaders = json.loads(show(db, opened, capsys, as_json=True))["leaderboard"]
    assert [[leader[key] for key in keys] for leader in leaders] == [[None] * 4, [7, 1.5, 3.25, 0.5]]
