"""The trial of a study that was confirmed: trained again with other seeds, and the best of those that were.

Imports no Optuna, for `status` does not wait for it.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from storage.studies.attributes import StudyAttributes

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Confirmed:
    """What was found when the best trials were trained again."""

    trial: int
    value: float  # the mean over the repetitions
    interval: tuple[float, float] | None  # of the mean
    seeds: int
    folds: int  # 1 for the study's own split
    tied: tuple[int, ...] = ()  # trials that are as good, as far as it is known

    def provenance(self) -> dict[str, Any]:
        """As a TOML table."""
        return {key: value for key, value in asdict(self).items() if value is not None and key != "trial"}


_ADAPTER = TypeAdapter(Confirmed)


def read_confirmed(study: "optuna.Study") -> Confirmed | None:
    """What is known; None where no trial was confirmed."""
    return parse_confirmed(StudyAttributes.read(study.user_attrs).confirmed)


def parse_confirmed(stored: Any) -> Confirmed | None:
    """What the study's attribute says."""
    try:
        return None if stored is None else _ADAPTER.validate_python(stored)
    except ValidationError:  # of another version, or another program
        return None


def write_confirmed(study: "optuna.Study", confirmed: Confirmed) -> None:
    """Keeps it with the study, in place of an earlier one."""
    StudyAttributes(confirmed=asdict(confirmed)).write(study)


def number_to_export(study: "optuna.Study", best: int) -> int:
    """The confirmed trial, or else the best one of the search, which may have been lucky."""
    confirmed = read_confirmed(study)
    return best if confirmed is None else confirmed.trial
