"""A study in the database: created once with its question, and opened by every command and worker that joins it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import optuna
from optuna.study import StudyDirection

from search.space.space import trial_seed
from search.study.location import get_location
from search.study.nearby import make_startup
from search.study.plan import Plan
from search.study.pruner import make_pruner
from search.study.question import ask_as_before, check_question, complete_question, plan_from_question
from search.study.sampler import SeededSampler
from storage.database.connection import Database
from storage.errors import StorageError
from storage.studies.attributes import StudyAttributes
from storage.studies.siblings import main_studies
from storage.studies.study import get_budget, get_created, get_question, set_budget, study_ids
from storage.studies.window import read_window
from trainer.errors import InputError


@dataclass(frozen=True)
class OpenStudy:
    """A study with its question, and the plan that is derived from it."""

    study: optuna.Study
    study_id: int
    plan: Plan
    question: dict[str, Any]
    created: datetime
    shared: str | None  # name of the copy of its data in the artifact store

    @property
    def sampler(self) -> SeededSampler:
        """The study's sampler, which a worker switches between TPE and random sampling."""
        assert isinstance(self.study.sampler, SeededSampler)
        return self.study.sampler

    def trial_seed(self, number: int) -> int:
        """The seed of the training of the trial with that number."""
        return trial_seed(self.plan.study.seed, self.question["data.fingerprint"], number)


def create_study(db: Database, plan: Plan, question: dict[str, Any], shared: str | None = None) -> OpenStudy:
    """Creates the plan's study, or opens the one of its name.

    A new study has the plan's budget; see `change_budget` for one that exists.

    Args:
        question: what the plan asks, of `search.study.question.question`.
        shared: name of the copy of its data that is about to be in the artifact store; one that it has already stays.

    Raises:
        StorageError: the stored question differs; both values are named, and the study is left as it was.
        InputError: another program made a study of that name.
    """
    study = optuna.create_study(
        storage=db.storage, study_name=plan.study.name, direction="maximize", load_if_exists=True
    )
    _check_ours(study)
    study_id = db.storage.get_study_id_from_name(plan.study.name)
    question = ask_as_before(get_question(db, study_id), question)
    check_question(db, study_id, question)
    if not _has_budget(db, study_id):
        set_budget(db, study_id, plan.study.trials)
    attributes = StudyAttributes.read(study.user_attrs)
    if shared is not None and attributes.shared is None:  # first, so that whoever opens the study knows of it
        StudyAttributes(shared=shared).write(study)
    if attributes.question != question:
        StudyAttributes(question=question).write(study)
    if attributes.data != (location := get_location(plan.base.data)) and not _is_fetched(plan):
        StudyAttributes(data=location).write(study)
    return open_study(db, plan.study.name)


def change_budget(db: Database, opened: OpenStudy, plan: Plan, trials: int | None) -> str | None:
    """Changes a study's budget to the command's number of trials, or to a larger one of the plan's file.

    Args:
        plan: of the command, whose file may name a number.
        trials: the number that the command line names, if it does.

    Returns:
        What to tell people; None where nothing changes.
    """
    before = get_budget(db, opened.study_id)
    in_file = plan.study.trials if "trials" in plan.study.model_fields_set else before
    wanted = in_file if trials is None else trials
    if wanted == before:
        return None
    if trials is None and wanted < before:
        return f"the study keeps its {before} trials, more than the {wanted} of the file; --trials {wanted} lowers them"
    set_budget(db, opened.study_id, wanted)
    return f"the study has {wanted} trials now; before it had {before}"


def open_study(db: Database, name: str | None = None, data: str | None = None) -> OpenStudy:
    """Opens a study, with its sampler and pruner.

    Args:
        name: by default the database's only study.
        data: where the data lie on this host; by default as recorded in the study.

    Raises:
        InputError: there is no such study, or another program created it.
    """
    name = _find_name(db, name)
    study = optuna.load_study(study_name=name, storage=db.storage)
    attributes = StudyAttributes.read(study.user_attrs)
    if attributes.question is None:
        raise InputError(f"a study must be one of unet-search; got {name!r}, made by something else; give another name")
    study_id = db.storage.get_study_id_from_name(name)
    question = complete_question(attributes.question)
    plan = plan_from_question(question, name, get_budget(db, study_id), data or attributes.data)
    window, startup = partial(read_window, db, study_id), make_startup(plan)
    study.sampler = SeededSampler(plan.study.seed, question["data.fingerprint"], window, startup)
    study.pruner = make_pruner(db, plan.study, plan.base.budget.epochs)
    return OpenStudy(study, study_id, plan, question, get_created(db, study_id), attributes.shared)


def study_names(db: Database) -> list[str]:
    """The names of the database's studies, sorted; Optuna would read all their attributes, every trial's note too."""
    with db.engine.connect() as connection:
        return sorted(study_ids(connection))


def _find_name(db: Database, name: str | None) -> str:
    """The name, checked; without one that of the only study."""
    names = study_names(db)
    if name is None and len(main := main_studies(names)) == 1:
        return main[0]
    if name is None or name not in names:
        existing = ", ".join(names) or "none"
        rule = "a study must be named where there is not just one" if name is None else "a study must exist"
        raise InputError(f"{rule}; got {name!r}; in the database: {existing}; start one with `unet-search run`")
    return name


def _check_ours(study: optuna.Study) -> None:
    """Refuses a study that another program made; one without trials may be ours, from a command that was killed."""
    if StudyAttributes.read(study.user_attrs).question is not None:
        return
    if study.directions != [StudyDirection.MAXIMIZE] or study.get_trials(deepcopy=False):
        raise InputError(
            f"a study must be one of unet-search; got {study.study_name!r}, which another program made; "
            "give another name with --study"
        )


def _is_fetched(plan: Plan) -> bool:
    """Whether a plan's data are a copy that this host has fetched, which is no place where others could find them."""
    from trainer.data.cache.shared import find_shared  # which imports OpenCV

    return find_shared(plan.base.data) is not None


def _has_budget(db: Database, study_id: int) -> bool:
    try:
        get_budget(db, study_id)
    except StorageError:
        return False
    return True
