"""The trials that the sampler looks at: a window of the best and the latest, however many a study has.

TPE's own choice of good trials is at most the 25 best; of all others it weighs the late ones most. A study of no more
than LATEST finished trials is read whole.
"""

from optuna.trial import FrozenTrial
from sqlalchemy import text

from storage.database.connection import Database
from storage.database.trial_rows import make_trials, select_trials
from storage.studies.attributes import attribute_key

BEST, LATEST = 50, 450

# The best complete trials, of equal ones the first; the latest ones that are complete or pruned; all running ones. Of a
# pruned trial TPE compares the last report; of attributes it knows constraints and the values of running trials.
_WINDOW = text(
    select_trials(
        r"""
        (select b.trial_id from trials b join trial_values v on v.trial_id = b.trial_id and v.objective = 0
         where b.study_id = :study_id and b.state = 'COMPLETE'
         order by v.value_type = 'INF_POS' desc, v.value_type = 'FINITE' desc, v.value desc, b.number limit :best)
        union all
        (select l.trial_id from trials l where l.study_id = :study_id and l.state in ('COMPLETE', 'PRUNED')
         order by l.number desc limit :latest)
        union all
        select r.trial_id from trials r where r.study_id = :study_id and r.state = 'RUNNING'""",
        reports="""
          t.state = 'PRUNED' and i.step = (
            select max(l.step) from trial_intermediate_values l where l.trial_id = t.trial_id)""",
        user=f"a.key = {attribute_key('outside')}",
        system=r"""
          (a.key = 'constraints' or a.key like 'constraints\:%' or a.key like 'tpe\:relative\_params\:%')""",
    )
)


def read_window(db: Database, study_id: int, best: int = BEST, latest: int = LATEST) -> list[FrozenTrial]:
    """The window's trials by number, with what the sampler looks at and nothing else."""
    with db.engine.connect() as connection:
        rows = connection.execute(_WINDOW, {"study_id": study_id, "best": best, "latest": latest}).all()
    return sorted(make_trials(rows), key=lambda trial: trial.number)
