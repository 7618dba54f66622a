"""Where the data of a study lie on this host: where they are recorded, or in a copy that is fetched.

Data that a command names must be the study's. Who names none gets the study's: a local path wins where it has the same
fingerprint.
"""

from dataclasses import replace

from search.sharing.export import is_here
from search.sharing.fetch import Tell, fetch_data
from search.study.location import get_location, location_changes
from search.study.plan import Plan
from search.study.study import OpenStudy, open_study
from storage.artifacts.interface import Artifacts
from storage.artifacts.store import find_artifacts
from storage.database.connection import open_database
from storage.errors import StorageError
from storage.settings import Settings
from trainer.config import DataConfig
from trainer.configfile import override
from trainer.data.dataset import Dataset, open_dataset
from trainer.data.progress import Progress
from trainer.errors import InputError

# What looking at data finds; a command without the data takes the study's.
LOOKED_AT = ("classes", "names", "labels", "mask_format", "colours", "ignore", "channels", "scale", "patch")


def bring_data(
    opened: OpenStudy, settings: Settings, artifacts: Artifacts, tell: Tell, progress: Progress
) -> tuple[OpenStudy, Dataset]:
    """The study with the place of its data on this host, and the data.

    They are those of the recorded place, or where they are missing there, or are others, the study's copy. Without a
    copy they are what lies there.

    Raises:
        InputError: there are none, or the copy cannot be used.
        StorageError: the store cannot be read.
    """
    copy, cache = opened.shared, settings.decoded_data
    data, wanted = opened.plan.base.data, opened.question["data.fingerprint"]
    try:
        dataset = open_dataset(data, cache, progress)
        if copy is None or dataset.fingerprint == wanted:
            return opened, dataset
        reason = f"the data in {_describe(data)} are not the study's: {dataset.fingerprint[:16]}, not {wanted[:16]}"
    except InputError as error:
        if copy is None:
            hint = "" if is_here(data) else ", or run `unet-search init --share-data` where they are"
            raise InputError(f"{error}{hint}") from None
        reason = f"the study's data are not in {_describe(data)}" + (f": {error}" if is_here(data) else "")
    tell(f"{reason}; its copy is taken")
    folder = fetch_data(artifacts, copy, cache, tell, progress)
    base = override(opened.plan.base, location_changes(str(folder)))
    brought = replace(opened, plan=replace(opened.plan, base=base))
    return brought, open_dataset(base.data, cache)


def borrow_data(settings: Settings, plan: Plan, tell: Tell, progress: Progress) -> Plan:
    """The plan of a command line; where its data are not here, with the copy of the study of its name, if that has one.

    Raises InputError, StorageError where the copy cannot be used.
    """
    if settings.database_url is None or is_here(plan.base.data):
        return plan
    try:
        with open_database(settings) as db:
            opened = open_study(db, plan.study.name)
    except (InputError, StorageError):  # there is no study yet: what follows says what the data lack
        return plan
    if (copy := opened.shared) is None:
        return plan
    folder = fetch_data(find_artifacts(settings), copy, settings.decoded_data, tell, progress)
    asked, found, default = plan.base.data, opened.plan.base.data, DataConfig()
    looked_at = {key: getattr(found, key) for key in LOOKED_AT if getattr(asked, key) == getattr(default, key)}
    changes = {f"data.{key}": value for key, value in looked_at.items()} | location_changes(str(folder))
    return replace(plan, base=override(plan.base, changes))


def _describe(data: DataConfig) -> str:
    return " and ".join((get_location(data) or "").splitlines())
