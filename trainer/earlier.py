"""Configurations that earlier versions wrote, in today's words: fields that were renamed, and what they did.

A whole configuration, as in a study or in an exported file, means the training of its version. So where a default has
changed since, or a field came with which the training is another one, it gets the value that trains as before.
"""

from collections.abc import Mapping
from typing import Any

from trainer.errors import InputError

EXPONENTS = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}  # loss.class_weights as loss.weight_exponent
# What a whole configuration of an earlier version always has; a file that a person wrote rarely has them all.
MARKS = ("loss.class_weights", "loss.beta", "augment.cutmix", "optimizer.learning_rate", "budget.patience")
# What trainings of configurations without steps did.
AS_BEFORE = {
    "model.max_width": 8192,  # as good as none
    "augment.cutmix_class": True,
    "augment.cutmix_sides": (0.33, 1.0),  # sides were sqrt(uniform(0, 1)): the mean, 2/3, is the same
    "optimizer.average": 0.0,
    "budget.steps": None,
    "budget.keep": "best",
}


def to_today(tables: Mapping[str, Any], is_whole: bool | None = None) -> dict[str, Any]:
    """Tables of a configuration with today's fields; those that have no field of an earlier version stay as they are.

    Args:
        tables: not yet validated, so that anything may be in them.
        is_whole: whether all that the training did is in them; by default where they have all of MARKS.

    Raises:
        InputError: what an earlier field asks for cannot be had any more.
    """
    loss = tables.get("loss")
    if not isinstance(loss, Mapping) or not {"class_weights", "beta"} & loss.keys():
        return {**tables, **_train_as_before(tables)} if is_whole else dict(tables)
    whole = all(_has(tables, path) for path in MARKS) if is_whole is None else is_whole
    today = {**tables, "loss": _rename_loss(loss)}
    return {**today, **_train_as_before(today)} if whole else today


def _rename_loss(loss: Mapping[str, Any]) -> dict[str, Any]:
    """The table `loss` with `weight_exponent` for `class_weights`, and without `beta`, which is 1 - `alpha`."""
    renamed = dict(loss)
    weights = renamed.pop("class_weights", None)
    if weights is not None:
        if "weight_exponent" in renamed or not isinstance(weights, str) or weights not in EXPONENTS:
            raise InputError(
                f"loss.class_weights must be one of {', '.join(EXPONENTS)}, without loss.weight_exponent beside it, "
                f"which is its name now; got {weights!r}"
            )
        renamed["weight_exponent"] = EXPONENTS[weights]
    alpha, beta = renamed.get("alpha", 0.5), renamed.pop("beta", None)
    if beta is not None and not _add_up_to_one(alpha, beta):
        raise InputError(
            f"loss.alpha and loss.beta must add up to 1, and loss.beta is left out now; got {alpha!r} and {beta!r}; "
            "train that with the version that wrote it"
        )
    return renamed


def _add_up_to_one(alpha: object, beta: object) -> bool:
    return isinstance(alpha, int | float) and isinstance(beta, int | float) and abs(alpha + beta - 1) < 1e-6


def _train_as_before(tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables that change so that a whole configuration trains as it did."""
    changed: dict[str, dict[str, Any]] = {}
    for path, value in AS_BEFORE.items():
        name, _, key = path.partition(".")
        table = tables.get(name, {})
        if isinstance(table, Mapping):
            changed.setdefault(name, dict(table)).setdefault(key, value)
    augment = changed.get("augment", {})
    if augment.get("mode") == "none":  # which turned these off, too
        augment |= {"paste": 0.0, "cutmix": 0.0}
    return changed


def _has(tables: Mapping[str, Any], path: str) -> bool:
    name, _, key = path.partition(".")
    table = tables.get(name)
    return isinstance(table, Mapping) and key in table
