"""A shared copy: a decoded copy as hosts hand it to each other, and one that arrived as data of its own.

What travels is the pixels and a description. The name has the description's digest, and the description has the
fingerprint of all the rest; the table is made anew where the copy arrives. Its folder may then be `data.path`.
"""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.config import DataConfig
from trainer.data.cache.copy import Table, open_pixels, write_meta, write_table
from trainer.data.cache.decode import describe, fingerprint
from trainer.data.cache.key import DECODED, VERSION, digest_of
from trainer.data.pixels import Groups
from trainer.data.progress import Progress
from trainer.data.threads import in_threads
from trainer.errors import InputError

if TYPE_CHECKING:
    from trainer.data.dataset import Dataset

FORMAT = 1  # of the description
FILE = "shared.json"  # in the folder of one that arrived: its description
IMAGES, MASKS = "images.bin", "masks.bin"
_ITEM_BYTES = {"uint8": 1, "float16": 2}
_FIELDS = DECODED | {"groups"}  # of the configuration, that were used when the data were opened


@dataclass(frozen=True)
class SharedCopy:
    """The description of N images with masks."""

    fingerprint: str
    dtype: str  # of the images
    sizes: list[list[int]]  # N times height, width, channels
    names: list[str]
    groups: list[str] | None
    official: int | None  # index of the first image of an official validation part, which come last
    tests: int  # number of test images, which stay where they are
    fields: dict[str, Any]  # of the configuration

    @property
    def files(self) -> dict[str, int]:
        """The files of pixels, and their numbers of bytes."""
        pixels = [(height * width, channels) for height, width, channels in self.sizes]
        images = sum(count * channels for count, channels in pixels) * _ITEM_BYTES[self.dtype]
        return {IMAGES: images, MASKS: sum(count for count, _ in pixels)}

    @property
    def name(self) -> str:
        """The beginning of the fingerprint, by which a copy of some data is found, and the description's digest."""
        return f"{self.fingerprint[:32]}-{_digest(self.to_json())}"

    def to_json(self) -> bytes:
        """The description as text, the same for an equal one."""
        return json.dumps({"version": FORMAT} | asdict(self), sort_keys=True).encode("ascii")


def read_shared(text: bytes, name: str) -> SharedCopy:
    """The description that `to_json` wrote of the copy of that name. Raises InputError for any other."""
    copy = _parse(text) if name.endswith(_digest(text)) else None
    if copy is None or copy.name != name:
        raise InputError(
            f"the description of a shared copy must be as it was written; got another one for {name}; remove that "
            "copy from the artifact store, and run `unet-search init` again where the data are"
        )
    return copy


def find_shared(config: DataConfig) -> tuple[Path, SharedCopy] | None:
    """The folder of the shared copy that a configuration names as its data, and the description; None for other data.

    Raises InputError where the configuration reads data otherwise than they were read for the copy.
    """
    if config.path is None:
        return None
    folder = Path(config.path)
    try:
        text = (folder / FILE).read_bytes()
    except (OSError, ValueError):
        return None
    if (copy := _parse(text)) is None:
        raise InputError(f"a shared copy must be as it arrived; got a damaged {FILE} in {folder}; remove that folder")
    asked = fields_of(config)
    for key, value in copy.fields.items():
        if asked.get(key) != value:
            raise InputError(
                f"a shared copy of data must be used as it was decoded, data.{key} = {json.dumps(value)}; got "
                f"{json.dumps(asked.get(key))} for {folder}; name the data themselves with --data"
            )
    return folder, copy


def describe_copy(dataset: "Dataset", config: DataConfig) -> SharedCopy:
    """The description of a decoded copy, which the configuration was opened as."""
    table = dataset.table
    return SharedCopy(
        fingerprint=dataset.fingerprint,
        dtype=str(dataset.images[0].dtype),
        sizes=np.asarray(table.sizes).tolist(),
        names=list(dataset.image_names),
        groups=None if dataset.groups is None else dataset.groups.tolist(),
        official=dataset.official,
        tests=dataset.tests,
        fields=fields_of(config),
    )


def complete(folder: Path, copy: SharedCopy, progress: Progress) -> None:
    """Makes of the pixels that arrived in a folder a decoded copy.

    Raises InputError where they are not those of the description.
    """
    sizes = np.array(copy.sizes, np.int32)
    images, masks = open_pixels(folder, sizes, copy.dtype)
    groups: Groups | None = None if copy.groups is None else np.array(copy.groups, np.str_)
    found = fingerprint(images, masks, groups, progress)
    if found != copy.fingerprint:
        raise InputError(
            f"a shared copy must be of the data with fingerprint {copy.fingerprint[:16]}; got {found[:16]}; remove "
            f"{copy.name} from the artifact store, and run `unet-search init` again where the data are"
        )
    classes = copy.fields["classes"]

    def look_at(index: int) -> tuple[Any, ...]:
        return describe(images[index], masks[index], classes)

    rows = list(in_threads(look_at, range(len(sizes)), "images looked at", progress))
    write_table(Table(*(np.stack(column) for column in zip(*rows, strict=True))), folder)
    write_meta(folder, found, copy.dtype)
    (folder / FILE).write_bytes(copy.to_json())


def local_key(name: str) -> str:
    """The name of the folder in which the shared copy of a name is kept on a host."""
    return digest_of({"version": VERSION, "shared": name})


def fields_of(config: DataConfig) -> dict[str, Any]:
    """The fields of a configuration that decide what a data set's images, masks, groups and parts are."""
    fields: dict[str, Any] = config.model_dump(mode="json", include=set(_FIELDS))
    return fields | {"validation": config.validation if isinstance(config.validation, str) else None}


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()[:16]


def _parse(text: bytes) -> SharedCopy | None:
    """The description, whose parts agree; None for any other text. Raises InputError for one of another version."""
    try:
        found = json.loads(text)
        if found.pop("version") != FORMAT:
            raise InputError(
                "shared copies of data must be of one version of unet-search; got another one's; use the same version "
                "on all hosts, or give this one another artifact store with UNET_SEARCH_ARTIFACTS"
            )
        copy = SharedCopy(**found)
        return copy if _is_sound(copy) else None
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None


def _is_sound(copy: SharedCopy) -> bool:
    count = len(copy.sizes)
    return (
        copy.dtype in _ITEM_BYTES
        and count > 0
        and all(len(size) == 3 and all(type(side) is int and 0 < side < 2**31 for side in size) for size in copy.sizes)
        and len(copy.names) == count
        and (copy.groups is None or len(copy.groups) == count)
        and (copy.official is None or 0 <= copy.official <= count)
        and type(copy.fields["classes"]) is int
    )
