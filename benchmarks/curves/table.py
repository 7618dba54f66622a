"""The recorded curves as one table, which the repository carries: a line a training.

python -m benchmarks.curves.table --dir DIR [--output benchmarks/curves/mars.csv]
"""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from search.study.study import open_study, study_names
from storage.database.connection import open_database
from storage.settings import Settings
from storage.studies.attributes import TrialAttributes
from trainer.configfile import flatten

COLUMNS = ("study", "trial", "candidate", "state", "value", "parameters", "seconds", "values", "curve")
DIGITS = 4


@dataclass(frozen=True)
class Curve:
    """One training."""

    study: str
    trial: int
    candidate: int | None  # the trial that it repeats with another seed
    state: str  # complete, pruned (it diverged) or fail
    value: float | None
    parameters: int | None
    seconds: float | None  # of its epochs
    values: dict[str, Any]  # on each axis of the space, by path
    curve: tuple[float, ...]  # the value after each epoch


def select_whole(curves: Sequence[Curve]) -> list[Curve]:
    """The trainings that went to their end, which is that of the longest."""
    epochs = max(len(one.curve) for one in curves)
    return [one for one in curves if one.state == "complete" and len(one.curve) == epochs]


def main() -> None:
    """Writes the table of all studies in a run's folder, beside those that only the earlier table has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, required=True, help="The run's folder.")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("mars.csv"))
    options = parser.parse_args()
    curves = list(read_studies(options.dir))
    if options.output.exists():
        names = {one.study for one in curves}
        curves += [one for one in read_curves(options.output) if one.study not in names]
    write_curves(curves, options.output)
    print(f"{len(curves)} curves in {options.output}")


def read_studies(folder: Path) -> Iterator[Curve]:
    """The finished trainings of all studies, by study and number."""
    with open_database(Settings(dir=folder)) as db:
        names = study_names(db)
        spaces = [open_study(db, name).plan.space for name in names]
        paths = list(dict.fromkeys(axis.path for space in spaces for axis in space.axes))
        for name in names:
            for trial in open_study(db, name).study.get_trials(deepcopy=False):
                if trial.state.is_finished():
                    yield read_trial(name, trial, paths)


def read_trial(study: str, trial: Any, paths: Sequence[str]) -> Curve:
    """A finished trial as a curve."""
    found = TrialAttributes.read(trial.user_attrs)
    config = flatten_tables(found.config or {})
    reports = sorted(trial.intermediate_values.items())
    return Curve(
        study=study,
        trial=trial.number,
        candidate=found.candidate,
        state=TrialState(trial.state).name.lower(),
        value=trial.value,
        parameters=found.parameters,
        seconds=found.seconds,
        values={path: config[path] for path in paths if path in config},
        curve=tuple(value for _, value in reports),
    )


def flatten_tables(config: dict[str, Any]) -> dict[str, Any]:
    """The values of a stored configuration by path."""
    from trainer.configfile import parse_config

    return flatten(parse_config(config)) if config else {}


def write_curves(curves: Sequence[Curve], path: Path) -> None:
    """Writes a CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for one in curves:
            score, seconds = (None if number is None else round(number, DIGITS) for number in (one.value, one.seconds))
            values = {path: round_value(value) for path, value in one.values.items()}
            curve = " ".join(f"{point:.{DIGITS}f}" for point in one.curve)
            row = (one.study, one.trial, one.candidate, one.state, score, one.parameters, seconds)
            table.writerow([*row, json.dumps(values, separators=(",", ":")), curve])


def round_value(value: Any) -> Any:
    """A value of an axis as the table has it."""
    return round(value, 6) if isinstance(value, float) else value


def read_curves(path: Path) -> list[Curve]:
    """The curves of a file that `write_curves` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Curve(
                study=row["study"],
                trial=int(row["trial"]),
                candidate=int(row["candidate"]) if row["candidate"] else None,
                state=row["state"],
                value=float(row["value"]) if row["value"] else None,
                parameters=int(row["parameters"]) if row["parameters"] else None,
                seconds=float(row["seconds"]) if row["seconds"] else None,
                values=json.loads(row["values"]),
                curve=tuple(map(float, row["curve"].split())),
            )
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    main()
