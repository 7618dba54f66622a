"""A worker that stops itself between the check and the write of one call.

Started as `python -m ... URL SLOT STUDY_ID TRIAL_ID CALL IDLE_S`. CALL is a key of CALLS; IDLE_S replaces that of
`storage.database.engine`.
The process holds the slot of owner FIRST, and writes `lost` or `written` at its end.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import optuna
from optuna.trial import TrialState
from sqlalchemy import event

from search.study.outcome import Outcome
from search.worker.held_trial import HeldTrial
from storage.database import engine
from storage.database.connection import connect
from storage.errors import LeaseLost
from storage.studies.attributes import TrialAttributes
from storage.studies.leases import Claim

FIRST = UUID(int=1)
CALLS: dict[str, Callable[[HeldTrial], None]] = {
    "report": lambda held: held.report({1: 0.125}),
    "tell": lambda held: held.tell(Outcome(TrialState.PRUNED, cause="nan", message="first")),
    "attribute": lambda held: held.write(TrialAttributes(worker="first")),
}


def main(url: str, slot: str, study_id: int, trial_id: int, call: str, idle_s: int) -> str:
    """Makes the call, stopping once; returns what became of it."""
    engine.IDLE_S = idle_s
    db = connect(url)
    study = optuna.load_study(study_name="mars", storage=db.storage)
    held = HeldTrial(db, Claim(study_id, UUID(slot), trial_id), FIRST, optuna.Trial(study, trial_id))
    stops = [signal.SIGSTOP]

    def stop_after_check(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "for key share" in statement and stops:
            os.kill(os.getpid(), stops.pop())

    event.listen(db.storage._backend.engine, "after_cursor_execute", stop_after_check)  # type: ignore[attr-defined]
    try:
        CALLS[call](held)
    except LeaseLost:
        return "lost"
    return "written"


if __name__ == "__main__":
    url, slot, study_id, trial_id, call, idle_s = sys.argv[1:]
    sys.stdout.write(main(url, slot, int(study_id), int(trial_id), call, int(idle_s)))
