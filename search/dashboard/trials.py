"""What optuna-dashboard tells of a study's trials, in seconds for 10,000 of them and not in minutes.

Its own function looks through the notes of all trials for each trial, and asks NumPy four times about each report.
What is left is the encoding of its answer, 80 MB for 10,000 trials of 50 epochs.
"""

import gc
import math
from copy import copy
from functools import cache, cached_property, wraps
from typing import Any

from optuna.trial import FrozenTrial
from optuna_dashboard import _app, _serializer

PREFIX, ARTIFACTS = "dashboard", "artifacts"


class StudyAttributes(dict[str, Any]):
    """The system attributes of a study, notes and artifacts of its trials among them."""

    @cached_property
    def by_trial(self) -> dict[str, dict[str, Any]]:
        """Those of trials, by Optuna's id: `dashboard:ID:...` and `dashboard:artifacts:ID:...`."""
        found: dict[str, dict[str, Any]] = {}
        for key, value in self.items():
            prefix, _, rest = key.partition(":")
            trial_id = rest.removeprefix(f"{ARTIFACTS}:").partition(":")[0]
            if prefix == PREFIX and trial_id.isdecimal():
                found.setdefault(trial_id, {})[key] = value
        return found


@cache
def tell_trials_faster() -> None:
    """Replaces the library's functions in this process, once. What they tell stays the same."""
    if not (hasattr(_app, "serialize_study_detail") and hasattr(_serializer, "serialize_frozen_trial")):
        return  # another version, which tells them in its own way
    tell_study, tell_trial = _app.serialize_study_detail, _serializer.serialize_frozen_trial

    @wraps(tell_study)
    def tell_sorted_study(study: Any, *others: Any) -> Any:
        study.system_attrs = StudyAttributes(study.system_attrs)
        gc.disable()  # millions of new objects, none of which is garbage, are looked through again and again
        try:
            return tell_study(study, *others)
        finally:
            gc.enable()

    @wraps(tell_trial)
    def tell_with_own_notes(study_id: int, trial: FrozenTrial, attributes: dict[str, Any]) -> Any:
        if isinstance(attributes, StudyAttributes):
            attributes = attributes.by_trial.get(str(trial._trial_id), {})
        without_reports = copy(trial)
        without_reports.intermediate_values = {}
        reports = [{"step": step, "value": _tell(value)} for step, value in sorted(trial.intermediate_values.items())]
        return tell_trial(study_id, without_reports, attributes) | {"intermediate_values": reports}

    _app.serialize_study_detail = tell_sorted_study
    _serializer.serialize_frozen_trial = tell_with_own_notes


def _tell(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # nan, inf or -inf
