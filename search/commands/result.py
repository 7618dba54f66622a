"""The last lines of `run` and `worker`: the best trials, the files that hold them, and why the search ended."""

import shlex
import socket

from search.commands.options import command_line
from search.confirming import Conclusion
from search.format import format_duration, format_score, trial_label
from search.log import one_line
from search.study.confirmed import describe_confirmed, number_to_export
from search.study.leaderboard import median_value
from search.study.scoring import read_scoring, scoring_of
from search.study.space_left import exhausted_line
from search.study.study import OpenStudy
from search.study.ties import describe_chance, format_interval
from search.supervisor.monitor import check_exists
from search.supervisor.run_folder import BEST, REPORT, find_best, write_best, write_study_report
from search.supervisor.signals import signal_name
from search.terminal.plain import plain_console, say
from search.terminal.summary import counts_line, foreground_scores, unfound_line
from search.terminal.tables import leaderboard_table, plain_table
from search.worker.contract import DONE, FAILURES
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.settings import Settings
from storage.studies.failures import host_of, read_streaks
from storage.studies.status import Leader, StudyStatus, study_status
from storage.studies.study import get_budget, stop_reason
from trainer.errors import InputError

UNWRITTEN = 2  # exit status of a search whose best trial is in no file
NOTHING_TRAINED = 3  # exit status of one that ended below its budget without a complete or pruned trial


def print_result(
    db: Database, opened: OpenStudy, settings: Settings, status: int, timeout_s: float | None = None
) -> int:
    """Prints what the search found and why it ended; writes the report, unless the workers were interrupted.

    Args:
        status: the exit status of the workers.
        timeout_s: after which they were stopped, if they were.

    Returns:
        The command's exit status.
    """
    check_exists(db, opened)
    found, budget = study_status(db, opened.study_id), get_budget(db, opened.study_id)
    say(counts_line(found, budget))
    is_written = True
    if found.best is not None:
        is_written = _print_best(opened, settings, found, found.best)
        if status in (DONE, FAILURES):  # otherwise a person waits for the command to end
            _write_report(db, opened, settings)
    end = describe_end(db, opened, settings, status, timeout_s)
    if end is not None:
        say(end, err=True)
    counts = found.counts
    if status == DONE and end is not None and counts.complete + counts.pruned == 0:
        return NOTHING_TRAINED
    return UNWRITTEN if status == DONE and not is_written else status


def print_confirmation(opened: OpenStudy, found: Conclusion) -> None:
    """Prints which trials a confirmation found to be the best, and how sure that is."""
    if found.is_unfinished:
        say("the confirmation is not at its end; the same command goes on where it stopped", err=True)
        return
    label, searched = scoring_of(opened.plan.base).label, dict(found.searched)
    table = plain_table("rank", "trial", f"{label}, mean", "95 % interval", "beside the best", "seeds", "in the search")
    for place, one in enumerate(found.standings, 1):
        table.add_row(
            str(place),
            str(one.candidate),
            format_score(one.value),
            format_interval(one.interval),
            describe_chance(one.chance) if place > 1 else "",
            str(len(one.values)),
            format_score(searched.get(one.candidate)),
        )
    plain_console().print(table)
    best = found.confirmed
    say(f"confirmed: {describe_confirmed(best, label)}" if best else "no training has ended with a value")


def describe_end(
    db: Database, opened: OpenStudy, settings: Settings, status: int, timeout_s: float | None = None
) -> str | None:
    """Why the search ended, and how it goes on; None where its budget is spent. Arguments as of `print_result`."""
    study, counts = opened.study.study_name, study_status(db, opened.study_id).counts
    if reason := stop_reason(db, opened.study_id):
        return stopped_line(settings, study, reason)
    if name := signal_name(status):
        return interrupted_line(name)
    if status == FAILURES:
        return _describe_failures(db, opened, settings)
    if counts.complete + counts.pruned >= get_budget(db, opened.study_id):
        return None
    if timeout_s is not None:
        return f"the time of {format_duration(timeout_s)} is over; the same command goes on where it stopped"
    return exhausted_line(db, opened) or "the workers have ended; the same command goes on where they stopped"


def stopped_line(settings: Settings, study: str, reason: str) -> str:
    """The line about a study that was stopped, with what to do."""
    return f"the study is stopped: {reason}; go on with: {command_line(settings, 'resume', study)}"


def interrupted_line(signal: str) -> str:
    """The line about a search that a signal of this name ended."""
    return f"interrupted by {signal}; the same command goes on where it stopped"


def _print_best(opened: OpenStudy, settings: Settings, found: StudyStatus, best: Leader) -> bool:
    """Prints the best trials; returns whether a file holds the best one, which is read again before it is claimed."""
    label, median = trial_label(best.number, best.name), median_value(opened.study)
    scoring, beside = read_scoring(found.question), foreground_scores(found, best)
    score = f"validation {scoring.label} {best.value:.4f} (median trial: {median:.4f})"
    say(f"best: trial {label}, {score}" + (f"; {beside}" if beside else ""))
    if warning := unfound_line(found):
        say(warning)
    plain_console().print(leaderboard_table(found.leaders, scoring))
    reason, number = None, number_to_export(opened.study, best.number)
    if number != best.number:
        say(f"trial {number} is the confirmed one; `unet-search confirm` compares it with the best of today")
    if (file := find_best(opened, settings.dir, number)) is None:
        try:
            write_best(opened, settings.dir, number)
        except (OSError, InputError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        file = find_best(opened, settings.dir, number)
    if file is None:
        export = command_line(settings, "export", opened.study.study_name, "-o", "FILE")
        why = f" ({reason})" if reason else ""
        say(f"{settings.dir / BEST} could not be written{why}; write it elsewhere with: {export}", err=True)
        return False
    retrain = shlex.join(["unet-search", "retrain", str(file), "-o", str(file.parent / "model")])
    say(f"{file} holds it; train it again with: {retrain}")
    return True


def _write_report(db: Database, opened: OpenStudy, settings: Settings) -> None:
    """Writes the report into the run's folder. Failures are printed, not raised."""
    try:
        path = write_study_report(opened, db, open_artifacts(settings), settings.dir)
    except Exception as error:
        report = command_line(settings, "report", opened.study.study_name, "-o", "FILE")
        reason = f"{settings.dir / REPORT} could not be written ({one_line(error)})"
        say(f"{reason}; write it elsewhere with: {report}", err=True)
    else:
        say(f"{path} shows the search: open it in a browser")


def _describe_failures(db: Database, opened: OpenStudy, settings: Settings) -> str:
    """Why this host's workers stopped while the study goes on elsewhere."""
    streaks, host = read_streaks(db, opened.study_id), socket.gethostname()
    own = [streaks.of(worker) for worker in streaks.workers if host_of(worker) == host]
    go_on = f"mend that, then: {command_line(settings, 'resume', opened.study.study_name)}"
    if not own:  # somebody has resumed the study meanwhile
        return f"workers of this host stopped after failures; {go_on}"
    streak = max(own, key=lambda streak: streak.failures)
    return (
        f"workers of this host stopped: {streak.failures} trials in a row failed here, the last one with: "
        f"{streak.cause}; {go_on}"
    )
