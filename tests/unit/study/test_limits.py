"""The table of limits."""

from search.study.limits import LIMITS
from search.study.plan import ConstraintsTable
from storage.studies.attributes import TrialAttributes


def test_every_constraint_is_a_limit_and_a_figure_of_a_trial() -> None:
    keys = [limit.key for limit in LIMITS]
    assert keys == list(ConstraintsTable.model_fields) and set(keys) <= set(TrialAttributes.model_fields)
