"""Confirms a study: has workers train its best trials again, and keeps what is found."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from search.confirm.candidates import pick_candidates
from search.confirm.confirmation import Confirmation
from search.confirm.rank import Standing
from search.confirm.repeats import Repeat, read_repeats
from search.confirm.rounds import begin, conclude, is_over, judge
from search.confirm.sibling import open_sibling
from search.study.confirmed import Confirmed
from search.study.export import find_trial, trial_config
from search.study.study import OpenStudy
from search.supervisor.monitor import monitor_study
from search.supervisor.run_folder import write_best
from search.supervisor.supervisor import WorkerGroup, run_workers
from search.terminal.live import StudyDisplay
from search.worker.contract import DONE
from storage.artifacts.interface import Artifacts
from storage.artifacts.keys import weights_key
from storage.artifacts.store import open_artifacts
from storage.database.connection import Database
from storage.errors import StorageError
from trainer.configfile import write_config
from trainer.errors import InputError
from trainer.files import atomic_write


@dataclass(frozen=True)
class Extent:
    """How much is trained again."""

    top: int = 5  # trials, beside the default
    seeds: int = 3  # trainings of each, at most
    folds: int = 1  # of each training; 1 for the study's own split


@dataclass(frozen=True)
class Conclusion:
    """A confirmation at its end, or where it was interrupted."""

    status: int  # exit status of the workers
    is_unfinished: bool = False  # the time was over, or the sibling was stopped
    standings: Sequence[Standing] = ()  # best first
    searched: Sequence[tuple[int, float]] = ()  # number and value of each candidate in the search
    confirmed: Confirmed | None = None


def confirm_study(db: Database, opened: OpenStudy, group: WorkerGroup, extent: Extent) -> Conclusion:
    """Trains the best trials of a study again, and keeps the best of them with the study and in `best.toml`.

    Goes on where it was interrupted.

    Args:
        group: the workers of the searched study.

    Raises:
        InputError: no trial is complete.
        StorageError: a study of the sibling's name asks something else.
        OSError: `best.toml` cannot be written.
    """
    store = open_artifacts(group.settings)
    confirmation = Confirmation(
        opened.study.study_name, pick_candidates(db, opened, extent.top), extent.seeds, extent.folds
    )
    sibling = open_sibling(db, opened)
    begin(db, opened, sibling, confirmation, store)
    status = DONE if is_over(db, sibling) else _run_workers(db, sibling, group)
    if status != DONE or not is_over(db, sibling):
        return Conclusion(status, is_unfinished=True)
    standings = judge(opened, confirmation, read_repeats(sibling, store))
    if not standings:
        return Conclusion(DONE)
    confirmed = conclude(standings, extent.folds)  # as the worker of the last round has kept it with the study
    write_best(opened, group.settings.dir, confirmed.trial)
    searched = [(number, find_trial(opened.study, number).value or 0.0) for number in confirmation.candidates]
    return Conclusion(DONE, False, standings, searched, confirmed)


def fetch_networks(db: Database, opened: OpenStudy, confirmed: Confirmed, store: Artifacts, folder: Path) -> list[Path]:
    """Writes each network of the confirmed trial into a folder of its own, as results; returns these folders.

    Raises InputError where the artifact store has none of them.
    """
    sibling = open_sibling(db, opened)
    repeats = [repeat for repeat in read_repeats(sibling, store) if _is_of(repeat, confirmed)]
    config = trial_config(opened, find_trial(opened.study, confirmed.trial))
    found = []
    for repeat in repeats:
        fold = "" if repeat.fold is None else f"-fold-{repeat.fold[0] + 1}"
        place = folder / f"seed-{repeat.repeat + 1}{fold}"
        if _fetch(store, weights_key(sibling.study.study_name, repeat.number), place / "model.keras"):
            write_config(config, place / "config.toml")
            (place / "metrics.json").write_text(json.dumps({"value": repeat.value}) + "\n", "utf-8")
            found.append(place)
    if not found:
        raise InputError(
            f"an ensemble needs networks of the confirmed trial; got none of trial {confirmed.trial} in {store}; "
            "train them with: unet-search retrain best.toml --seeds 3"
        )
    return found


def _is_of(repeat: Repeat, confirmed: Confirmed) -> bool:
    return (repeat.candidate, repeat.folds) == (confirmed.trial, confirmed.folds) and repeat.repeat < confirmed.seeds


def _fetch(store: Artifacts, key: str, path: Path) -> bool:
    """Copies a file of the artifact store; returns whether it is there."""
    try:
        with store.open(key) as source:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as partial, partial.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    except (FileNotFoundError, StorageError):
        return False
    return True


def _run_workers(db: Database, sibling: OpenStudy, group: WorkerGroup) -> int:
    """Has workers train what waits, and all further rounds; returns their exit status."""
    name = sibling.study.study_name
    again = replace(group, study=name, deterministic=bool(sibling.question["deterministic"]))
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)  # what is found alone is printed
    with StudyDisplay(name, sibling.plan.base.budget.epochs, console) as display:
        return run_workers(db, again, monitor_study(db, sibling, display, None))
