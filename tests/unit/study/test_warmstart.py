"""Warm starts: their configurations, their values on the axes, and which are refused."""

import re
import tomllib
from pathlib import Path

import pytest

from search.space.parse import parse_space
from search.space.space import Space
from search.study.enqueue import budget_warning
from search.study.plan import load_plan
from search.study.question import question
from search.study.warmstart import WarmStart, default_start, load_warm_starts, trial_base
from storage.studies.attributes import TrialAttributes
from storage.studies.status import Counts
from trainer.config import TrainConfig
from trainer.configfile import load_config, override
from trainer.errors import InputError

STUDY = override(TrainConfig(), {"data.path": "here.npz", "data.classes": 3, "data.clean": False, "budget.epochs": 7})
MINE = """
model = { width = 16, se_ratio = 4 }
loss = { name = "dice", gamma = 3.0 }
data = { path = "there.npz", classes = 9, oversample = 3, oversample_class = 2 }
budget = { epochs = 99, patience = 5, images = 40 }
seed = 8
"""
SPACE = """
"model.width" = { choice = [8, 16] }
"loss.name" = { choice = ["dice", "focal"] }
"loss.gamma" = { int = [1, 4], when = { "loss.name" = ["focal"] } }
"""


def space(text: str = SPACE) -> Space:
    return parse_space(tomllib.loads(text), STUDY)


def write(folder: Path, text: str = MINE, name: str = "mine.toml") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


@pytest.fixture
def mine(tmp_path: Path) -> WarmStart:
    return load_warm_starts([write(tmp_path)], STUDY, space())[0]


def test_report_stands_for_its_four_systems() -> None:
    starts = load_warm_starts(["default", "report"], TrainConfig(), Space(()))
    assert [start.name for start in starts] == ["default", "basic_unet", "dual_unet_aug", "unet_d_aug", "final_model"]


def test_a_warm_start_has_the_studys_shared_values_and_its_own_others(mine: WarmStart) -> None:
    changes = {"budget.patience": 5, "budget.images": 40, "data.oversample": 3, "data.oversample_class": 2}
    changes |= {"model.width": 16, "model.se_ratio": 4, "loss.name": "dice", "loss.gamma": 3.0}
    assert mine.config == override(STUDY, changes)


def test_a_warm_start_has_values_on_the_axes_that_apply(mine: WarmStart) -> None:
    assert mine.values == {"model.width": 16, "loss.name": "dice"}


def test_set_values_replace_those_of_a_warm_start(tmp_path: Path) -> None:
    (start,) = load_warm_starts([write(tmp_path)], STUDY, space(), {"model.width": 8, "augment.mode": "none"})
    assert (start.values["model.width"], start.config.model.width, start.config.augment.mode) == (8, 8, "none")


@pytest.mark.parametrize(
    ("name", "trial"), [("best.toml", "best"), ("run 3.v2.toml", "run 3.v2"), ("a\n b.toml", "a b")]
)
def test_a_trial_has_the_name_of_the_file_without_its_suffix(tmp_path: Path, name: str, trial: str) -> None:
    assert load_warm_starts([write(tmp_path, name=name)], STUDY, space())[0].name == trial


@pytest.mark.parametrize(
    ("text", "values", "outside"),
    [
        ("model = { width = 32 }\nloss = { name = 'dice' }", {"loss.name": "dice"}, {"model.width": 32}),
        ("loss = { name = 'focal', gamma = 1.5 }", {"model.width": 16, "loss.name": "focal"}, {"loss.gamma": 1.5}),
        ("loss = { name = 'lovasz', gamma = 1.5 }", {"model.width": 16}, {"loss.name": "lovasz"}),
    ],
)
def test_values_outside_their_axes_are_the_starts_own(
    tmp_path: Path, text: str, values: dict[str, object], outside: dict[str, object]
) -> None:
    (start,) = load_warm_starts([write(tmp_path, text)], STUDY, space())
    assert (start.values, start.outside) == (values, outside)


def test_the_default_start_is_the_base() -> None:
    start = default_start(STUDY, space())
    assert (start.name, start.config, start.values) == ("default", STUDY, {"model.width": 16})
    assert start.outside == {"loss.name": "cross_entropy"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data = { oversample_class = 4 }", "mine.toml: data.oversample_class must be below 3; got 4"),
        ("[model]\ndept = 3", "mine.toml: unknown key 'model.dept'; did you mean 'model.depth'?"),
    ],
)
def test_a_faulty_warm_start_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_warm_starts([write(tmp_path, text)], STUDY, space())
    assert str(caught.value).startswith("warm start ") and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_neither_file_nor_preset_is_refused() -> None:
    with pytest.raises(InputError, match="warm start finalmodel: a configuration must be a TOML file or a preset; got"):
        load_warm_starts(["finalmodel"], STUDY, space())


def test_the_base_of_a_trial_is_its_warm_starts_with_this_hosts_data(mine: WarmStart) -> None:
    trial = TrialAttributes(base=mine.config.model_dump(mode="json"))
    here = override(STUDY, {"data.path": "elsewhere.npz"})
    assert trial_base(trial, here) == override(mine.config, {"data.path": "elsewhere.npz"})
    assert trial_base(TrialAttributes(), here) is here


def test_paths_of_warm_starts_are_relative_to_the_search_file(tmp_path: Path) -> None:
    write(tmp_path, "model = { width = 8 }", "near.toml")
    (tmp_path / "search.toml").write_text('[study]\nwarm_start = ["default", "near.toml"]\n')
    plan = load_plan(tmp_path / "search.toml", warm_start=["basic_unet"])
    assert [start.name for start in plan.warm_starts] == ["default", "near", "basic_unet"]
    assert plan.warm_starts[0].config == load_config("default")


def test_the_question_does_not_include_warm_starts(tmp_path: Path) -> None:
    asked = question(load_plan(None), "abc", "tensorflow")
    assert question(load_plan(None, warm_start=["default"]), "abc", "tensorflow") == asked
    (tmp_path / "search.toml").write_text('study = { warm_start = ["default"] }')
    assert question(load_plan(tmp_path / "search.toml"), "abc", "tensorflow") == asked


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(complete=2, pruned=1, running=1, waiting=2), None),
        (Counts(complete=9), None),
        (Counts(complete=4, pruned=1, waiting=3), "2 of 3 waiting trials have no place among the 6 .* --trials 8` "),
        (Counts(complete=6, waiting=1), "1 of 1 waiting trials have no place among the 6 .* --trials 7` makes room"),
    ],
)
def test_a_budget_too_small_for_the_waiting_trials_is_reported(counts: Counts, words: str | None) -> None:
    line = budget_warning(counts, 6)
    assert line is None if words is None else re.search(words, line or "")
