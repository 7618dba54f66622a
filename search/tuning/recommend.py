"""What to do about what was measured: for the user to decide."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.format import format_duration, format_value
from search.tuning.contenders import Kind
from search.tuning.measured import Measured

ORDER: tuple[Kind, ...] = ("batch", "precision", "compilation")  # of settings
SAFE = "workers and threads change no value; they may change while a study runs"
RISKY = "settings change the values of trials, for better or worse: put them in the search file before its study begins"


@dataclass(frozen=True)
class Recommended:
    """What is faster than the configuration as it is. Nothing is changed by itself."""

    options: tuple[str, ...]  # of `unet-search run` and `worker`; none where what they do by themselves is best
    settings: Mapping[str, Any]  # values by path
    notes: tuple[str, ...]  # for people, one sentence each

    def toml(self, base: str | None = None) -> str:
        """The settings as a table of a search file; empty where there are none.

        Args:
            base: the preset or file of the configuration, where it is no search file.
        """
        lines = [f"{path} = {_toml(value)}" for path, value in self.settings.items()]
        first = [] if base is None else [f"base = {_toml(base)}"]
        return "\n".join(["[train]", *first, *lines]) if lines else ""


def recommend(measured: Sequence[Measured], gpu: bool, steps: int) -> Recommended:
    """What was faster beyond the spread of its slices, the fastest of each kind.

    Args:
        measured: all of it.
        gpu: whether the workers of a layout are those of one GPU.
        steps: of a trial.
    """
    notes: list[str] = []
    layout = _fastest(measured, "layout")
    options: tuple[str, ...] = ()
    if layout is not None:
        options = ("--workers-per-gpu" if gpu else "--workers", str(layout.workers))
        notes.append(SAFE)
    settings: dict[str, Any] = {}
    for kind in ORDER:
        best = _fastest(measured, kind)
        if best is None:
            continue
        if kind == "compilation" and best.pays_after_steps is not None:
            first = "" if best.first_step_s is None else f"the first step takes {format_duration(best.first_step_s)}; "
            notes.append(f"{best.name}: {first}pays after {best.pays_after_steps:,} steps of the {steps:,} of a trial")
            if best.pays_after_steps >= steps:
                continue
        settings |= best.changes
        if kind == "batch" and best.ratio is not None:
            notes.append(
                "another batch size needs another learning rate and budget: with the same budget.steps a trial shows "
                "another number of images"
            )
    if settings:
        notes.append(RISKY)
    if len(settings) > 1:
        notes.append("each was measured by itself, not together with the others")
    return Recommended(options, settings, tuple(notes))


def _fastest(measured: Sequence[Measured], kind: Kind) -> Measured | None:
    """The fastest of a kind that is faster than the configuration as it is."""
    faster = [(one.ratio.median, one) for one in measured if one.kind == kind and one.verdict == "faster" and one.ratio]
    return max(faster, key=lambda pair: pair[0])[1] if faster else None


def _toml(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else format_value(value)
