"""The outcome of a trial: its final state, and the cause that is recorded with it.

A trial that is complete, or that the pruner chose, has no cause; every other outcome names one.
"""

from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from search.log import one_line
from storage.studies.attributes import TrialAttributes

OUT_OF_MEMORY = "out of memory"
NAN = "nan"
KILLER = "kills its worker"


@dataclass(frozen=True)
class Outcome:
    """The state in which a trial ends; only COMPLETE has a value."""

    state: TrialState
    value: float | None = None
    cause: str | None = None
    message: str | None = None

    def is_of(self, trial: FrozenTrial) -> bool:
        """Whether a finished trial ended so."""
        same_value = self.value is None or self.value == trial.value
        return trial.state == self.state and TrialAttributes.read(trial.user_attrs).cause == self.cause and same_value

    def __str__(self) -> str:
        """Such as `COMPLETE 0.4312` or `PRUNED (nan)`."""
        value = "" if self.value is None else f" {self.value:.4f}"
        return f"{self.state.name}{value}" + (f" ({self.cause})" if self.cause else "")


def failed(error: BaseException) -> Outcome:
    """The outcome of a trial that raised."""
    return Outcome(TrialState.FAIL, cause=one_line(error))
