"""Notes in the dashboard, as Markdown: a trial's results and why it ended; a study's best trials so far."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from optuna.trial import FrozenTrial, TrialState

from search.format import format_score, format_value
from search.report.published import PAPER_CAVEAT, PAPER_TABLE, is_paper_task
from search.study.limits import VERDICTS
from search.study.outcome import KILLER, NAN, OUT_OF_MEMORY, Outcome
from search.study.parameters import list_parameters
from search.study.scoring import Scoring, scoring_of
from search.study.ties import chance_to_beat, describe_chance, format_interval
from storage.studies.attributes import TrialAttributes
from storage.studies.resampled import KEY, parse_resampled
from trainer.config import TrainConfig
from trainer.data.dataset import class_names
from trainer.metric import never_found

MARKER = "*What stands above this line is rewritten; what you write below it stays.*"
PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")  # a backslash before one of them makes it plain text in Markdown
FOREGROUND_IOU, FOREGROUND_DICE = "foreground IoU", "foreground Dice"
CAUSES = {NAN: "training diverged", OUT_OF_MEMORY: "too little memory"} | VERDICTS


def trial_note(study: str, trial: FrozenTrial, outcome: Outcome, base: TrainConfig) -> str:
    """The note of a trial with this outcome, in a study with this base. What was not measured is left out."""
    attributes, scoring = TrialAttributes.read(trial.user_attrs), scoring_of(base)
    reached = max(trial.intermediate_values.values(), default=None) if outcome.value is None else outcome.value
    hours = "GPU-hours" if (attributes.device or "").startswith("gpu") else "device-hours"
    figures = {
        scoring.label: _format("{:.4f}", reached),
        **({} if scoring.metric == "miou" else {"mIoU": _format("{:.4f}", attributes.miou)}),
        **_foreground(scoring, attributes),
        **({"miou_keras": _format("{:.4f}", attributes.miou_keras)} if scoring.has_keras else {}),
        "best epoch": _format("{}", attributes.best_epoch),
        "parameters": _format("{:,}", attributes.parameters),
        "ms an image": _format("{:.4g}", attributes.ms_per_image),
        "ms an image of a batch": _format("{:.4g}", attributes.ms_per_image_batched),
        "MiB an image": _format("{:.4g}", attributes.memory_mib),
        "seconds": _format("{:.0f}", attributes.seconds),
        hours: _format("{:.3f}", attributes.device_s / 3600 if attributes.device_s else None),
        "images/s": _format("{:.0f}", attributes.images_per_second),
        "worker": attributes.worker,
        "device": attributes.device,
    }
    iou = zip(class_names(base.data), attributes.iou, strict=False)
    parts = [
        f"## Trial {trial.number} {escape(attributes.name or '')}".rstrip(),
        escape(_why(trial, outcome)),
        _table(("figure", "value"), ((key, value) for key, value in figures.items() if value is not None)),
        _table(("class", "IoU"), ((name, format_score(value)) for name, value in iou if value is not None)),
        _warn(trial, base),
        _parameters(trial),
        _report_link(study),
    ]
    return "\n\n".join(part for part in parts if part)


def study_note(study: str, study_id: int, leaders: Sequence[FrozenTrial], base: TrainConfig) -> str:
    """The note of a study with this base; `leaders` are its best trials, at least one, best first."""
    best, scoring = leaders[0], scoring_of(base)
    figures = [_figures(scoring, trial) | _certainty(trial, best) for trial in leaders]
    links = [_Raw(_trial_link(study_id, trial)) for trial in leaders]
    beside = "".join(f", {escape(key)} {value}" for key, value in list(_figures(scoring, best).items())[1:])
    parts = [
        f"## The best so far: {_trial_link(study_id, best)}",
        f"Validation {escape(scoring.label)} **{format_score(best.value)}**{beside}.",
        _warn(best, base),
        _table(
            ("rank", "trial", *map(escape, figures[0])),
            ((rank, link, *found.values()) for rank, (link, found) in enumerate(zip(links, figures, strict=True), 1)),
        ),
        _parameters(best),
        *(_beside_paper(best) if is_paper_task(base.data) else ()),
        f"Train it again:\n\n    unet-search export --study {study} -o best.toml\n"
        "    unet-search retrain best.toml -o model",
        _report_link(study),
    ]
    return "\n\n".join(part for part in parts if part)


def join_note(ours: str, existing: str) -> str:
    """Our note, the marker, and below it what a person wrote, which is all of a note without a marker."""
    _, marker, theirs = existing.partition(MARKER)
    if not marker:
        theirs = f"\n\n{existing}"
    return f"{ours}\n\n---\n\n{MARKER}{theirs}"


def escape(value: object) -> str:
    """A value as one line of Markdown that shows it as it is; the dashboard would interpret HTML, too."""
    return PUNCTUATION.sub(r"\\\1", " ".join(str(value).split()))


class _Raw(str):
    """A table's cell that is Markdown already."""


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


def _figures(scoring: Scoring, trial: FrozenTrial) -> dict[str, str]:
    """A complete trial's scores by name, its value first; the same names for every trial of a study."""
    attributes = TrialAttributes.read(trial.user_attrs)
    foreground = _foreground(scoring, attributes) or {FOREGROUND_IOU: "-", FOREGROUND_DICE: "-"}
    return {
        scoring.label: format_score(trial.value),
        **(foreground if scoring.has_foreground else {}),
        **({"miou_keras": format_score(attributes.miou_keras)} if scoring.has_keras else {}),
    }


def _certainty(trial: FrozenTrial, best: FrozenTrial) -> dict[str, str]:
    """The interval of a value, and whether it is a tie with the best; nothing where the best one has no interval."""
    if TrialAttributes.read(best.user_attrs).interval is None:
        return {}
    values, others = (parse_resampled(one.system_attrs.get(KEY)) for one in (trial, best))
    standing = "" if trial.number == best.number else describe_chance(chance_to_beat(values, others))
    interval = format_interval(TrialAttributes.read(trial.user_attrs).interval)
    return {"95 % interval": interval, "beside the best": standing}


def _foreground(scoring: Scoring, attributes: TrialAttributes) -> dict[str, str]:
    """The foreground's scores by name; nothing where there is none, or where they were not measured."""
    found = scoring.foreground(attributes.iou)
    return {} if found is None else dict(zip((FOREGROUND_IOU, FOREGROUND_DICE), map(format_score, found), strict=True))


def _warn(trial: FrozenTrial, base: TrainConfig) -> str:
    """The classes that a trial never finds, or nothing."""
    found = never_found(TrialAttributes.read(trial.user_attrs).iou, class_names(base.data))
    return f"**Trial {trial.number} never finds {escape(', '.join(found))}.**" if found else ""


def _parameters(trial: FrozenTrial) -> str:
    return _table(
        ("parameter", "value"), ((path, format_value(value)) for path, value in list_parameters(trial).items())
    )


def _beside_paper(best: FrozenTrial) -> tuple[str, ...]:
    systems = [(system.name, format_score(system.validation), format_score(system.test)) for system in PAPER_TABLE]
    best_row = (f"here: trial {best.number}", format_score(_miou_keras(best)), "not measured")
    table = _table(("system", "validation, miou_keras", "test"), [*systems, best_row])
    return "### Beside the course report", table, PAPER_CAVEAT


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
