"""The rows of the ablation: a name, and what it changes of the base, by path."""

from dataclasses import dataclass, field
from typing import Any

EPOCHS = 10
IMAGES = 16_000  # that each run sees
BATCH = 32


@dataclass(frozen=True)
class Row:
    """A change of the base."""

    name: str
    changes: dict[str, Any] = field(default_factory=dict)


# What the earlier default was, as far as fields say it: no averages, and at equal images seen, at width 8.
EARLIER: dict[str, Any] = {
    "model.width": 8,
    "model.dropout": 0.1,
    "optimizer.learning_rate": 0.002,
    "budget.steps": IMAGES // BATCH,
    "budget.epochs": EPOCHS,
    "optimizer.batch_size": BATCH,
    "optimizer.average": 0.0,
}
BASE = EARLIER | {"optimizer.average": 0.99}  # of the first rows
WITHOUT = BASE | {"model.dropout": 0.0}  # of those after "no dropout", which is worth more than all before it
HALVED: dict[str, Any] = {"optimizer.batch_size": 16, "budget.steps": 2 * IMAGES // BATCH}
HIGHER: dict[str, Any] = {"optimizer.learning_rate": 0.004}
LOVASZ: dict[str, Any] = {"loss.name": "lovasz_ce"}


def _first() -> dict[str, dict[str, Any]]:
    return {
        "weight decay 0.01": {"optimizer.weight_decay": 0.01},
        "weight decay 0.05": {"optimizer.weight_decay": 0.05},
        "batches of 16, twice the steps": HALVED,
        "learning rate 0.004": HIGHER,
        "learning rate 0.008": {"optimizer.learning_rate": 0.008},
        "weight exponent 0": {"loss.weight_exponent": 0.0},
        "weight exponent 0.25": {"loss.weight_exponent": 0.25},
        "weight exponent 0.75": {"loss.weight_exponent": 0.75},
        "weight exponent 1": {"loss.weight_exponent": 1.0},
        "weight cap 100": {"loss.weight_cap": 100.0},
        "Dice + cross-entropy": {"loss.name": "dice_ce"},
        "Dice + cross-entropy, exponent 0": {"loss.name": "dice_ce", "loss.weight_exponent": 0.0},
        "Lovász + cross-entropy": LOVASZ,
        "learning rate 0.004, Lovász + cross-entropy": HIGHER | LOVASZ,
        "chance 2": {"augment.chance": 2.0},
        "CutMix": {"augment.cutmix": 0.5},
        "full-resolution skip": {"model.full_skip": True},
        "width 16": {"model.width": 16},
        "no dropout": {"model.dropout": 0.0},
    }


def _without_dropout() -> dict[str, dict[str, Any]]:
    return {
        "learning rate 0.004": HIGHER,
        "Lovász + cross-entropy": LOVASZ,
        "batches of 16, twice the steps": HALVED,
        "weight exponent 0": {"loss.weight_exponent": 0.0},
        "Dice + cross-entropy": {"loss.name": "dice_ce"},
        "full-resolution skip": {"model.full_skip": True},
        "no augmentation": {"augment.mode": "none"},
        "no SE": {"model.se": False},
        "CutMix": {"augment.cutmix": 0.5},
        "instance normalisation": {"model.norm": "instance"},
        "weight decay 0.05": {"optimizer.weight_decay": 0.05},
        "deep supervision": {"model.deep_supervision": True},
        "paste": {"augment.paste": 0.5},
        "focal Tversky 0.75": {"loss.name": "focal_tversky", "loss.gamma": 0.75},
        "depth 4": {"model.depth": 4},
        "full resolution (stem 1)": {"model.stem": 1},
        "oversampling 3": {"data.oversample": 3},
        "attention gates": {"model.attention": True},
        "not residual": {"model.residual": False},
        "leaky ReLU": {"model.activation": "leaky_relu"},
        "standardised images": {"model.standardise": True},
        "group normalisation": {"model.norm": "group"},
        "dropout of values": {"model.dropout": 0.1, "model.dropout_kind": "values"},
        "chance 2": {"augment.chance": 2.0},
        "focal": {"loss.name": "focal"},
        "focal Tversky 2": {"loss.name": "focal_tversky", "loss.gamma": 2.0},
        "Lovász + cross-entropy, exponent 0": {"loss.name": "lovasz_ce", "loss.weight_exponent": 0.0},
        "depth 2": {"model.depth": 2},
        "width 16": {"model.width": 16},
        "zoom out": {"augment.zoom_out": 0.2},
        "gamma": {"augment.gamma": 0.3},
        "blur": {"augment.blur": 0.2},
        "noise": {"augment.noise": 0.2},
        "low resolution": {"augment.low_resolution": 0.2},
        "GridMask": {"augment.hide": 0.3, "augment.hide_kind": "grid"},
        "coarse dropout": {"augment.hide": 0.3},
        "strength 2": {"augment.strength": 2.0},
        "CutMix around the rare class": {"augment.cutmix": 0.5, "augment.cutmix_class": True},
        "paste with a margin": {"augment.paste": 0.5, "augment.paste_margin": 3},
    }


ROWS = [
    Row("mended, weights not averaged", EARLIER),
    Row("averaged weights (base of what follows)", BASE),
    *(Row(name, BASE | change) for name, change in _first().items()),
    *(Row(f"no dropout: {name}", WITHOUT | change) for name, change in _without_dropout().items()),
]
