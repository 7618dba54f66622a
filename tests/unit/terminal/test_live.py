"""The live table and its plain lines."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from search.format import format_duration
from search.study.scoring import read_scoring
from search.terminal.live import LISTED_RUNNING, FinishedTrial, StudyDisplay, finished_line
from search.terminal.summary import best_line, counts_line, running_line, seconds_left, unfound_line
from search.terminal.tables import leaderboard_table, running_table
from storage.studies.attributes import TrialAttributes
from storage.studies.status import Counts, Leader, Running, StudyStatus


def status(mean_s: float | None = 100.0, running: int = 2) -> StudyStatus:
    trials = [Running(4 + n, f"host:{n}", 3, 0.3, 0.35, 40.0) for n in range(running)]
    best = Leader(1, 2, 0.4312, TrialAttributes())
    return StudyStatus(Counts(complete=3, pruned=1, running=running), (best,), tuple(trials), mean_s, 500.0)


def shown(table: Table) -> list[list[str]]:
    """The words of each row, the columns' names first."""
    out = StringIO()
    Console(file=out, width=100).print(table)
    return [line.split() for line in out.getvalue().splitlines()]


def test_the_time_left_is_shared_by_the_workers() -> None:
    assert seconds_left(status(), budget=10) == (4 * 100 + 2 * 60) / 2


def test_the_time_left_is_unknown_before_the_first_trial_ends() -> None:
    assert seconds_left(status(mean_s=None), 10) is None


def test_the_time_left_is_unknown_without_workers() -> None:
    found = status()
    idle = tuple(replace(trial, worker=None) for trial in found.running)
    assert seconds_left(replace(found, running=idle), 10) is None


def test_no_time_is_left_when_the_budget_is_spent() -> None:
    assert seconds_left(status(running=0), 4) == 0.0


@pytest.mark.parametrize(
    ("trial", "line"),
    [
        (FinishedTrial(3, "complete", 0.4312, 6, True, None), "trial 3 complete 0.4312 (best)"),
        (FinishedTrial(5, "pruned", 0.21, 4, False, None), "trial 5 pruned at epoch 4 0.2100"),
        (FinishedTrial(6, "pruned", None, None, False, "parameters"), "trial 6 pruned - (parameters)"),
        (FinishedTrial(7, "failed", None, None, False, "OSError: no"), "trial 7 failed: OSError: no"),
        (
            FinishedTrial(3, "complete", 0.4312, 6, True, None, "final_model"),
            "trial 3 final_model complete 0.4312 (best)",
        ),
        (FinishedTrial(8, "failed", None, None, False, "OSError: no", "mine"), "trial 8 mine failed: OSError: no"),
    ],
)
def test_a_finished_trial_is_one_line(trial: FinishedTrial, line: str) -> None:
    assert finished_line(trial) == line


def test_a_log_gets_plain_lines() -> None:
    out = StringIO()
    with StudyDisplay("mars", 6, Console(file=out)) as progress:
        progress.show(status(), 10, [FinishedTrial(3, "complete", 0.4312, 6, True, None, "[red]")])
    assert out.getvalue() == "trial 3 [red] complete 0.4312 (best)\n"


def test_a_log_gets_the_running_trials_as_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its epoch and its scores, also before any trial has ended."""
    monkeypatch.setattr("search.terminal.live.LINE_INTERVAL_S", 0.0)
    out = StringIO()
    named = replace(status().running[0], number=3, name="mine", epoch=None, value=None, best_value=None)
    trials = (*status().running, named, replace(named, worker=None))
    found = replace(status(), counts=Counts(complete=3, pruned=1, running=4), leaders=(), running=trials)
    StudyDisplay("mars", 6, Console(file=out, width=20)).show(found, 10, [])
    first, *listed = out.getvalue().splitlines()
    assert first.startswith("4 of 10 trials, 3 complete, 1 pruned, 3 running, 1 interrupted; best: none yet; elapsed ")
    assert listed == [
        "trial 4 runs on host:0: epoch 3 of 6, mIoU 0.3000, best so far 0.3500",
        "trial 5 runs on host:1: epoch 3 of 6, mIoU 0.3000, best so far 0.3500",
        "trial 3 mine runs on host:0: epoch 0 of 6, mIoU -, best so far -",
        "trial 3 mine is interrupted: epoch 0 of 6, mIoU -, best so far -",
    ]


def test_many_running_trials_are_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.terminal.live.LINE_INTERVAL_S", 0.0)
    out = StringIO()
    StudyDisplay("mars", 6, Console(file=out)).show(status(running=200), 300, [])
    lines = out.getvalue().splitlines()
    assert len(lines) == 1 + LISTED_RUNNING + 1 and lines[-1] == "and 184 more running trials"


TRAP = "\x1b[2J[red]\r\x9b1A"  # clears a terminal, or is taken for markup


@pytest.mark.parametrize("force_terminal", [False, True])
def test_names_never_reach_a_terminal_raw(monkeypatch: pytest.MonkeyPatch, force_terminal: bool) -> None:
    """Neither of studies, starts and workers nor the causes of trials."""
    monkeypatch.setattr("search.terminal.live.LINE_INTERVAL_S", 0.0)
    out = StringIO()
    console = Console(file=out, width=200, force_terminal=force_terminal, color_system=None)
    trap = replace(status().running[0], name=TRAP, worker=TRAP)
    found = replace(status(), leaders=(Leader(1, 2, 0.4, TrialAttributes(name=TRAP)),), running=(trap,))
    finished = [FinishedTrial(3, "failed", None, None, False, TRAP, TRAP)]
    display = StudyDisplay(TRAP, 6, console)
    with display:
        display.show(found, 10, finished)
    console.print(display.render(found, 10))
    console.print(leaderboard_table(found.leaders))
    shown = out.getvalue()
    assert shown.count("\\x1b[2J[red]\\r\\x9b1A") >= 7
    assert TRAP not in shown and "\x1b[2J" not in shown and "\x9b" not in shown


def test_the_best_line_has_the_trials_name() -> None:
    named = replace(status(), leaders=(Leader(1, 2, 0.4312, TrialAttributes(name="final_model")),))
    assert best_line(named) == "best: trial 2 final_model, mIoU 0.4312"


BINARY = {"train.metric": "dice", "train.data.classes": 2, "train.data.ignore": 255}


def test_the_metric_and_the_foreground_stand_in_every_line() -> None:
    best = Leader(1, 2, 0.9, TrialAttributes(miou=0.82, iou=(0.9, 0.74), names=("ground", "rock")))
    found = replace(status(), leaders=(best, replace(best, attributes=TrialAttributes())), question=BINARY)
    assert best_line(found) == "best: trial 2, Dice 0.9000 (foreground IoU 0.7400, Dice 0.8506)"
    assert running_line(found.running[0], 6, "Dice").endswith("epoch 3 of 6, Dice 0.3000, best so far 0.3500")
    assert shown(leaderboard_table(found.leaders, read_scoring(BINARY)))[1:] == [
        ["1", "2", "-", "0.9000", "0.7400", "0.8506", "-"],
        ["2", "2", "-", "0.9000", "-", "-", "-"],
    ]
    assert unfound_line(found) is None


@pytest.mark.parametrize("force_terminal", [False, True])
def test_a_class_that_the_best_never_finds_is_shown(monkeypatch: pytest.MonkeyPatch, force_terminal: bool) -> None:
    monkeypatch.setattr("search.terminal.live.LINE_INTERVAL_S", 0.0)
    best = Leader(1, 2, 0.4, TrialAttributes(name="mine", iou=(None, 0.9, 0.0, 0.0), names=("a", "b", "sand", "rock")))
    out = StringIO()
    console = Console(file=out, width=120, force_terminal=force_terminal, color_system=None)
    with StudyDisplay("mars", 6, console) as display:
        display.show(replace(status(), leaders=(best,)), 10, [])
    assert "trial 2 mine never finds sand, rock" in out.getvalue()


def test_the_live_table_names_the_metric() -> None:
    out = StringIO()
    console = Console(file=out, width=100)
    console.print(StudyDisplay("mars", 6, console).render(replace(status(), question=BINARY), 10))
    assert "best: trial 2, Dice 0.4312" in out.getvalue() and "mIoU" not in out.getvalue()


def test_a_metrics_name_never_reaches_a_terminal_raw() -> None:
    out = StringIO()
    Console(file=out, width=100).print(running_table(status().running, None, f"IoU {TRAP}"))
    assert "[red]\\r" in out.getvalue() and "\x1b[2J" not in out.getvalue()


def test_running_trials_have_names_where_one_has_one() -> None:
    first, second = status().running
    assert shown(running_table([first, second], None))[1] == ["4", "host:0", "3", "0.3000", "0.3500"]
    rows = shown(running_table([replace(first, name="[mine]"), second], None))
    assert [row[:3] for row in rows] == [["trial", "name", "worker"], ["4", "[mine]", "host:0"], ["5", "-", "host:1"]]


def test_the_leaderboard_has_rank_name_and_size() -> None:
    leaders = [
        Leader(1, 2, 0.4312, TrialAttributes(name="final_model", parameters=7226465)),
        Leader(2, 0, 0.4, TrialAttributes()),
    ]
    assert shown(leaderboard_table(leaders)) == [
        ["rank", "trial", "name", "mIoU", "parameters"],
        ["1", "2", "final_model", "0.4312", "7,226,465"],
        ["2", "0", "-", "0.4000", "-"],
    ]


def test_a_terminal_gets_the_table() -> None:
    out = StringIO()
    console = Console(file=out, width=100)
    console.print(StudyDisplay("mars", 6, console).render(status(), 10))
    shown = out.getvalue()
    assert "4 of 10 trials, 3 complete, 1 pruned, 2 running" in shown
    assert "best: trial 2, mIoU 0.4312" in shown
    assert "host:1" in shown and "3 of 6" in shown and "0.3500" in shown


def test_a_running_trial_without_a_worker_is_interrupted() -> None:
    held, handed_back = status().running
    found = replace(status(), running=(held, replace(handed_back, worker=None)))
    assert counts_line(found, 10) == "4 of 10 trials, 3 complete, 1 pruned, 1 running, 1 interrupted"


@pytest.mark.parametrize(("seconds", "text"), [(42, "42 s"), (420, "7 min"), (12_000, "3 h 20 min")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
