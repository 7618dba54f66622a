"""A study in the database: created once with its question, and opened by every command and worker that joins it."""

from dataclasses import dataclass
from typing import Any

import optuna

from search.study.plan import Plan, StudyTable, plan_from_question
from search.study.sampler import SeededSampler
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.attributes import StudyAttributes
from storage.studies.study import freeze_question, get_budget, set_budget
from trainer.errors import InputError


@dataclass(frozen=True)
class OpenStudy:
    """A study with its question, and the plan that is derived from it."""

    study: optuna.Study
    study_id: int
    plan: Plan
    question: dict[str, Any]

    @property
    def sampler(self) -> SeededSampler:
        """The study's sampler, which a worker switches between TPE and random sampling."""
        assert isinstance(self.study.sampler, SeededSampler)
        return self.study.sampler


def create_study(db: Database, plan: Plan, question: dict[str, Any]) -> OpenStudy:
    """Creates the plan's study, or opens the one of its name.

    The budget becomes the plan's when its number of trials was given, or when the study has none yet.

    Args:
        question: what the plan asks, of `search.study.plan.question`.

    Raises:
        StorageError: the stored question differs; both values are named, and the study is left as it was.
    """
    study = optuna.create_study(
        storage=db.storage, study_name=plan.study.name, direction="maximize", load_if_exists=True
    )
    study_id = db.storage.get_study_id_from_name(plan.study.name)
    freeze_question(db, study_id, question)
    if "trials" in plan.study.model_fields_set or not _has_budget(db, study_id):
        set_budget(db, study_id, plan.study.trials)
    attributes = StudyAttributes.read(study.user_attrs)
    if attributes.question != question:
        StudyAttributes(question=question).write(study)
    if attributes.data != plan.base.data.path:
        StudyAttributes(data=plan.base.data.path).write(study)
    return open_study(db, plan.study.name)


def open_study(db: Database, name: str | None = None, data: str | None = None) -> OpenStudy:
    """Opens a study, with its sampler and pruner.

    Args:
        name: by default the database's only study.
        data: the path of the data on this host; by default as recorded in the study.

    Raises:
        InputError: there is no such study, or another program created it.
    """
    name = _find_name(db, name)
    study = optuna.load_study(study_name=name, storage=db.storage)
    attributes = StudyAttributes.read(study.user_attrs)
    if attributes.question is None:
        raise InputError(f"a study must be one of unet-search; got {name!r}, made by something else; give another name")
    study_id = db.storage.get_study_id_from_name(name)
    plan = plan_from_question(attributes.question, name, get_budget(db, study_id), data or attributes.data)
    study.sampler = SeededSampler(plan.study.seed)
    study.pruner = make_pruner(plan.study, plan.base.budget.epochs)
    return OpenStudy(study, study_id, plan, attributes.question)


def make_pruner(study: StudyTable, epochs: int) -> optuna.pruners.BasePruner:
    """The pruner that `[study]` names; its steps are epochs, counted from 1."""
    warmup = max(1, round(study.warmup * epochs))
    if study.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=study.startup_trials, n_warmup_steps=warmup)
    if study.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=warmup, reduction_factor=3)
    return optuna.pruners.NopPruner()


def study_names(db: Database) -> list[str]:
    """The names of the database's studies, sorted."""
    return sorted(optuna.get_all_study_names(db.storage))


def _find_name(db: Database, name: str | None) -> str:
    """The name, checked; without one that of the only study."""
    names = study_names(db)
    if name is None and len(names) == 1:
        return names[0]
    if name is None or name not in names:
        existing = ", ".join(names) or "none"
        rule = "a study must be named where there is not just one" if name is None else "a study must exist"
        raise InputError(f"{rule}; got {name!r}; in the database: {existing}; start one with `unet-search run`")
    return name


def _has_budget(db: Database, study_id: int) -> bool:
    try:
        get_budget(db, study_id)
    except StorageError:
        return False
    return True
