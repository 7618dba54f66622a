"""Which configuration a slot trains next: drawn until it is one that the study has not had."""

from random import Random

import optuna
from optuna.trial import TrialState

from search.reconnect import UNREACHABLE
from search.space.space import configure, digest, without_axes
from search.study.outcome import Outcome, failed
from search.study.space_left import SpaceLeft
from search.study.warmstart import trial_base
from search.worker.context import Context
from search.worker.held_trial import HeldTrial
from storage.errors import LeaseLost
from storage.studies.attributes import DUPLICATE, TrialAttributes
from storage.studies.leases import Claim, bind_trial, close_slot
from trainer.config import TrainConfig

MOST_DUPLICATES = 20  # in a row; TPE would go on with the same few

Drawn = tuple[HeldTrial, TrainConfig | Outcome]  # the outcome of a trial that cannot be drawn


class Drawer:
    """Draws for one worker."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.plan = context.opened.plan
        self.left = SpaceLeft(context.db, context.opened)

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
        return self.left.is_exhausted()

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
            if isinstance(config, Outcome) or held.take_configuration(digest(config, held.attributes.repeat)):
                return held, config
            held.tell(Outcome(TrialState.FAIL, cause=DUPLICATE))
            duplicates += 1
            if self.exhausted():
                held.close()
                return None
            if duplicates >= MOST_DUPLICATES:
                self._use_chance(held.number)
            held = self._ask(held.claim)

    def _configure(self, held: HeldTrial) -> TrainConfig | Outcome:
        """The trial's configuration, or the outcome of one that another program enqueued with impossible values."""
        held.write(TrialAttributes(worker=self.context.worker))
        try:
            base = trial_base(held.attributes, self.plan.base)
            space = without_axes(self.plan.space, held.attributes.outside)
            return configure(base, held.draw(space, base), self._seed(held))
        except (LeaseLost, *UNREACHABLE):
            raise
        except Exception as error:  # Optuna raises several types
            return failed(error)

    def _seed(self, held: HeldTrial) -> int:
        """The seed of the trial's training: that with which an earlier worker, of whatever version, began it."""
        begun = (held.attributes.config or {}).get("seed")
        return begun if isinstance(begun, int) else self.context.opened.trial_seed(held.number)

    def _use_chance(self, number: int) -> None:
        """From the next trial on, draws at random, in a small space among what is left."""
        untaken = self.left.untaken()
        # Several workers come here at the same time: each takes another one of those left.
        chosen = Random(f"{self.context.owner} {number}").choice(untaken) if untaken else None
        self.context.opened.sampler.sample_at_random(chosen)
