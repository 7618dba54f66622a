"""The sibling of a study, in which candidates are trained again: a study of its own, which any worker may join."""

from collections.abc import Sequence
from dataclasses import replace

from search.confirm.candidates import Candidate
from search.space.space import Space, digest
from search.study.question import question
from search.study.study import OpenStudy, create_study
from storage.database.connection import Database, joined_transaction
from storage.database.schema import lock
from storage.studies.attributes import TrialAttributes
from storage.studies.configurations import find_configuration
from storage.studies.siblings import sibling_name
from storage.studies.study import budget_of_all_trials
from trainer.config import TrainConfig
from trainer.configfile import override

MOST_SEED = 2**31 - 1


def open_sibling(db: Database, opened: OpenStudy) -> OpenStudy:
    """Creates or opens the sibling: the same data and base, nothing to draw, no pruner, and other seeds.

    Raises StorageError where a study of its name asks something else.
    """
    plan, asked = opened.plan, opened.question
    study = plan.study.model_copy(
        update={
            "name": sibling_name(plan.study.name),
            "trials": 1,
            "pruner": "none",
            "seed": (plan.study.seed + 1) % MOST_SEED,
            "warm_start": (),
        }
    )
    plan = replace(plan, study=study, space=Space(()), warm_starts=())
    same = question(plan, asked["data.fingerprint"], asked["engine"], bool(asked["deterministic"]))
    return create_study(db, plan, same, opened.shared)


def enqueue_repeat(db: Database, sibling: OpenStudy, candidates: Sequence[Candidate], repeat: int, folds: int) -> None:
    """Makes waiting trials of a repetition of each candidate, one for each fold, in one transaction.

    The budget becomes the number of all trials. What was enqueued before is left as it is.

    Args:
        candidates: trials of the searched study.
        repeat: the number of the repetition, from 0; each has a seed of its own.
        folds: on each of which a network is trained; 1 for the study's own split.
    """
    with joined_transaction(db) as connection:
        lock(connection, sibling.study_id)
        for candidate in candidates:
            for fold in range(folds):
                config = _on_fold(candidate.config, fold, folds)
                known_by = digest(config, repeat)
                if find_configuration(connection, sibling.study_id, known_by) is not None:
                    continue
                attributes = TrialAttributes(
                    name=_name(candidate, repeat, fold, folds),
                    base=config.model_dump(mode="json"),
                    digest=known_by,
                    candidate=candidate.number,
                    repeat=repeat,
                )
                sibling.study.enqueue_trial({}, user_attrs=attributes.as_json())
        budget_of_all_trials(connection, sibling.study_id)


def _on_fold(config: TrainConfig, fold: int, folds: int) -> TrainConfig:
    return config if folds == 1 else override(config, {"data.fold": [fold, folds]})


def _name(candidate: Candidate, repeat: int, fold: int, folds: int) -> str:
    name = f" {candidate.name}" if candidate.name else ""
    on_fold = f", fold {fold + 1} of {folds}" if folds > 1 else ""
    return f"candidate {candidate.number}{name}, seed {repeat + 1}{on_fold}"
