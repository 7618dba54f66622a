"""Looks at data, decodes them and opens them: what commands do before a search or a training."""

import json
from dataclasses import dataclass
from pathlib import Path

from trainer.config import DataConfig
from trainer.data.cache.folder import recall
from trainer.data.cache.key import digest_of, source_digest
from trainer.data.cache.shared import find_shared
from trainer.data.dataset import Dataset, open_dataset, open_source
from trainer.data.item import Source
from trainer.data.layout.discover import find_source
from trainer.data.look.look import Look, look
from trainer.data.memory import within_memory
from trainer.data.progress import Progress, no_progress


@dataclass(frozen=True)
class Prepared:
    """Data that were looked at, and are open."""

    source: Source
    look: Look  # its `config` has nothing left to be found
    dataset: Dataset


def prepare_data(
    config: DataConfig, cache: Path | None = None, gpu: bool = False, progress: Progress = no_progress
) -> Prepared:
    """Finds what the configuration leaves open, decodes the data and opens them. Raises InputError.

    Args:
        config: the data.
        cache: folder where what was found and the decoded copy are kept; nothing is kept when missing.
        gpu: whether networks will be trained on a GPU, which takes larger patches.
        progress: told how far it is.
    """
    if (shared := find_shared(config)) is not None:
        return _prepare_shared(shared[0], config, cache)
    source = find_source(config)
    found = look_at(source, config, cache, gpu, progress)
    return Prepared(source, found, open_source(source, found.config, cache, progress))


def _prepare_shared(folder: Path, config: DataConfig, cache: Path | None) -> Prepared:
    """Opens a shared copy, at whose data another host looked; the configuration has what it found."""
    return Prepared(Source(folder, (), "a shared copy"), Look(config, (), (), ()), open_dataset(config, cache))


@within_memory()
def look_at(
    source: Source, config: DataConfig, cache: Path | None, gpu: bool = False, progress: Progress = no_progress
) -> Look:
    """What data contain; kept in the cache, since every mask is read for it."""
    asked = digest_of({"gpu": gpu, "config": config.model_dump(mode="json")})[:12]
    kept = recall(
        cache,
        f"{source_digest(source)}-look-{asked}",
        lambda: {"look": json.loads(look(source, config, gpu, progress).to_json())},
    )
    return Look.from_json(json.dumps(kept["look"]))
