"""What is measured: networks on shapes of data, with full augmentation and rare images five times as often."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.street import draw_mask, paint
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.data.dataset import Dataset
from trainer.data.prepare import prepare_data
from trainer.data.sample import write_sample

# Every transform at once: where nnU-Net has one of its kind with its probability, else with the report's.
FULL: Mapping[str, Any] = {
    "augment.mode": "dynamic",
    "augment.copies": 1,
    "augment.flip_horizontal": 0.5,
    "augment.flip_vertical": 0.5,
    "augment.quarter_turn": 0.1,
    "augment.geometric": 0.3,
    "augment.colour": 0.3,
    "augment.elastic": 0.2,
    "augment.zoom_out": 0.1,
    "augment.gamma": 0.3,
    "augment.blur": 0.2,
    "augment.noise": 0.1,
    "augment.low_resolution": 0.25,
    "augment.hide": 0.1,
    "augment.paste": 0.1,
    "augment.cutmix": 0.1,
    "data.oversample": 5,
}
SCENES, SCENE_SIZE = 24, (768, 1024)


@dataclass(frozen=True)
class Row:
    """A network and its data."""

    name: str
    preset: str = "default"
    scenes: bool = False  # large colour images in patches, instead of small grey ones
    changes: Mapping[str, Any] = field(default_factory=dict)


ROWS = (
    Row("default, 64x128 grey"),
    Row("Basic U-Net, 64x128 grey", "basic_unet"),
    Row("default, 512x512 RGB", scenes=True, changes={"data.patch": (512, 512), "optimizer.batch_size": 4}),
)


def find_row(name: str) -> Row:
    """The row of a name."""
    return next(row for row in ROWS if row.name == name)


def make_data(folder: Path, rows: Sequence[Row], grey: Path | None) -> None:
    """Writes the data of the rows into a folder: a copy of the file of small grey images, or a sample, and scenes."""
    if not all(row.scenes for row in rows):
        if grey is None:
            write_sample(folder / "grey.npz")
        else:
            shutil.copy(grey, folder / "grey.npz")
    if not any(row.scenes for row in rows):
        return
    random = np.random.default_rng(0)
    masks = np.stack([draw_mask(random, *SCENE_SIZE) for _ in range(SCENES)])
    np.savez(folder / "scenes.npz", images=np.stack([paint(random, mask) for mask in masks]), masks=masks)


def open_row(row: Row, folder: Path, steps: int, epochs: int) -> tuple[TrainConfig, Dataset]:
    """The configuration, in which nothing is left to be found, and the data, of which nothing validates.

    So an epoch is training and nothing else.

    Args:
        row: what is measured.
        folder: that of `make_data`; the decoded copies lie there too.
        steps: of an epoch.
        epochs: of the training.
    """
    budget = {"budget.steps": steps * epochs, "budget.epochs": epochs, "budget.keep": "last", "budget.patience": None}
    path = {"data.path": str(folder / ("scenes.npz" if row.scenes else "grey.npz"))}
    config = override(load_config(row.preset), {**FULL, **budget, **path, **row.changes})
    prepared = prepare_data(config.data, folder / "decoded")
    dataset = prepared.dataset
    everything = np.sort(np.concatenate([dataset.train, dataset.validation]))
    nothing = dataset.validation[:0]
    shown = replace(dataset, train=everything, validation=nothing)
    return config.model_copy(update={"data": prepared.look.config}), shown
