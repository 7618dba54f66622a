"""A trial as a file: `best.toml`, its configuration with where it came from."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.study.leaderboard import leaderboard
from search.study.provenance import commit, versions
from search.study.study import OpenStudy
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import override, parse_config, write_config
from trainer.errors import InputError


def export_trial(opened: OpenStudy, path: Path, number: int | None = None) -> FrozenTrial:
    """Writes a trial, the best one by default, whole or not at all; gives it. Raises InputError where there is none."""
    trial = find_trial(opened.study, number)
    write_config(trial_config(opened, trial), path, provenance(opened, trial))
    return trial


def find_trial(study: optuna.Study, number: int | None = None) -> FrozenTrial:
    """A finished trial by its number, or the best one."""
    if number is None:
        best = leaderboard(study, 1)
        if not best:
            raise InputError(f"an export needs a complete trial; study {study.study_name} has none yet; wait for one")
        return best[0]
    trial = next((trial for trial in study.get_trials(deepcopy=False) if trial.number == number), None)
    if trial is None or trial.state not in (TrialState.COMPLETE, TrialState.PRUNED) or not _config(trial):
        state = "no such trial" if trial is None else trial.state.name.lower()
        raise InputError(f"an exported trial must be complete or pruned; got {number} ({state}); see `status`")
    return trial


def trial_config(opened: OpenStudy, trial: FrozenTrial) -> TrainConfig:
    """The configuration that the trial had, with the place of the data as this host knows it."""
    return override(parse_config(_config(trial)), {"data.path": opened.plan.base.data.path})


def provenance(opened: OpenStudy, trial: FrozenTrial) -> dict[str, Any]:
    """Where a trial's configuration came from, as a TOML table."""
    attributes = TrialAttributes.read(trial.user_attrs)
    found = {
        "study": opened.study.study_name,
        "trial": trial.number,
        "name": attributes.name,
        "value": trial.value,
        "miou_keras": attributes.miou_keras,
        "best_epoch": attributes.best_epoch,
        "data": opened.plan.base.data.path,
        "fingerprint": opened.question["data.fingerprint"],
        "engine": opened.question["engine"],
        "created": datetime.now(UTC).replace(microsecond=0),
        "commit": attributes.commit or commit(),
        "versions": attributes.versions or versions(),
    }
    return {key: value for key, value in found.items() if value is not None}  # TOML has no null


def _config(trial: FrozenTrial) -> dict[str, Any]:
    return TrialAttributes.read(trial.user_attrs).config or {}
