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
    "budget.steps": IMAGES // BATCH,
    "budget.epochs": EPOCHS,
    "optimizer.batch_size": BATCH,
    "optimizer.average": 0.0,
}
BASE = EARLIER | {"optimizer.average": 0.99}  # of the rows below


def _rows() -> list[Row]:
    changes: dict[str, dict[str, Any]] = {
        "weight decay 0.01": {"optimizer.weight_decay": 0.01},
        "weight decay 0.05": {"optimizer.weight_decay": 0.05},
        "batches of 16, twice the steps": {"optimizer.batch_size": 16, "budget.steps": 2 * IMAGES // BATCH},
        "learning rate 0.004": {"optimizer.learning_rate": 0.004},
        "weight exponent 0": {"loss.weight_exponent": 0.0},
        "weight exponent 0.25": {"loss.weight_exponent": 0.25},
        "weight exponent 0.75": {"loss.weight_exponent": 0.75},
        "weight exponent 1": {"loss.weight_exponent": 1.0},
        "weight cap 100": {"loss.weight_cap": 100.0},
        "oversampling 3": {"data.oversample": 3},
        "focal": {"loss.name": "focal"},
        "Dice + cross-entropy": {"loss.name": "dice_ce"},
        "Dice + cross-entropy, exponent 0": {"loss.name": "dice_ce", "loss.weight_exponent": 0.0},
        "Lovász + cross-entropy": {"loss.name": "lovasz_ce"},
        "Lovász + cross-entropy, exponent 0": {"loss.name": "lovasz_ce", "loss.weight_exponent": 0.0},
        "focal Tversky 0.75": {"loss.name": "focal_tversky", "loss.gamma": 0.75},
        "focal Tversky 2": {"loss.name": "focal_tversky", "loss.gamma": 2.0},
        "no augmentation": {"augment.mode": "none"},
        "chance 2": {"augment.chance": 2.0},
        "strength 2": {"augment.strength": 2.0},
        "gamma": {"augment.gamma": 0.3},
        "blur": {"augment.blur": 0.2},
        "noise": {"augment.noise": 0.2},
        "low resolution": {"augment.low_resolution": 0.2},
        "zoom out": {"augment.zoom_out": 0.2},
        "GridMask": {"augment.hide": 0.3, "augment.hide_kind": "grid"},
        "coarse dropout": {"augment.hide": 0.3},
        "CutMix": {"augment.cutmix": 0.5},
        "CutMix around the rare class": {"augment.cutmix": 0.5, "augment.cutmix_class": True},
        "paste": {"augment.paste": 0.5},
        "paste with a margin": {"augment.paste": 0.5, "augment.paste_margin": 3},
        "instance normalisation": {"model.norm": "instance"},
        "group normalisation": {"model.norm": "group"},
        "leaky ReLU": {"model.activation": "leaky_relu"},
        "full-resolution skip": {"model.full_skip": True},
        "full resolution (stem 1)": {"model.stem": 1},
        "deep supervision": {"model.deep_supervision": True},
        "standardised images": {"model.standardise": True},
        "attention gates": {"model.attention": True},
        "no SE": {"model.se": False},
        "not residual": {"model.residual": False},
        "no dropout": {"model.dropout": 0.0},
        "depth 2": {"model.depth": 2},
        "depth 4": {"model.depth": 4},
        "width 16": {"model.width": 16},
    }
    return [Row(name, BASE | change) for name, change in changes.items()]


ROWS = [Row("mended, weights not averaged", EARLIER), Row("averaged weights (base of what follows)", BASE), *_rows()]
