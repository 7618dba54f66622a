"""A trial's note, which the dashboard shows."""

from search.log import log_event, one_line
from search.report.notes import trial_note
from search.study.outcome import Outcome
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.errors import LeaseLost


def note_trial(context: Context, held: HeldTrial, outcome: Outcome) -> None:
    """Writes the note of a trial that is about to end so. Failures are logged; raises LeaseLost alone.

    To be called before `tell`, so that no trial is finished without its note.
    """
    plan = context.opened.plan
    try:
        held.write_note(trial_note(plan.study.name, held.read(), outcome, plan.base))
    except LeaseLost:
        raise
    except Exception as error:
        log_event("has no note", held.number, one_line(error), error)
