"""search.toml is read and checked, and a plan can be derived from its question."""

from pathlib import Path

import pytest

from search.commands.options import parse_sets
from search.study.limits import list_limits
from search.study.plan import load_plan
from search.study.question import plan_from_question, question
from trainer.errors import InputError

WHOLE = """
study  = { name = "mars", trials = 150, seed = 7, pruner = "halving" }

[train]
base   = "default"
data   = { path = "mars.npz", validation = 0.2 }
budget = { epochs = 60 }

[space]
"model.depth"             = { int = [2, 5] }
"model.norm"              = { choice = ["batch", "layer", "group", "none"] }
"optimizer.learning_rate" = { float = [1e-5, 1e-2], log = true }
"loss.name"               = { choice = ["dice", "focal"] }
"loss.gamma"              = { float = [1.0, 4.0], when = { "loss.name" = ["focal"] } }

[constraints]
parameters = 10_000_000
memory_mib = 64
ms_per_image = 12.5
ms_per_image_batched = 5
"""


def write(folder: Path, text: str = WHOLE) -> Path:
    path = folder / "search.toml"
    path.write_text(text)
    return path


def test_all_tables_of_a_file_are_read(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path))
    assert (plan.study.name, plan.study.trials, plan.study.seed) == ("mars", 150, 7)
    assert plan.base.budget.epochs == 60 and plan.base.data.path == str(tmp_path / "mars.npz")
    assert len(plan.space.axes) == 5 and plan.constraints.parameters == 10_000_000
    limits = [(limit.key, most) for limit, most in list_limits(plan.constraints)][1:]
    assert limits == [("memory_mib", 64), ("ms_per_image", 12.5), ("ms_per_image_batched", 5)]


def test_a_plan_derived_from_its_question_is_the_same(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path))
    assert plan_from_question(question(plan, "abc", "jax"), "mars", 150, plan.base.data.path) == plan


@pytest.mark.parametrize(
    ("text", "sets"),
    [("[study]\nmetric = 'dice'", {}), ("[train]\nmetric = 'dice'", {}), ("", {"metric": "dice"})],
)
def test_the_metric_is_named_in_any_of_three_places(tmp_path: Path, text: str, sets: dict[str, str]) -> None:
    plan = load_plan(write(tmp_path, text), sets)
    assert (plan.study.metric, plan.base.metric) == ("dice", "dice")
    asked = question(plan, "abc", "jax")
    assert asked["train.metric"] == "dice" and "study.metric" not in asked
    assert plan_from_question(asked, plan.study.name, plan.study.trials, None) == plan


def test_the_same_metric_may_be_named_twice(tmp_path: Path) -> None:
    path = write(tmp_path, "[study]\nmetric = 'iou:rock'\n[train]\nmetric = 'dice'")
    assert load_plan(path, {"metric": "iou:rock"}).base.metric == "iou:rock"


def test_the_studys_metric_replaces_that_of_a_base_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("metric = 'dice'\n")
    assert load_plan(write(tmp_path, "[train]\nbase = 'mine.toml'")).base.metric == "dice"
    plan = load_plan(write(tmp_path, "[study]\nmetric = 'miou'\n[train]\nbase = 'mine.toml'"))
    assert plan.base.metric == plan.study.metric == "miou"


def test_a_warm_start_has_the_studys_metric(tmp_path: Path) -> None:
    (start,) = load_plan(write(tmp_path, "[study]\nmetric = 'dice'"), warm_start=["default"]).warm_starts
    assert start.config.metric == "dice"


def test_the_question_has_neither_the_budget_nor_the_path_of_the_data(tmp_path: Path) -> None:
    asked = question(load_plan(write(tmp_path)), "abc", "tensorflow")
    elsewhere = load_plan(write(tmp_path), data=tmp_path / "other.npz", study={"trials": 3})
    assert question(elsewhere, "abc", "tensorflow") == asked
    assert asked["data.fingerprint"] == "abc" and asked["train.budget.epochs"] == 60


def test_the_order_of_the_file_does_not_change_the_space(tmp_path: Path) -> None:
    lines = WHOLE.splitlines()
    turned = "\n".join([*lines[:9], *reversed(lines[9:14]), *lines[14:]])
    assert load_plan(write(tmp_path, turned)).space == load_plan(write(tmp_path)).space


def test_a_base_may_be_a_file_beside_the_search(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[model]\nwidth = 4\n")
    plan = load_plan(write(tmp_path, '[train]\nbase = "mine.toml"\nmodel = { depth = 2 }\n'))
    assert (plan.base.model.width, plan.base.model.depth) == (4, 2)


def test_the_default_space_has_no_axis_that_train_fixes(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, "[train]\nmodel = { depth = 2 }\n"))
    assert plan.space.axis("model.depth") is None and plan.space.axis("model.width") is not None


def test_a_cpu_has_a_smaller_default_space_and_budget() -> None:
    plan, wide = load_plan(None, device="cpu"), load_plan(None)
    assert plan.base.budget.steps == 1000 and wide.base.budget.steps == 3000
    assert plan.space.axis("model.stem") is None and wide.space.axis("model.stem") is not None
    assert str(plan.device_note).startswith("the default space for a CPU: ") and "for a GPU: " in str(wide.device_note)


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("[train]\nbudget = { steps = 2000 }", {}),
        ("", {"budget.steps": 2000}),
        ("[train]\nbase = 'mine.toml'", {}),
        ("[train]\nbudget = { steps = 2000 }\n[space]\n'model.depth' = { int = [2, 3] }", {}),
    ],
)
def test_a_budget_that_somebody_names_is_kept_on_a_cpu(tmp_path: Path, text: str, sets: dict[str, int]) -> None:
    (tmp_path / "mine.toml").write_text("budget = { steps = 2000 }")
    assert load_plan(write(tmp_path, text), sets, device="cpu").base.budget.steps == 2000


def test_a_space_of_the_users_own_is_for_any_device(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path), device="cpu")
    assert plan == load_plan(write(tmp_path)) and plan.device_note is None


def test_a_base_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("loss = { class_weights = 'inverse' }")
    plan = load_plan(write(tmp_path, "[train]\nbase = 'mine.toml'\nloss = { name = 'dice' }"))
    assert (plan.base.loss.weight_exponent, plan.base.loss.name) == (1.0, "dice")
    plan = load_plan(write(tmp_path, "[train]\nbase = 'mine.toml'\nloss = { weight_exponent = 0.25 }"))
    assert plan.base.loss.weight_exponent == 0.25


def test_a_field_of_an_earlier_version_in_train_leaves_the_space(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, "[train]\nloss = { class_weights = 'inverse' }"))
    assert plan.space.axis("loss.weight_exponent") is None and plan.base.loss.weight_exponent == 1.0


def test_the_space_has_no_axis_that_set_fixes(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path), {"loss.name": "dice", "budget.epochs": 4})
    assert plan.base.loss.name == "dice" and plan.base.budget.epochs == 4
    assert plan.space.axis("loss.name") is None and plan.space.axis("loss.gamma") is None


def test_set_values_are_toml_or_text() -> None:
    pairs = ["a=1", "b=1e-3", "c=true", 'd="x"', "e=group", "f=[64, 128]", "g=a=b"]
    assert list(parse_sets(pairs).values()) == [1, 1e-3, True, "x", "group", [64, 128], "a=b"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[study]\ntrails = 3", "unknown key 'study.trails'; did you mean 'study.trials'?"),
        ("[studdy]\ntrials = 3", "unknown key 'studdy'; did you mean 'study'?"),
        ("[study]\ntrials = 0", "study.trials: must be greater than or equal to 1; got 0"),
        ("[study]\nname = '../x'", "study.name: "),
        ("[constraints]\nparameter = 3", "unknown key 'constraints.parameter'; did you mean 'constraints.parameters'?"),
        ("[constraints]\nms_per_image = 0", "constraints.ms_per_image: must be greater than 0; got 0"),
        ("[constraints]\nmemory_mib = inf", "constraints.memory_mib: must be a finite number; got inf"),
        ("[train]\nmodel = { dept = 3 }", "[train] unknown key 'model.dept'; did you mean 'model.depth'?"),
        ("[train]\nbase = 'nothing'", "[train] a configuration must be a TOML file or a preset; got nothing"),
        ("[train]\nbase = 3", "[train] base must be a preset's name or a file; got 3"),
        ("[train]\nmodel = 3", "[train] model: "),
        (
            "[study]\nmetric = 'dice'\n[train]\nmetric = 'miou'",
            "a study must have one metric; got 'dice' in [study] and 'miou' in [train]; name it once",
        ),
        ("[study]\nmetric = 'f1'", "metric must be miou, dice, or iou:NAME"),
        ("[space]\nmetric = { choice = ['miou', 'dice'] }", "[space] metric must be the same for every trial"),
        ("study = 3", "study: "),
        ("[train", "a configuration must be valid TOML; got "),
        (
            "[train]\nmodel = { depth = 3 }\n[space]\n'model.depth' = { int = [2, 3] }",
            "a path must be fixed in [train] or searched in [space], not both; got 'model.depth'",
        ),
    ],
)
def test_a_faulty_file_gets_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        load_plan(write(tmp_path, text))
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pair", ["model.depth", "=3", ""])
def test_a_set_without_a_path_or_value_is_refused(pair: str) -> None:
    with pytest.raises(InputError, match="--set must be PATH=VALUE"):
        parse_sets([pair])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a search must be a TOML file"):
        load_plan(tmp_path / "none.toml")


def test_an_unknown_path_of_set_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"did you mean 'model\.depth'"):
        load_plan(None, {"model.dept": 3})
