"""Trained networks opened for the commands that predict."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.backend import import_trainer, prepare_backend

if TYPE_CHECKING:
    from trainer.data.item import Header, Item
    from trainer.model.predict import Network


def open_networks(
    folders: Sequence[Path], items: "Sequence[Item]", headers: "Sequence[Header]", device: str
) -> "list[Network]":
    """Imports Keras, and loads the networks in these folders, which predict together.

    `headers` are those of the images `items`, whose channels must suit the networks. Raises InputError.
    """
    prepare_backend(device, deterministic=False)
    backend, _, _ = import_trainer()
    if device == "gpu":
        backend.require_gpu()
    from trainer.result.apply import input_channels, load_networks
    from trainer.result.images import check_channels

    networks = load_networks(folders)
    check_channels(items, headers, input_channels(networks[0].model))
    return networks
