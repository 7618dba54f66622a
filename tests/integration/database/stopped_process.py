"""A process that stops itself inside a transaction, with a lock that others need.

Started as `python -m ... URL ACTION STATEMENT`: it stops after the first statement of the action that contains
STATEMENT, and writes at its end what became of it. The server ends its transactions after IDLE_S.
"""

import os
import signal
import sys
from typing import Any
from uuid import uuid4

import optuna
from sqlalchemy import Engine, event

from storage.database import connection, engine
from storage.studies.leases import claim_slot

IDLE_S = 1


def main(url: str, action: str, wanted: str) -> str:
    """Acts, stopping once; returns what became of it."""
    engine.IDLE_S = vars(connection)["MINUTE_S"] = IDLE_S
    stops = [signal.SIGSTOP]

    def stop_after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if wanted in statement and stops:
            os.kill(os.getpid(), stops.pop())

    event.listen(Engine, "after_cursor_execute", stop_after)
    try:
        return f"got {ACTIONS[action](url)}"
    except Exception as error:
        return type(error).__name__


def claim(url: str) -> object:
    """Claims a slot and asks for a trial."""
    db = connection.connect(url)
    study = optuna.load_study(study_name="mars", storage=db.storage)
    return claim_slot(db, study._study_id, uuid4(), "stopped"), study.ask()


ACTIONS = {"claim": claim, "create tables": connection.create_tables}


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
