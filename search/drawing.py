"""Which configuration a slot trains next: drawn until it is one that the study has not had."""

from collections.abc import Iterable
from functools import cached_property
from random import Random

import optuna
from optuna.trial import TrialState

from search.axis import Value
from search.ending import DUPLICATE, Ending, tell
from search.session import Session, trial_id
from search.space import configure, digest, draw, enumerate_values, space_size, trial_seed
from search.warmstart import trial_base
from storage.configurations import count_configurations, take_configuration
from storage.errors import LeaseLost
from storage.lease import Claim, close, is_mine, name_trial
from storage.trials import count_waiting
from trainer.config import TrainConfig

DUPLICATES = 20  # in a row; TPE would go on with the same few
LISTED = 4096  # a space up to this size is gone through one by one

Drawn = tuple[Claim, optuna.Trial, TrainConfig]


class Drawer:
    """Draws for one worker."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.plan = session.opened.plan
        self.size = space_size(self.plan.space, self.plan.base)

    def start(self, claim: Claim) -> Drawn | None:
        """A trial of its own configuration for a new slot; None, and no slot, when the space holds no other.

        Raises LeaseLost.
        """
        if self.exhausted():
            close(self.session.db, claim, self.session.owner)
            return None
        self.session.opened.sampler.use_model()
        return self._until_new(*self._ask(claim))

    def go_on(self, claim: Claim) -> Drawn | None:
        """The trial that the claim hands on, with the configuration it had; what `start` gives if that is taken."""
        assert claim.trial_id is not None
        self.session.opened.sampler.use_model()
        return self._until_new(claim, optuna.Trial(self.session.opened.study, claim.trial_id))

    def exhausted(self) -> bool:
        """Whether every configuration of the space has a trial and none waits: a start may differ from all of them."""
        db, study_id = self.session.db, self.session.opened.study_id
        if self.size is None or count_configurations(db, study_id) < self.size or count_waiting(db, study_id):
            return False
        return self.size > LISTED or not self._untaken()

    def _ask(self, claim: Claim) -> tuple[Claim, optuna.Trial]:
        trial = self.session.opened.study.ask()
        return name_trial(self.session.db, claim, trial_id(trial)), trial

    def _until_new(self, claim: Claim, trial: optuna.Trial) -> Drawn | None:
        session, duplicates = self.session, 0
        while True:
            config = self._configure(trial)
            if self._take(trial, config):
                return claim, trial, config
            if not is_mine(session.db, claim, session.owner):
                raise LeaseLost(f"a slot must be this worker's to draw in; trial {trial.number} has another one")
            tell(trial, Ending(TrialState.FAIL, cause=DUPLICATE))
            duplicates += 1
            if self.exhausted():
                close(session.db, claim, session.owner)
                return None
            if duplicates >= DUPLICATES:
                self._use_chance(trial.number)
            claim, trial = self._ask(claim)

    def _configure(self, trial: optuna.Trial) -> TrainConfig:
        base = trial_base(trial.user_attrs, self.plan.base)
        values = draw(trial, self.plan.space, base)
        return configure(base, values, trial_seed(self.plan.study.seed, trial.number))

    def _take(self, trial: optuna.Trial, config: TrainConfig) -> bool:
        name = digest(config)
        trial.set_user_attr("digest", name)
        return take_configuration(self.session.db, self.session.opened.study_id, name, trial_id(trial))

    def _use_chance(self, number: int) -> None:
        untaken = self._untaken() if self.size is not None and self.size <= LISTED else []
        # Several workers come here at the same time: each takes another one of those left.
        chosen = Random(f"{self.session.owner} {number}").choice(untaken) if untaken else None
        self.session.opened.sampler.use_chance(chosen)

    def _untaken(self) -> list[dict[str, Value]]:
        taken = set(self._digests())
        return [values for name, values in self._listed.items() if name not in taken]

    def _digests(self) -> Iterable[str]:
        trials = self.session.opened.study.get_trials(deepcopy=False)
        return (name for trial in trials if (name := trial.user_attrs.get("digest")) is not None)

    @cached_property
    def _listed(self) -> dict[str, dict[str, Value]]:
        base = self.plan.base
        return {digest(configure(base, values, 0)): values for values in enumerate_values(self.plan.space, base)}
