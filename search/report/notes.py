"""Notes in the dashboard, as Markdown: what a trial was and how it ended, and what the study has found so far."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from optuna.trial import FrozenTrial, TrialState

from search.format import score, setting
from search.report.published import CAVEAT, TABLE_1, is_comparable
from search.study.outcome import KILLER, NAN, OUT_OF_MEMORY, TOO_LARGE, Outcome
from storage.studies.attributes import TrialAttributes
from trainer.config import DataConfig
from trainer.data.dataset import class_names

MARKER = "*What stands above this line is rewritten; what you write below it stays.*"
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # Markdown takes each of them as it is behind a backslash
CAUSES = {NAN: "training diverged", OUT_OF_MEMORY: "too little memory", TOO_LARGE: "too large, so it was not trained"}


def trial_note(study: str, trial: FrozenTrial, outcome: Outcome, data: DataConfig) -> str:
    """What the dashboard says of a trial that ends so. What was not measured is left out."""
    attributes = TrialAttributes.read(trial.user_attrs)
    reached = max(trial.intermediate_values.values(), default=None) if outcome.value is None else outcome.value
    hours = "GPU-hours" if (attributes.device or "").startswith("gpu") else "device-hours"
    figures = {
        "mIoU": reached and score(reached),
        "miou_keras": _format("{:.4f}", attributes.miou_keras),
        "best epoch": _format("{}", attributes.best_epoch),
        "parameters": _format("{:,}", attributes.parameters),
        "seconds": _format("{:.0f}", attributes.seconds),
        hours: _format("{:.3f}", attributes.device_s / 3600 if attributes.device_s else None),
        "images/s": _format("{:.0f}", attributes.images_per_second),
        "worker": attributes.worker,
        "device": attributes.device,
    }
    iou = zip(class_names(data), attributes.iou, strict=False)
    parts = [
        f"## Trial {trial.number} {escape(attributes.name or '')}".rstrip(),
        escape(_why(trial, outcome)),
        _table(("figure", "value"), ((key, value) for key, value in figures.items() if value is not None)),
        _table(("class", "IoU"), ((name, score(value)) for name, value in iou if value is not None)),
        _parameters(trial),
        _report_link(study),
    ]
    return "\n\n".join(part for part in parts if part)


def study_note(study: str, study_id: int, leaders: Sequence[FrozenTrial], data: DataConfig) -> str:
    """What the dashboard says of a study; `leaders` are its best trials, one or more, best first."""
    best = leaders[0]
    rows = (
        (
            rank,
            _Raw(_trial_link(study_id, trial)),
            score(trial.value),
            score(TrialAttributes.read(trial.user_attrs).miou_keras),
        )
        for rank, trial in enumerate(leaders, 1)
    )
    parts = [
        f"## The best so far: {_trial_link(study_id, best)}",
        f"Validation mIoU **{score(best.value)}**, miou_keras {score(_miou_keras(best))}.",
        _table(("rank", "trial", "mIoU", "miou_keras"), rows),
        _parameters(best),
        *(_beside(best) if is_comparable(data) else ()),
        f"Train it again:\n\n    unet-search export --study {study} -o best.toml\n"
        "    unet-search retrain best.toml -o model",
        _report_link(study),
    ]
    return "\n\n".join(part for part in parts if part)


def join_note(ours: str, existing: str) -> str:
    """Our note above the marker, and below it what a person wrote: a note without a marker is all theirs."""
    _, marker, theirs = existing.partition(MARKER)
    if not marker:
        theirs = f"\n\n{existing}"
    return f"{ours}\n\n---\n\n{MARKER}{theirs}"


def escape(value: object) -> str:
    """A value as one line of Markdown that shows just what it is: the dashboard would obey HTML too."""
    return PUNCTUATION.sub(r"\\\1", " ".join(str(value).split()))


class _Raw(str):
    """A cell that is Markdown already."""


def _why(trial: FrozenTrial, outcome: Outcome) -> str:
    count = len(trial.intermediate_values)
    epochs = f"{count} epoch{'' if count == 1 else 's'}"
    if outcome.state == TrialState.COMPLETE:
        early = TrialAttributes.read(trial.user_attrs).stopped == "patience"
        return f"Complete after {epochs}" + (", the last ones of which brought nothing." if early else ".")
    if outcome.state == TrialState.FAIL:
        cause = "its worker died of it, again and again" if outcome.cause == KILLER else outcome.cause
        return f"Failed after {epochs}: {cause}"
    if outcome.cause is None:
        return f"Pruned after {epochs}: it was behind the other trials."
    return f"Pruned after {epochs}: {CAUSES.get(outcome.cause, outcome.cause)}. {outcome.message or ''}"


def _parameters(trial: FrozenTrial) -> str:
    return _table(("parameter", "value"), ((path, setting(value)) for path, value in trial.params.items()))


def _beside(best: FrozenTrial) -> tuple[str, ...]:
    rows: list[tuple[Any, ...]] = [(system.name, score(system.validation), score(system.test)) for system in TABLE_1]
    ours = (f"here: trial {best.number}", score(_miou_keras(best)), "not measured")
    return "### Beside the report", _table(("system", "validation, miou_keras", "test"), [*rows, ours]), CAVEAT


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table, or nothing without rows."""
    lines = [[cell if isinstance(cell, _Raw) else escape(cell) for cell in row] for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *lines))


def _trial_link(study_id: int, trial: FrozenTrial) -> str:
    name = escape(TrialAttributes.read(trial.user_attrs).name or "")
    return f"[trial {trial.number}{name and f' {name}'}](/dashboard/studies/{study_id}/trials?numbers={trial.number})"


def _report_link(study: str) -> str:
    return f"[The study's report](/report/{quote(study, safe='')})"


def _miou_keras(trial: FrozenTrial) -> float | None:
    return TrialAttributes.read(trial.user_attrs).miou_keras


def _format(form: str, value: Any) -> str | None:
    return None if value is None else form.format(value)
