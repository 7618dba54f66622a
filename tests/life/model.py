"""What the database must hold after each act of a worker, a supervisor or a person: the rules, in memory and in short.

A trial is known by its number and a slot by its uuid, which the test takes from the real ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from storage.studies.attributes import DUPLICATE, SURPLUS

MAX_FAILURES = 5
KILLER = "kills its worker"
TRAINED = ("COMPLETE", "PRUNED")


@dataclass
class Trial:
    """A trial; `ended` counts all ends of trials."""

    number: int
    state: str = "RUNNING"
    values: dict[int, float] = field(default_factory=dict)  # by epoch
    value: float | None = None
    digest: str | None = None
    worker: str | None = None
    cause: str | None = None
    ended: int = 0


@dataclass
class Slot:
    """A slot; one without an owner was released."""

    owner: UUID | None
    worker: str
    trial: Trial | None = None
    lease_runs: bool = True

    @property
    def is_live(self) -> bool:
        """Whether nobody else may take it over."""
        return self.owner is not None and self.lease_runs

    @property
    def is_unbound(self) -> bool:
        """Whether it counts towards the budget without a trial that does."""
        return self.is_live and (self.trial is None or self.trial.state == "FAIL")


class Lost(Exception):
    """Another worker has the trial."""


class Model:
    """One study."""

    def __init__(self, budget: int) -> None:
        self.budget = self.largest_budget = budget
        self.is_stopped = False
        self.trials: list[Trial] = []
        self.slots: dict[UUID, Slot] = {}
        self.configurations: dict[str, Trial] = {}
        self.counted_to = -1
        self._ends = 0

    # What workers do.

    def claim(self, slot: UUID, owner: UUID, worker: str) -> Slot | None:
        """Takes an interrupted trial, a stray one, or room in the budget, in this order."""
        if self.is_stopped:
            return None
        self._sweep()
        self._fail_surplus()
        interrupted = self._interrupted()
        if interrupted:
            old = min(interrupted, key=lambda key: self._number(self.slots[key]))
            trial = self.slots.pop(old).trial
        elif self._strays() and not self.unbound():
            trial = self._strays()[0]
        elif self.free() > 0:
            trial = None
        else:
            return None
        self.slots[slot] = Slot(owner, worker, trial)
        return self.slots[slot]

    def may_claim(self) -> bool:
        """Whether a claim would find something, or end a stray trial."""
        strays = bool(self._strays()) and not self.unbound()
        return not self.is_stopped and (self.free() > 0 or bool(self._interrupted()) or strays)

    def ask(self) -> Trial:
        """Makes a trial, which is bound later."""
        self.trials.append(Trial(len(self.trials)))
        return self.trials[-1]

    def bind(self, slot: UUID, trial: Trial) -> None:
        """Gives the trial to its slot."""
        if slot not in self.slots:
            raise Lost
        self.slots[slot].trial = trial

    def take(self, slot: UUID, owner: UUID, digest: str) -> bool:
        """Assigns a configuration to the slot's trial, unless another one has it."""
        trial = self.held(slot, owner)
        trial.digest = digest
        return self.configurations.setdefault(digest, trial) is trial

    def report(self, slot: UUID, owner: UUID, epoch: int, value: float) -> None:
        """Keeps the first value of an epoch."""
        self.held(slot, owner).values.setdefault(epoch, value)

    def tell(self, slot: UUID, owner: UUID, trial: Trial, state: str, value: float | None, cause: str | None) -> None:
        """Ends a trial; the same end once more changes nothing."""
        if trial.state != "RUNNING":
            if (trial.state, trial.value, trial.cause) != (state, value, cause):
                raise Lost
            return
        self.held(slot, owner)
        trial.value = value
        self._end(trial, state, cause)
        if state == "FAIL" and cause != KILLER:
            self.configurations = {key: holder for key, holder in self.configurations.items() if holder is not trial}

    def close(self, slot: UUID, owner: UUID) -> None:
        """Removes a slot of one's own."""
        if self._has(slot, owner):
            del self.slots[slot]

    def release(self, owner: UUID, slot: UUID | None = None) -> None:
        """Hands on what an owner has, or one slot of it."""
        for key in [key for key in self.slots if self._has(key, owner) and slot in (None, key)]:
            if self.slots[key].trial is None:
                del self.slots[key]
            else:
                self.slots[key].owner = None

    def set_lease(self, owner: UUID, runs: bool) -> int:
        """An owner's leases end, or are renewed; returns how many."""
        own = [slot for slot in self.slots.values() if slot.owner == owner]
        for slot in own:
            slot.lease_runs = runs
        return len(own)

    # What is counted.

    def held(self, slot: UUID, owner: UUID) -> Trial:
        """The trial of a slot that still belongs to the owner."""
        if not self._has(slot, owner):
            raise Lost
        trial = self.slots[slot].trial
        assert trial is not None
        return trial

    def running(self) -> int:
        """Trials that run, and slots that are about to have one."""
        return sum(trial.state == "RUNNING" for trial in self.trials) + self.unbound()

    def free(self) -> int:
        """What the budget has left."""
        taken = sum(trial.state in (*TRAINED, "RUNNING") for trial in self.trials)
        return max(0, self.budget - taken - self.unbound())

    def unbound(self) -> int:
        """How many slots are about to have a trial."""
        return sum(slot.is_unbound for slot in self.slots.values())

    def must_stop(self, worker: str) -> bool:
        """Whether the last trials of a worker, or of its host, failed; the study stops where no other is well."""
        if not self._is_sick(worker):
            return False
        others = {slot.worker for slot in self.slots.values() if slot.is_live} | self._well_since_streak(worker)
        others -= {worker}
        self.is_stopped = self.is_stopped or all(map(self._is_sick, others))
        return True

    # What a person does.

    def set_budget(self, budget: int) -> None:
        """Running trials stay."""
        self.budget, self.largest_budget = budget, max(budget, self.largest_budget)

    def resume(self) -> None:
        """Failures until now count no more."""
        self.is_stopped = False
        self.counted_to = max((trial.number for trial in self.trials if trial.state != "RUNNING"), default=-1)

    def _has(self, slot: UUID, owner: UUID) -> bool:
        return slot in self.slots and self.slots[slot].owner == owner

    def _sweep(self) -> None:
        for key, slot in list(self.slots.items()):
            state = slot.trial.state if slot.trial else None
            if state in TRAINED or (state != "RUNNING" and not slot.is_live):
                del self.slots[key]

    def _fail_surplus(self) -> None:
        taken = sum(trial.state in (*TRAINED, "RUNNING") for trial in self.trials)
        excess = 0 if self.unbound() else max(0, taken - self.budget)
        for trial in self._strays()[::-1][:excess]:
            self._end(trial, "FAIL", SURPLUS)

    def _strays(self) -> list[Trial]:
        """Running trials without a slot."""
        bound = [slot.trial for slot in self.slots.values()]
        return [trial for trial in self.trials if trial.state == "RUNNING" and trial not in bound]

    def _interrupted(self) -> list[UUID]:
        return [
            key
            for key, slot in self.slots.items()
            if slot.trial is not None and slot.trial.state == "RUNNING" and not slot.is_live
        ]

    @staticmethod
    def _number(slot: Slot) -> int:
        assert slot.trial is not None
        return slot.trial.number

    def _end(self, trial: Trial, state: str, cause: str | None) -> None:
        self._ends += 1
        trial.state, trial.cause, trial.ended = state, cause, self._ends

    def _is_sick(self, worker: str) -> bool:
        return len(self._longest(worker)) >= MAX_FAILURES

    def _streak(self, name: str) -> list[Trial]:
        """The trials in a row that failed on a worker or host."""
        streak: list[Trial] = []
        for trial in self._outcomes(name):
            streak = [*streak, trial] if trial.state == "FAIL" else []
        return streak

    def _longest(self, worker: str) -> list[Trial]:
        """The worker's own streak, or the host's where that is longer, and several workers fail."""
        own, of_host = self._streak(worker), self._streak(worker.partition(":")[0])
        several = len({trial.worker for trial in of_host}) > 1
        return max(own, of_host, key=len) if several else own

    def _well_since_streak(self, worker: str) -> set[str]:
        """The workers that ended a good trial since the streak's first one."""
        begun = self._longest(worker)[0].ended
        hosts = {(trial.worker or "").partition(":")[0] for trial in self.trials}
        good = [trial for host in hosts for trial in self._outcomes(host) if trial.state in TRAINED]
        return {trial.worker or "" for trial in good if trial.ended > begun}

    def _outcomes(self, name: str) -> Iterator[Trial]:
        """The trials that a worker or host ended, good or failed, in order; what was not trained does not count."""
        for trial in sorted(self.trials, key=lambda trial: trial.ended):
            worker = trial.worker or ""
            if trial.number <= self.counted_to or name not in (worker, worker.partition(":")[0]):
                continue
            has_failed = trial.state == "FAIL" and trial.cause not in (DUPLICATE, SURPLUS)
            if has_failed or (trial.state in TRAINED and trial.cause is None):
                yield trial
