"""A study in the database beside its model: each act is done to both.

Several workers act in this process one after the other, each by the product's own calls.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import optuna
from optuna.trial import TrialState
from sqlalchemy import text

from search.study.failures import stop_after_failures
from search.study.outcome import Outcome
from search.worker.held_trial import HeldTrial
from storage.database.connection import Database
from storage.errors import LeaseLost
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.leases import (
    Budget,
    Claim,
    bind_trial,
    budget_left,
    claim_slot,
    close_slot,
    may_claim,
    release_owner,
    renew,
)
from storage.studies.study import resume_study, set_budget, stop_study
from tests.life.model import Lost, Model, Trial

WORKERS = ("one:0", "one:1", "two:0")
BROKEN = "broken"
BUDGET = 3

_LAPSE = text("update unet_search_slots set expires = clock_timestamp() - interval '1 second' where owner = :owner")
_SLOTS = text("""
    select s.slot, s.owner, s.worker, t.number, s.expires >= clock_timestamp() as lease_runs
    from unet_search_slots s left join trials t using (trial_id) where s.study_id = :study_id""")


@dataclass
class Worker:
    """A worker, and what it believes to have."""

    name: str
    owner: UUID = field(default_factory=uuid4)
    claim: Claim | None = None
    asked: optuna.Trial | None = None
    held: HeldTrial | None = None
    trial: Trial | None = None  # the model's
    has_reported: bool = False
    has_told: bool = False


class Pair:
    """A new study in the database, and its model."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.study = optuna.create_study(
            storage=db.storage, sampler=optuna.samplers.RandomSampler(), direction="maximize"
        )
        self.study_id = self.study._study_id
        set_budget(db, self.study_id, BUDGET)
        self.model = Model(BUDGET)
        self.workers = [Worker(name) for name in WORKERS]
        self.dead: list[UUID] = []

    def compare(self) -> None:
        """Asserts that the database is as the model."""
        self._trials_are_those_of_the_model()
        self._slots_are_those_of_the_model()
        assert budget_left(self.db, self.study_id) == Budget(self.model.free(), self.model.running())
        assert may_claim(self.db, self.study_id) == self.model.may_claim()

    def _trials_are_those_of_the_model(self) -> None:
        for real, model in zip(self.study.get_trials(deepcopy=False), self.model.trials, strict=True):
            found = TrialAttributes.read(real.user_attrs)
            assert (real.state.name, real.intermediate_values) == (model.state, model.values)
            assert real.state != TrialState.COMPLETE or real.value == model.value
            assert (found.cause, found.digest, found.worker) == (model.cause, model.digest, model.worker)

    def _slots_are_those_of_the_model(self) -> None:
        with self.db.engine.connect() as connection:
            rows = connection.execute(_SLOTS, {"study_id": self.study_id}).all()
        real = {row.slot: (row.owner, row.worker, row.number) for row in rows}
        model = self.model.slots.items()
        assert real == {
            key: (slot.owner, slot.worker, slot.trial.number if slot.trial else None) for key, slot in model
        }
        live = {row.slot for row in rows if row.owner is not None and row.lease_runs}
        assert live == {key for key, slot in model if slot.is_live}

    def go_on(self, index: int, end: Outcome, digest: str) -> None:
        """A worker does what it was about to do. A trial has one epoch."""
        worker = self.workers[index]
        if worker.claim is None:
            self._claim(worker)
        elif worker.held is None:
            self._ask_or_bind(worker)
        elif worker.has_told:
            self._close(worker)
        elif worker.trial is not None and worker.trial.digest is None:
            self._take(worker, digest)
        elif worker.trial is not None and not worker.has_reported:
            self._report(worker, epoch=1, value=index / 10)
        else:
            self._end(index, end)

    def optuna_asks_twice(self, _index: int) -> None:
        """As where the reply to its first attempt was lost: nobody knows of that trial."""
        self.study.ask()
        self.model.ask()

    def tells_again(self, index: int) -> None:
        """As where the reply to the first time was lost."""
        worker = self.workers[index]
        if worker.held is not None and worker.has_told and worker.trial is not None:
            found = self.study.trials[worker.trial.number]
            self._tell(worker, Outcome(found.state, worker.trial.value, worker.trial.cause))

    def hands_on(self, index: int) -> None:
        worker = self.workers[index]
        if worker.held is not None:
            worker.held.release()
            assert worker.claim is not None
            self.model.release(worker.owner, worker.claim.slot)
            self._forget(worker)

    def gives_a_slot_back(self, index: int) -> None:
        """As where the space holds no other configuration."""
        worker = self.workers[index]
        if worker.claim is not None and worker.asked is None and worker.held is None:
            close_slot(self.db, worker.claim, worker.owner)
            self.model.close(worker.claim.slot, worker.owner)
            self._forget(worker)

    # What happens to workers.

    def dies(self, index: int) -> None:
        self.dead.append(self.workers[index].owner)
        self.workers[index] = Worker(WORKERS[index])

    def dies_with_its_host(self, index: int) -> None:
        """Nobody releases its leases, which end later."""
        self._lapse(self.workers[index].owner)
        self.workers[index] = Worker(WORKERS[index])

    def supervisor_releases_the_dead(self, _index: int) -> None:
        for owner in self.dead:
            release_owner(self.db, owner)
            self.model.release(owner)
        self.dead = []

    def is_suspended_past_its_lease(self, index: int) -> None:
        self._lapse(self.workers[index].owner)

    def renews(self, index: int) -> None:
        owner = self.workers[index].owner
        assert renew(self.db, owner) == self.model.set_lease(owner, runs=True)

    def looks_at_failures(self, index: int) -> None:
        reason = stop_after_failures(self.db, self.study_id, WORKERS[index])
        assert (reason is not None) == self.model.must_stop(WORKERS[index])

    # What a person does.

    def changes_the_budget(self, budget: int) -> None:
        set_budget(self.db, self.study_id, budget)
        self.model.set_budget(budget)

    def stops(self, _budget: int) -> None:
        stop_study(self.db, self.study_id, "asked for")
        self.model.is_stopped = True

    def resumes(self, _budget: int) -> None:
        resume_study(self.db, self.study_id)
        self.model.resume()

    def _end(self, index: int, end: Outcome) -> None:
        """Tells an end, whose value or cause is the worker's own; after a failure the worker looks whether to go on."""
        worker = self.workers[index]
        if end.value is not None:
            end = replace(end, value=end.value + index / 10)
        elif end.cause == BROKEN:
            end = replace(end, cause=f"{BROKEN} on {worker.name}")
        self._tell(worker, end)
        if end.state == TrialState.FAIL:
            self.looks_at_failures(index)

    def _claim(self, worker: Worker) -> None:
        claim = claim_slot(self.db, self.study_id, worker.owner, worker.name)
        expected = self.model.claim(claim.slot if claim else uuid4(), worker.owner, worker.name)
        assert (claim is None) == (expected is None)
        if claim is None or expected is None:
            return
        worker.claim = claim
        assert (claim.trial_id is None) == (expected.trial is None)
        if claim.trial_id is not None and expected.trial is not None:
            self._hold(worker, optuna.Trial(self.study, claim.trial_id), expected.trial)

    def _ask_or_bind(self, worker: Worker) -> None:
        assert worker.claim is not None
        if worker.asked is None:
            worker.asked, worker.trial = self.study.ask(), self.model.ask()
            return
        trial, model, slot = worker.asked, worker.trial, worker.claim.slot
        assert model is not None
        if self._both(
            worker,
            lambda: bind_trial(self.db, Claim(self.study_id, slot, None), trial._trial_id),
            lambda: self.model.bind(slot, model),
        ):
            worker.claim = Claim(self.study_id, slot, trial._trial_id)
            self._hold(worker, trial, model)

    def _hold(self, worker: Worker, trial: optuna.Trial, model: Trial) -> None:
        assert worker.claim is not None
        held, slot = HeldTrial(self.db, worker.claim, worker.owner, trial), worker.claim.slot
        if self._both(
            worker,
            lambda: held.write(TrialAttributes(worker=worker.name)),
            lambda: setattr(self.model.held(slot, worker.owner), "worker", worker.name),
        ):
            worker.held, worker.trial, worker.asked, worker.has_reported = held, model, None, False
            worker.has_told = False

    def _take(self, worker: Worker, digest: str) -> None:
        held, slot, taken = worker.held, self._slot(worker), list[bool]()
        assert held is not None
        if self._both(
            worker,
            lambda: taken.append(held.take_configuration(digest)),
            lambda: taken.append(self.model.take(slot, worker.owner, digest)),
        ):
            real, model = taken
            assert real == model
            if not real:
                self._tell(worker, Outcome(TrialState.FAIL, cause=DUPLICATE))

    def _report(self, worker: Worker, epoch: int, value: float) -> None:
        held, slot = worker.held, self._slot(worker)
        assert held is not None
        worker.has_reported = self._both(
            worker,
            lambda: held.report({epoch: value}),
            lambda: self.model.report(slot, worker.owner, epoch, value),
        )

    def _tell(self, worker: Worker, outcome: Outcome) -> None:
        held, trial, slot = worker.held, worker.trial, self._slot(worker)
        assert held is not None and trial is not None
        worker.has_told = self._both(
            worker,
            lambda: held.tell(outcome),
            lambda: self.model.tell(slot, worker.owner, trial, outcome.state.name, outcome.value, outcome.cause),
        )

    def _close(self, worker: Worker) -> None:
        """Ends the trial; after a duplicate the worker keeps its slot, and asks again."""
        claim, held, trial = worker.claim, worker.held, worker.trial
        assert held is not None and trial is not None
        self._forget(worker)
        if trial.cause == DUPLICATE:
            worker.claim = claim
        else:
            held.close()
            self.model.close(held.claim.slot, worker.owner)

    def _lapse(self, owner: UUID) -> None:
        with self.db.engine.begin() as connection:
            connection.execute(_LAPSE, {"owner": owner})
        self.model.set_lease(owner, runs=False)

    def _both(self, worker: Worker, really: Callable[[], object], in_model: Callable[[], object]) -> bool:
        """Does the act on both sides, which must agree on whether the worker has lost its trial."""
        lost = []
        for act, loss in ((really, LeaseLost), (in_model, Lost)):
            try:
                act()
            except loss:
                lost.append(loss)
        assert lost in ([], [LeaseLost, Lost])
        if lost:
            self._forget(worker)
        return not lost

    @staticmethod
    def _slot(worker: Worker) -> UUID:
        assert worker.claim is not None
        return worker.claim.slot

    @staticmethod
    def _forget(worker: Worker) -> None:
        worker.claim = worker.asked = worker.held = worker.trial = None
        worker.has_reported = worker.has_told = False
