"""Which configuration a slot trains next: drawn until it is one that the study has not had."""

from collections.abc import Iterable
from functools import cached_property
from random import Random

import optuna
from optuna.trial import TrialState

from search.space.axis import Value
from search.space.space import configure, digest, enumerate_values, space_size, trial_seed
from search.study.outcome import Outcome
from search.study.warmstart import trial_base
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.configurations import count_configurations
from storage.studies.leases import Claim, bind_trial, close_slot
from storage.studies.status import count_waiting
from trainer.config import TrainConfig

MOST_DUPLICATES = 20  # in a row; TPE would go on with the same few
LISTED = 4096  # a space of up to so many configurations is gone through one by one

Drawn = tuple[HeldTrial, TrainConfig]


class Drawer:
    """Draws for one worker."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.plan = context.opened.plan
        self.size = space_size(self.plan.space, self.plan.base)

    def start(self, claim: Claim) -> Drawn | None:
        """A trial of its own configuration for a new slot; None, and no slot, when the space holds no other.

        Raises LeaseLost and UNREACHABLE.
        """
        if self.exhausted():
            close_slot(self.context.db, claim, self.context.owner)
            return None
        self.context.opened.sampler.sample_by_model()
        return self._until_new(self._ask(claim))

    def resume(self, claim: Claim) -> Drawn | None:
        """The trial that the claim hands on, with its configuration; what `start` gives if that is taken.

        Raises LeaseLost and UNREACHABLE.
        """
        assert claim.trial_id is not None
        self.context.opened.sampler.sample_by_model()
        return self._until_new(self._hold(claim, optuna.Trial(self.context.opened.study, claim.trial_id)))

    def exhausted(self) -> bool:
        """Whether every configuration of the space has a trial and none waits: a start may differ from all of them."""
        db, study_id = self.context.db, self.context.opened.study_id
        if self.size is None or count_configurations(db, study_id) < self.size or count_waiting(db, study_id):
            return False
        return self.size > LISTED or not self._untaken()

    def _ask(self, claim: Claim) -> HeldTrial:
        trial = self.context.opened.study.ask()
        return self._hold(bind_trial(self.context.db, claim, trial._trial_id), trial)

    def _hold(self, claim: Claim, trial: optuna.Trial) -> HeldTrial:
        return HeldTrial(self.context.db, claim, self.context.owner, trial)

    def _until_new(self, held: HeldTrial) -> Drawn | None:
        """The trial with its configuration, or the first of further ones whose configuration is new."""
        duplicates = 0
        while True:
            config = self._configure(held)
            if held.take_configuration(digest(config)):
                return held, config
            held.tell(Outcome(TrialState.FAIL, cause=DUPLICATE))
            duplicates += 1
            if self.exhausted():
                held.close()
                return None
            if duplicates >= MOST_DUPLICATES:
                self._use_chance(held.number)
            held = self._ask(held.claim)

    def _configure(self, held: HeldTrial) -> TrainConfig:
        base = trial_base(held.attributes, self.plan.base)
        seed = trial_seed(self.plan.study.seed, held.number)
        return configure(base, held.draw(self.plan.space, base), seed)

    def _use_chance(self, number: int) -> None:
        """From the next trial on, draws at random, in a small space among what is left."""
        untaken = self._untaken() if self.size is not None and self.size <= LISTED else []
        # Several workers come here at the same time: each takes another one of those left.
        chosen = Random(f"{self.context.owner} {number}").choice(untaken) if untaken else None
        self.context.opened.sampler.sample_at_random(chosen)

    def _untaken(self) -> list[dict[str, Value]]:
        taken = set(self._digests())
        return [values for name, values in self._listed.items() if name not in taken]

    def _digests(self) -> Iterable[str | None]:
        trials = self.context.opened.study.get_trials(deepcopy=False)
        return (TrialAttributes.read(trial.user_attrs).digest for trial in trials)

    @cached_property
    def _listed(self) -> dict[str, dict[str, Value]]:
        """Every draw of a small space by its configuration's digest."""
        base = self.plan.base
        return {digest(configure(base, values, 0)): values for values in enumerate_values(self.plan.space, base)}
