"""The rounds of a confirmation: after each one those that are behind are given up, and the others trained once more.

Whichever worker finds a round at its end begins the next one, so that no command has to wait for it. Two workers that
do so at once decide the same, from the same finished trainings, and a training that is there already is not made twice.
"""

from collections.abc import Sequence

from search.confirm.candidates import Candidate, make_candidates
from search.confirm.confirmation import Confirmation, read_confirmation, write_confirmation
from search.confirm.rank import LEAST_REPEATS, Standing, rank
from search.confirm.repeats import Repeat, count_begun, read_repeats
from search.confirm.sibling import enqueue_repeat
from search.study.confirmed import Confirmed, write_confirmed
from search.study.scoring import scoring_of
from search.study.study import OpenStudy, open_study
from storage.artifacts.interface import Artifacts
from storage.database.connection import Database
from storage.studies.leases import budget_left
from storage.studies.status import count_waiting
from trainer.data.dataset import class_names
from trainer.errors import InputError


def begin(db: Database, opened: OpenStudy, sibling: OpenStudy, confirmation: Confirmation, store: Artifacts) -> None:
    """Keeps the confirmation, and enqueues what is missing of the rounds that were begun, trainings that failed too."""
    write_confirmation(sibling.study, confirmation)
    candidates = make_candidates(opened, confirmation.candidates)
    first = min(LEAST_REPEATS, confirmation.seeds)
    for repeat in range(first):  # at once: nobody is given up before
        enqueue_repeat(db, sibling, candidates, repeat, confirmation.folds)
    begun = min(count_begun(sibling, confirmation.folds), confirmation.seeds)
    alive = _alive(candidates, judge(opened, confirmation, read_repeats(sibling, store)))
    for repeat in range(first, begun):
        enqueue_repeat(db, sibling, alive, repeat, confirmation.folds)
    if is_over(db, sibling):
        advance(db, sibling, store)


def advance(db: Database, sibling: OpenStudy, store: Artifacts) -> None:
    """Keeps what the finished rounds of a sibling study tell, and begins the next round where there is one.

    To be called when no training of the sibling runs or waits. Does nothing for any other study, nor where the searched
    study is gone.
    """
    confirmation = read_confirmation(sibling.study)
    if confirmation is None:
        return
    try:
        opened = open_study(db, confirmation.study)
        candidates = make_candidates(opened, confirmation.candidates)
    except InputError:
        return
    standings = judge(opened, confirmation, read_repeats(sibling, store))
    if standings:
        write_confirmed(opened.study, conclude(standings, confirmation.folds))
    begun, alive = count_begun(sibling, confirmation.folds), _alive(candidates, standings)
    if begun < confirmation.seeds and len(alive) > 1:  # more would not change which is the best
        enqueue_repeat(db, sibling, alive, begun, confirmation.folds)


def is_over(db: Database, sibling: OpenStudy) -> bool:
    """Whether no training of the sibling runs or waits; one that failed is at its end."""
    return not budget_left(db, sibling.study_id).running and not count_waiting(db, sibling.study_id)


def judge(opened: OpenStudy, confirmation: Confirmation, repeats: Sequence[Repeat]) -> list[Standing]:
    """The confirmation's candidates by their finished trainings, best first."""
    base, chosen = opened.plan.base, set(confirmation.candidates)
    own = [repeat for repeat in repeats if repeat.candidate in chosen and repeat.repeat < confirmation.seeds]
    return rank(own, confirmation.folds, scoring_of(base), class_names(base.data))


def conclude(standings: Sequence[Standing], folds: int) -> Confirmed:
    """The best candidate, with those that may be as good."""
    best = standings[0]
    tied = tuple(one.candidate for one in standings[1:] if not one.is_behind)
    return Confirmed(best.candidate, best.value, best.interval, len(best.values), folds, tied)


def _alive(candidates: Sequence[Candidate], standings: Sequence[Standing]) -> list[Candidate]:
    out = {one.candidate for one in standings if one.is_out}
    return [candidate for candidate in candidates if candidate.number not in out]
