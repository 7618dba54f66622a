"""What of its space a study has not tried yet."""

from functools import cached_property

from search.space.axis import Value
from search.space.space import configure, digest, enumerate_values, space_size
from search.study.study import OpenStudy
from storage.database.connection import Database
from storage.studies.configurations import count_configurations, taken_digests
from storage.studies.status import count_waiting

LISTED = 4096  # a space of up to so many configurations is gone through one by one


class SpaceLeft:
    """Asks the database at each call."""

    def __init__(self, db: Database, opened: OpenStudy) -> None:
        self._db, self._study_id, self._plan = db, opened.study_id, opened.plan
        self.size = space_size(opened.plan.space, opened.plan.base)  # configurations; None where they cannot be counted

    def is_exhausted(self) -> bool:
        """Whether every configuration of the space has a trial and none waits: a start may differ from all of them."""
        if self.size is None or count_configurations(self._db, self._study_id) < self.size:
            return False
        return not count_waiting(self._db, self._study_id) and (self.size > LISTED or not self.untaken())

    def untaken(self) -> list[dict[str, Value]]:
        """The values of each configuration of a small space that no trial has; none of a space of more than LISTED."""
        if self.size is None or self.size > LISTED:
            return []
        taken = taken_digests(self._db, self._study_id)
        return [values for name, values in self._listed.items() if name not in taken]

    @cached_property
    def _listed(self) -> dict[str, dict[str, Value]]:
        """Every draw of a small space by its configuration's digest."""
        base = self._plan.base
        return {digest(configure(base, values, 0)): values for values in enumerate_values(self._plan.space, base)}


def exhausted_line(db: Database, opened: OpenStudy) -> str | None:
    """The line about a space all of whose configurations were tried; None where some are left."""
    left = SpaceLeft(db, opened)
    if not left.is_exhausted():
        return None
    return (
        f"the space is exhausted: all of its {left.size} configurations have been tried; `unet-search enqueue` adds "
        "others, and a new study may have a larger [space]"
    )
