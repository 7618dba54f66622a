"""How a trial can end, and what is kept of why.

A trial that is complete, or that the pruner chose, has no cause; every other outcome names one.
"""

from dataclasses import dataclass

from optuna.trial import TrialState

from search.log import one_line

TOO_LARGE = "parameters"
OUT_OF_MEMORY = "out of memory"
NAN = "nan"
KILLER = "kills its worker"


@dataclass(frozen=True)
class Outcome:
    """The state in which a trial ends; a value with COMPLETE alone."""

    state: TrialState
    value: float | None = None
    cause: str | None = None
    message: str | None = None

    def __str__(self) -> str:
        """Such as `COMPLETE 0.4312` or `PRUNED (nan)`."""
        value = "" if self.value is None else f" {self.value:.4f}"
        return f"{self.state.name}{value}" + (f" ({self.cause})" if self.cause else "")


def failed(error: BaseException) -> Outcome:
    """The outcome of a trial that raised."""
    return Outcome(TrialState.FAIL, cause=one_line(error))
