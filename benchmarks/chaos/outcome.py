"""The outcome of a treatment, counted in the database and in the log of simulated epochs."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

STATES = text("""
    select t.state::text as state, count(*) as trials from trials t
    where not (t.state = 'FAIL' and exists (select from trial_user_attributes a
      where a.trial_id = t.trial_id and a.key = 'cause' and a.value_json in ('"duplicate"', '"surplus"')))
    group by t.state""")
PARAMETERS = text("""
    select t.number, json_object_agg(p.param_name, p.param_value order by p.param_name)::text as drawn
    from trials t join trial_params p on p.trial_id = t.trial_id
    where t.state in ('COMPLETE', 'PRUNED') group by t.number""")
STEPS = text("""
    select t.number, array_agg(i.step order by i.step) as steps
    from trials t join trial_intermediate_values i on i.trial_id = t.trial_id
    where t.state in ('COMPLETE', 'PRUNED') group by t.number""")


@dataclass(frozen=True)
class Outcome:
    """Numbers of trials, and of epochs."""

    finished: int  # complete or pruned
    running: int  # although no process is left
    failed: int  # without those that were not trained
    duplicated: int  # finished with the parameters of another trial
    gaps: int  # finished with a step missing in their curves
    repeated: int  # epochs begun again
    epochs: int  # epochs begun, the repeated ones included


def count_outcome(url: str, folder: Path) -> Outcome:
    """The outcome after the fleet has ended."""
    engine = create_engine(url)
    with engine.connect() as connection:
        states = {row.state: row.trials for row in connection.execute(STATES)}
        drawn = Counter(row.drawn for row in connection.execute(PARAMETERS))
        gaps = sum(row.steps != list(range(1, len(row.steps) + 1)) for row in connection.execute(STEPS))
    engine.dispose()
    log = folder / "epochs.log"
    begun = Counter(log.read_text().splitlines() if log.exists() else [])
    return Outcome(
        finished=states.get("COMPLETE", 0) + states.get("PRUNED", 0),
        running=states.get("RUNNING", 0),
        failed=states.get("FAIL", 0),
        duplicated=sum(times - 1 for times in drawn.values()),
        gaps=gaps,
        repeated=sum(times - 1 for times in begun.values()),
        epochs=begun.total(),
    )
