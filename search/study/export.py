"""Export of a trial as a TOML file such as `best.toml`: its configuration and its provenance."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.study.confirmed import number_to_export, read_confirmed
from search.study.leaderboard import leaderboard
from search.study.location import get_location, location_changes
from search.study.provenance import commit, versions
from search.study.study import OpenStudy
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import override, parse_config, read_toml, write_config
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
    """The complete or pruned trial with this number, or else the confirmed or the best one.

    Raises InputError where there is none.
    """
    if number is None:
        number = next((trial.number for trial in leaderboard(study, 1)), None)
        if number is not None:
            number = number_to_export(study, number)
        else:
            raise InputError(f"an export needs a complete trial; study {study.study_name} has none yet; wait for one")
    trial = _read_trial(study, number)
    if trial is None or trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        state = "no such trial" if trial is None else trial.state.name.lower()
        raise InputError(f"an exported trial must be complete or pruned; got {number} ({state}); see `status`")
    if not _config(trial):
        raise InputError(f"an exported trial must be one of ours; got {number}, which another program has added")
    return trial


def trial_config(opened: OpenStudy, trial: FrozenTrial) -> TrainConfig:
    """The configuration that the trial had, with the path of the data on this host."""
    return override(parse_config(_config(trial)), location_changes(get_location(opened.plan.base.data)))


def trial_provenance(opened: OpenStudy, trial: FrozenTrial) -> dict[str, Any]:
    """The study, score, data and software behind a trial's configuration, as a TOML table."""
    attributes = TrialAttributes.read(trial.user_attrs)
    confirmed = read_confirmed(opened.study)
    table = {
        "study": opened.study.study_name,
        "study_created": opened.created,
        "trial": trial.number,
        "name": attributes.name,
        "value": trial.value,
        "interval": attributes.interval,
        "confirmed": confirmed.provenance() if confirmed and confirmed.trial == trial.number else None,
        "miou_keras": attributes.miou_keras,
        "best_epoch": attributes.best_epoch,
        "data": get_location(opened.plan.base.data),
        "fingerprint": opened.question["data.fingerprint"],
        "engine": opened.question["engine"],
        "created": datetime.now(UTC).replace(microsecond=0),
        "commit": attributes.commit or commit(),
        "versions": attributes.versions or versions(),
    }
    return {key: value for key, value in table.items() if value is not None}  # TOML has no null


def exported_trial(opened: OpenStudy, path: Path) -> int | None:
    """The number of the study's trial that a file was exported from; None where it is of another study, or no export.

    Files of earlier versions do not tell studies of one name and the same data from each other.
    """
    try:
        found = read_toml(path)["provenance"]
        is_ours = (found["study"], found["fingerprint"]) == (
            opened.plan.study.name,
            opened.question["data.fingerprint"],
        )
        return found["trial"] if is_ours and found.get("study_created", opened.created) == opened.created else None
    except (InputError, LookupError, TypeError, AttributeError):
        return None


def _read_trial(study: optuna.Study, number: int) -> FrozenTrial | None:
    """A trial, without the others."""
    storage = study._storage
    try:
        return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study._study_id, number))
    except KeyError:
        return None


def _config(trial: FrozenTrial) -> dict[str, Any]:
    return TrialAttributes.read(trial.user_attrs).config or {}
