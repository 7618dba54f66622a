"""The files of a study in a run's folder, which it may share with others: `best.toml` and `report.html`.

A study has the plain name where nobody else has it; otherwise its own name is part of the file's: `best-mars.toml`.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from search.report.page import is_report, write_report
from search.study.export import export_trial, exported_trial
from search.study.study import OpenStudy
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database

BEST, REPORT = "best.toml", "report.html"


def write_best(opened: OpenStudy, folder: Path, best: int) -> None:
    """Exports the study's best trial, of this number. Raises OSError, and InputError where it has no configuration."""
    path = _choose(opened, folder / BEST, lambda path: exported_trial(opened, path) is not None)
    export_trial(opened, path, best)


def find_best(opened: OpenStudy, folder: Path, trial: int) -> Path | None:
    """The file in the folder that holds this trial of the study; None where none does."""
    return next((path for path in _names(opened, folder / BEST) if exported_trial(opened, path) == trial), None)


def write_study_report(opened: OpenStudy, db: Database, artifacts: Artifacts, folder: Path) -> Path:
    """Writes the study's report; returns the file. Raises OSError."""
    path = _choose(opened, folder / REPORT, lambda path: is_report(opened, path))
    write_report(opened, db, artifacts, path)
    return path


def _choose(opened: OpenStudy, plain: Path, is_ours: Callable[[Path], bool]) -> Path:
    """The file that is the study's own, or else the first name that nobody has."""
    names = _names(opened, plain)
    free = (path for path in names if not path.exists())
    return next(filter(is_ours, names), None) or next(free, names[-1])


def _names(opened: OpenStudy, plain: Path) -> list[Path]:
    """The names that the study's file may have; the last one is of no other study."""
    name = opened.plan.study.name
    unique = f"{name}-{sha256(opened.created.isoformat().encode()).hexdigest()[:8]}"
    return [plain, *(plain.with_stem(f"{plain.stem}-{study}") for study in (name, unique))]
