"""The configuration of a search that takes the most memory, as far as a simple rule can tell."""

from search.space.axis import Axis, Value
from search.space.space import Space, applies
from trainer.config import TrainConfig
from trainer.configfile import flatten, override

LESS_IS_MORE = ("model.stem", "model.coarse_scale", "model.se_ratio", "model.narrow")  # the lowest value is the dearest
# The choices that are words, the cheapest first.
RANKED: dict[str, tuple[str, ...]] = {
    "model.norm": ("none", "batch", "layer", "group", "instance"),
    "model.gate": ("additive", "concatenated"),
    "model.bottleneck": ("block", "residual", "gated"),
    "model.upsampling": ("nearest", "bilinear", "transpose"),
    "model.dropout_kind": ("channels", "values"),
    "model.fusion": ("none", "concatenate", "weighted", "attention"),
    "model.precision": ("mixed_bfloat16", "mixed_float16", "float32"),
}


def find_heaviest(base: TrainConfig, space: Space) -> TrainConfig:
    """The base with each axis of the network, and the batch size, at its dearest value.

    A limit of parameters is not heeded, nor are warm starts, which may be larger. Raises InputError where no
    configuration has all those values.
    """
    values: dict[str, Value] = {}
    fixed = flatten(base)
    for axis in space.axes:
        counts = axis.path.startswith("model.") or axis.path == "optimizer.batch_size"
        if counts and applies(axis, fixed | values):
            values[axis.path] = dearest_value(axis, fixed[axis.path])
    return override(base, values)


def dearest_value(axis: Axis, usual: Value) -> Value:
    """The value of an axis with which a network takes the most memory; `usual` where words have no rank."""
    if axis.kind != "choice":
        bound = axis.low if axis.path in LESS_IS_MORE else axis.high
        return int(bound) if axis.kind == "int" else bound
    words = RANKED.get(axis.path)
    if words is not None:
        return max(axis.choices, key=lambda choice: words.index(str(choice)))
    if any(isinstance(choice, str) for choice in axis.choices):
        return usual if usual in axis.choices else axis.choices[-1]
    return (min if axis.path in LESS_IS_MORE else max)(axis.choices, key=float)
