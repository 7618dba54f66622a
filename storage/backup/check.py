"""Checks all of a backup before a row or a file of it is used: every value, what it refers to, and every file."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.artifacts.keys import is_picture_id
from storage.backup.manifest import Progress, ignore_progress
from storage.backup.read import Backup, Row, translate_file_errors
from storage.backup.rows import check_row, named_artifact
from storage.studies.rows import TABLES

CheckQuestion = Callable[[Mapping[str, Any]], object]  # raises ValueError for a question that cannot be one

PROGRESS_ROWS = 1000  # between two calls of on_progress


def check_backup(
    backup: Backup, on_progress: Progress = ignore_progress, check_question: CheckQuestion = lambda question: None
) -> None:
    """Reads all of a backup.

    Raises:
        StorageError: something is damaged or missing, a value cannot be one, or a row refers to a missing one.
    """
    rows = _Rows(check_question, unnamed=set(filter(is_picture_id, backup.files)))
    total = sum(backup.manifest.rows.values())
    done = 0
    with translate_file_errors(backup.path):
        for table in TABLES:
            for row in backup.rows(table):
                rows.check(table.name, row)
                done += 1
                if done % PROGRESS_ROWS == 0:
                    on_progress("rows checked", done, total)
        rows.check_all(backup)
        for done, info in enumerate(backup.files.values()):
            on_progress("files checked", done, len(backup.files))
            for _ in backup.chunks(info):
                pass


@dataclass(slots=True)
class _Trial:
    study_id: int
    is_complete: bool
    values: int = 0


@dataclass
class _Rows:
    """What the rows so far define, to which later ones refer."""

    check_question: CheckQuestion
    unnamed: set[str]  # pictures among the files that no row has named
    studies: dict[int, str] = field(default_factory=dict)  # names by id
    trials: dict[int, _Trial] = field(default_factory=dict)  # by id
    numbers: dict[int, int] = field(default_factory=dict)  # of the last trial, by the study's id
    objectives: Counter[int] = field(default_factory=Counter)  # how many directions, by the study's id

    def check(self, table: str, row: Row) -> None:
        """Raises ValueError for a row that cannot be one, or cannot follow those before."""
        self._check_id(table, row, "study_id", self.studies, defines=table == "studies")
        self._check_id(table, row, "trial_id", self.trials, defines=table == "trials")
        check_row(table, row)
        match table:
            case "studies":
                self.studies[row["study_id"]] = row["study_name"]
            case "trials":
                self._add_trial(row)
            case "study_directions":
                self._add_direction(row)
            case "trial_values":
                self._add_value(row)
            case "study_system_attributes" | "trial_system_attributes":
                self.unnamed.discard(named_artifact(row["key"]) or "")
            case "unet_search_configurations":
                _require(self.trials[row["trial_id"]].study_id == row["study_id"], "the trial must be of the study")
            case "study_user_attributes" if row["key"] == "question":
                self._check_question_copy(json.loads(row["value_json"]))
            case "unet_search_studies" if row["question"] is not None:
                self.check_question(row["question"])

    def check_all(self, backup: Backup) -> None:
        """The same for all of them together. Raises ValueError."""
        names = list(self.studies.values())
        _require(names == backup.manifest.studies, "the studies of its list must be those of its rows")
        _require(len(set(names)) == len(names), "the name of a study must be there once")
        for study_id, name in self.studies.items():
            _require(self.objectives[study_id] > 0, f"the study {name!r} must have a direction")
        for trial_id, trial in self.trials.items():
            complete = trial.values == self.objectives[trial.study_id] or not trial.is_complete
            _require(complete, f"the complete trial {trial_id} must have a value for each direction")
        _require(not self.unnamed, f"each picture must be one of a study; got {min(self.unnamed, default='')}")

    def _check_id(self, table: str, row: Row, column: str, known: Mapping[int, Any], defines: bool) -> None:
        """Every id is a number, and is defined once, before other rows refer to it."""
        if column in row:
            key = row[column]
            if type(key) is not int or (key in known) == defines:
                raise ValueError(f"{column} of {table} must be {'new' if defines else 'known'}; got {key!r}")

    def _check_question_copy(self, copy: Any) -> None:
        if isinstance(copy, dict):  # else the attribute is another program's
            self.check_question(copy)

    def _add_trial(self, row: Row) -> None:
        last = self.numbers.get(row["study_id"], -1)
        _require(
            row["number"] > last, f"trials must be in the order of their numbers; got {row['number']} after {last}"
        )
        self.numbers[row["study_id"]] = row["number"]
        self.trials[row["trial_id"]] = _Trial(row["study_id"], row["state"] == "COMPLETE")

    def _add_direction(self, row: Row) -> None:
        expected = self.objectives[row["study_id"]]
        _require(row["objective"] == expected, f"objective must be {expected}; got {row['objective']}")
        self.objectives[row["study_id"]] += 1

    def _add_value(self, row: Row) -> None:
        trial = self.trials[row["trial_id"]]
        _require(row["objective"] < self.objectives[trial.study_id], "a value must be of one of the study's directions")
        trial.values += 1


def _require(condition: bool, rule: str) -> None:
    if not condition:
        raise ValueError(rule)
