"""The user attributes in which Optuna keeps what we know of studies and trials: every key, its type and its meaning.

They are read and written through this file alone. A value of another type than declared, which another program may
have written, is read as missing.
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, ValidationError

# Causes of failed trials that were not trained and are no failure.
DUPLICATE = "duplicate"  # the study had the configuration before
SURPLUS = "surplus"  # left over by a call to the database whose reply was lost, beyond the budget
NOT_TRAINED = (DUPLICATE, SURPLUS)

MAX_ENTRIES = 10_000  # of a list or table; a question has some hundred


class HasAttributes(Protocol):
    """An `optuna.Study`, or an `optuna.Trial` that is running."""

    def set_user_attr(self, key: str, value: Any) -> None:
        """Writes one attribute."""


class Attributes(BaseModel):
    """Attributes of one kind of object; a field's name is its key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def read(cls, user_attrs: Mapping[str, Any]) -> Self:
        """The attributes among an object's `user_attrs`; the default for each one that is missing."""
        user_attrs = {key: value for key, value in user_attrs.items() if not _is_too_long(value)}
        try:
            return cls.model_validate(user_attrs)
        except ValidationError as error:
            wrong = {finding["loc"][0] for finding in error.errors(include_url=False, include_input=False)}
            return cls.model_validate({key: value for key, value in user_attrs.items() if key not in wrong})

    def write(self, target: HasAttributes) -> None:
        """Writes the attributes that were given to the constructor, and no others."""
        for key, value in self.as_json().items():
            target.set_user_attr(key, value)

    def as_json(self) -> dict[str, Any]:
        """The attributes that were given to the constructor, as JSON knows them."""
        return self.model_dump(mode="json", exclude_unset=True)


def _is_too_long(value: Any) -> bool:
    """Whether a list that is wrong at every place would take gigabytes of messages."""
    return isinstance(value, list | tuple | dict) and len(value) > MAX_ENTRIES


class TrialAttributes(Attributes):
    """What is kept of a trial. Times are in seconds."""

    # From the moment that it is enqueued or drawn.
    name: str | None = None  # of the configuration that it was enqueued with; None for one that was drawn
    base: dict[str, Any] | None = None  # the configuration that it was enqueued with
    outside: tuple[str, ...] = ()  # paths at which `base` has a value outside its axis, which the trial keeps
    digest: str | None = None  # of its configuration
    candidate: int | None = None  # number of the trial of the searched study that it repeats
    repeat: int | None = None  # how often that was repeated before, from 0; each has a seed of its own
    config: dict[str, Any] | None = None  # its configuration, as tables

    # While it is trained.
    worker: str | None = None  # the last one
    device: str | None = None  # that worker's
    device_s: float = 0.0  # time on a device, over all its workers
    starts: int = 0  # how often a worker began it and died, since its last new epoch
    retries: int = 0  # how often it was tried again after an error, since its last new epoch

    # What its network costs in use, measured once, by the first worker that does; see `trainer/cost.py`.
    parameters: int | None = None
    memory_mib: float | None = None
    ms_per_image: float | None = None
    ms_per_image_batched: float | None = None

    # Why it ended; neither complete trials nor those that the pruner chose have a cause.
    cause: str | None = None
    message: str | None = None

    # What its training gave; the scores are those of the best epoch.
    interval: tuple[float, float] | None = None  # of the value; see `trainer/certainty.py`
    miou: float | None = None  # whatever the trial's value is
    miou_keras: float | None = None  # None unless an ignored label is a class
    iou: tuple[float | None, ...] = ()  # one a class; None for one that is not scored
    names: tuple[str, ...] = ()  # of the classes
    best_epoch: int | None = None
    epochs: int | None = None
    stopped: str | None = None  # budget, patience or caller
    seconds: float | None = None  # of its epochs
    images_per_second: float | None = None  # in training
    images: tuple[int, int] | None = None  # of training and validation
    versions: dict[str, str] | None = None  # of Python and the libraries
    commit: str | None = None  # of the source


class StudyAttributes(Attributes):
    """What is kept of a study."""

    question: dict[str, Any] | None = None  # a copy of what `storage/studies/study.py` compares
    data: str | None = None  # where the data lay on the host that made the study
    shared: str | None = None  # name of the copy of its data in the artifact store; see `storage/studies/copies.py`
    confirmed: dict[str, Any] | None = None  # see `search/study/confirmed.py`
    confirmation: dict[str, Any] | None = None  # of a sibling; see `search/confirm/confirmation.py`
    failures_counted_to: int = -1  # number of the last trial before `resume`; failures of later ones count


def is_outside(user_attrs: Mapping[str, Any]) -> bool:
    """Whether a trial has values outside the space; reads no other attribute, as samplers ask it of every trial."""
    return bool(user_attrs.get("outside"))


def attribute_key(field: str) -> str:
    """The key of a trial's attribute as a literal in SQL."""
    assert field in TrialAttributes.model_fields, field
    return f"'{field}'"


def study_attribute_key(field: str) -> str:
    """The key of a study's attribute as a literal in SQL."""
    assert field in StudyAttributes.model_fields, field
    return f"'{field}'"
