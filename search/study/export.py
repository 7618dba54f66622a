"""Export of a trial as a TOML file such as `best.toml`: its configuration and its provenance."""

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
    """Writes a trial's configuration, by default the best one's, atomically; returns the trial.

    Raises:
        InputError: there is no such trial.
        OSError: the file cannot be written.
    """
    trial = find_trial(opened.study, number)
    write_config(trial_config(opened, trial), path, trial_provenance(opened, trial))
    return trial


def find_trial(study: optuna.Study, number: int | None = None) -> FrozenTrial:
    """The complete or pruned trial with this number, or the best one. Raises InputError where there is none."""
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
    """The configuration that the trial had, with the path of the data on this host."""
    return override(parse_config(_config(trial)), {"data.path": opened.plan.base.data.path})


def trial_provenance(opened: OpenStudy, trial: FrozenTrial) -> dict[str, Any]:
    """The study, score, data and software behind a trial's configuration, as a TOML table."""
    attributes = TrialAttributes.read(trial.user_attrs)
    table = {
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
    return {key: value for key, value in table.items() if value is not None}  # TOML has no null


def _config(trial: FrozenTrial) -> dict[str, Any]:
    return TrialAttributes.read(trial.user_attrs).config or {}
