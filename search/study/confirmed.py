"""The trial of a study that was confirmed: trained again with other seeds, and the best of those that were.

Imports no Optuna, for `status` does not wait for it.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from search.format import format_score
from search.study.ties import format_interval
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


def describe_confirmed(confirmed: Confirmed, label: str) -> str:
    """Such as `trial 12 has mIoU 0.5512 (0.531 to 0.570) by 3 seeds; trials 4, 9 may be as good`."""
    sure = f" ({format_interval(confirmed.interval)})" if confirmed.interval else ""
    by = f"{confirmed.seeds} seed{'s' * (confirmed.seeds > 1)}"
    by += f" on {confirmed.folds} folds" if confirmed.folds > 1 else ""
    tied = ", ".join(map(str, confirmed.tied))
    says = f"; trial{'s' * (len(confirmed.tied) > 1)} {tied} may be as good" if tied else ""
    return f"trial {confirmed.trial} has {label} {format_score(confirmed.value)}{sure} by {by}{says}"


def write_confirmed(study: "optuna.Study", confirmed: Confirmed) -> None:
    """Keeps it with the study, in place of an earlier one."""
    StudyAttributes(confirmed=asdict(confirmed)).write(study)


def number_to_export(study: "optuna.Study", best: int) -> int:
    """The confirmed trial, or else the best one of the search, which may have been lucky."""
    confirmed = read_confirmed(study)
    return best if confirmed is None else confirmed.trial
