"""Keys of the artifact store's files.

ID                          a picture, under the id that Optuna gives it
checkpoints/STUDY/NUMBER    the checkpoint of a trial, by the trial's number
confusions/STUDY/NUMBER     the confusion matrices of a trial, npy: (groups of validation images, true, predicted)
weights/STUDY/NUMBER.keras  the weights of one of the study's best trials
data/COPY.json              the description of a shared copy of data, which is there once the copy is whole
data/COPY/FILE.NUMBER       a part of a file of that copy
"""

import re
from urllib.parse import quote

COPIES = "data"  # the folder of shared copies

_PICTURE_ID = re.compile(r"[0-9A-Fa-f-]{1,64}")
_COPY = re.compile(r"[0-9a-f]{32}-[0-9a-f]{16}")
_TRIAL_FILE = re.compile(r"(checkpoints|confusions)/[^/]+/[0-9]{1,10}|weights/[^/]+/[0-9]{1,10}\.keras")


def checkpoint_key(study: str, number: int) -> str:
    """The key of a trial's checkpoint.

    Args:
        study: the study's name, any text.
        number: the trial's number, 0 or more.
    """
    return f"{checkpoints_folder(study)}/{number}"


def weights_key(study: str, number: int) -> str:
    """The key of a trial's weights; arguments as for `checkpoint_key`."""
    return f"{weights_folder(study)}/{number}.keras"


def confusions_key(study: str, number: int) -> str:
    """The key of a trial's confusion matrices; arguments as for `checkpoint_key`."""
    return f"{confusions_folder(study)}/{number}"


def checkpoints_folder(study: str) -> str:
    """The folder of all checkpoints of a study."""
    return _folder("checkpoints", study)


def confusions_folder(study: str) -> str:
    """The folder of all confusion matrices of a study."""
    return _folder("confusions", study)


def weights_folder(study: str) -> str:
    """The folder of all weights of a study."""
    return _folder("weights", study)


def study_folders(study: str) -> list[str]:
    """The folders of a study's checkpoints, confusion matrices and weights."""
    return [checkpoints_folder(study), confusions_folder(study), weights_folder(study)]


def description_key(copy: str) -> str:
    """The key of the description of a shared copy. Raises ValueError for a name that no shared copy has."""
    return f"{copy_folder(copy)}.json"


def part_key(copy: str, file: str, number: int) -> str:
    """The key of a part of a file of a shared copy, by its number from 0. Raises ValueError as `description_key`."""
    return f"{copy_folder(copy)}/{file}.{number:06d}"


def copy_folder(copy: str) -> str:
    """The folder of the parts of a shared copy. Raises ValueError as `description_key`."""
    if not is_copy_name(copy):
        raise ValueError(f"a shared copy's name must be 32 and 16 hexadecimal digits; got {copy!r}")
    return f"{COPIES}/{copy}"


def is_copy_name(name: str) -> bool:
    """Whether a shared copy may have this name; no other text in a row may name a file."""
    return _COPY.fullmatch(name) is not None


def is_picture_id(key: str) -> bool:
    """Whether the key may be a picture's: Optuna's ids are UUIDs, and no other text in a row may name a file."""
    return _PICTURE_ID.fullmatch(key) is not None


def require_picture_id(key: str) -> str:
    """The key, which must be able to be a picture's. Raises ValueError, as Optuna's own artifact stores do."""
    if not is_picture_id(key):
        raise ValueError(f"an artifact's id must be a UUID; got {key!r}")
    return key


def is_trial_file(key: str) -> bool:
    """Whether the key is that of a file of a trial, in a folder of any name."""
    return _TRIAL_FILE.fullmatch(key) is not None


def _folder(kind: str, study: str) -> str:
    """A name of a study becomes that of one folder, since a slash or .. in it would lead elsewhere."""
    return f"{kind}/{quote(study, safe=' ').replace('.', '%2E') or '%'}"
