"""Puts the trainings of the table back into a run's folder that lacks them, so that a recording goes on from there."""

from collections.abc import Sequence
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState, create_trial

from benchmarks.curves.table import Curve, read_curves, round_value
from search.commands.launch import make_question
from search.space.space import digest
from search.study.plan import Plan
from search.study.study import create_study, study_names
from storage.database.connection import open_database
from storage.settings import Settings
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig
from trainer.configfile import flatten, override

TABLE = Path(__file__).with_name("mars.csv")


def restore(folder: Path, plan: Plan, configs: Sequence[TrainConfig] = (), table: Path = TABLE) -> None:
    """Makes a study of the table's rows of its name; does nothing where the folder has it, or the table lacks it.

    Args:
        folder: of the run.
        plan: of the study, whose trials repeat no others.
        configs: what its trials were enqueued with, of which the table has rounded values; none if they were drawn.
        table: that `benchmarks.curves.table` wrote.
    """
    name = plan.study.name
    curves = [one for one in read_curves(table) if one.study == name]
    settings = Settings(dir=folder)
    with open_database(settings, create=True) as db:
        if not curves or name in study_names(db):
            return
        settled, asked = make_question(settings, plan, deterministic=False)
        opened = create_study(db, settled, asked)
        for curve in curves:
            opened.study.add_trial(_make_trial(curve, _find_config(curve, opened.plan.base, configs)))
        print(f"{len(curves)} trials of study {name} from {table}")


def _find_config(curve: Curve, base: TrainConfig, configs: Sequence[TrainConfig]) -> TrainConfig:
    """The one with the row's values, of which the row has six digits."""
    return next((one for one in configs if _has_values(one, curve)), override(base, curve.values))


def _has_values(config: TrainConfig, curve: Curve) -> bool:
    values = flatten(config)
    return all(round_value(values[path]) == value for path, value in curve.values.items())


def _make_trial(curve: Curve, config: TrainConfig) -> FrozenTrial:
    attributes = TrialAttributes(
        digest=digest(config),
        config=config.model_dump(mode="json"),
        parameters=curve.parameters,
        seconds=curve.seconds,
        epochs=len(curve.curve),
        miou=curve.value,
    )
    return create_trial(
        state=TrialState[curve.state.upper()],
        value=curve.value,
        intermediate_values=dict(enumerate(curve.curve, 1)),
        user_attrs=attributes.as_json(),
    )
