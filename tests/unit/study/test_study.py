"""A study's sampler and leaderboard, on Optuna's in-memory storage."""

import optuna
from optuna.trial import TrialState

from search.log import one_line
from search.space.default import default_space
from search.space.space import draw, without_axes
from search.study.leaderboard import leaderboard
from search.study.sampler import SeededSampler
from search.worker.trial import is_out_of_memory
from storage.studies.attributes import TrialAttributes
from trainer.config import TrainConfig

BASE = TrainConfig()
SPACE = default_space(BASE)


def search(study: optuna.Study, trials: int) -> list[dict[str, object]]:
    for _ in range(trials):
        trial = study.ask()
        values = draw(trial, SPACE, BASE)
        study.tell(trial, float(values["optimizer.learning_rate"]))
    return [trial.params for trial in study.get_trials()]


def new_study(seed: int = 0, fingerprint: str = "mars") -> optuna.Study:
    return optuna.create_study(sampler=SeededSampler(seed, fingerprint), direction="maximize")


def test_a_restarted_sampler_samples_the_same() -> None:
    whole, halves = new_study(), new_study()
    search(halves, 12)
    halves.sampler = SeededSampler(0, "mars")
    assert search(whole, 24) == search(halves, 12)


def test_another_seed_samples_otherwise() -> None:
    assert search(new_study(0), 2) != search(new_study(1), 2)


def test_other_data_sample_otherwise() -> None:
    assert search(new_study(fingerprint="mars"), 2) != search(new_study(fingerprint="moon"), 2)


def test_the_sampler_learns_all_axes_together_beside_a_start_outside_the_space() -> None:
    study = new_study()
    outside = TrialAttributes(outside=("model.width",)).as_json()
    study.enqueue_trial({"optimizer.learning_rate": 1e-3}, user_attrs=outside)
    for _ in range(13):
        trial = study.ask()
        space = without_axes(SPACE, TrialAttributes.read(trial.user_attrs).outside)
        study.tell(trial, float(draw(trial, space, BASE)["optimizer.learning_rate"]))
    assert "model.width" not in study.trials[0].params
    trial = study.ask()
    assert {"model.width", "model.depth", "optimizer.learning_rate"} <= trial.relative_params.keys()


def test_random_sampling_takes_the_fixed_values() -> None:
    study = new_study()
    search(study, 12)
    assert isinstance(study.sampler, SeededSampler)
    study.sampler.sample_at_random({"model.depth": 3, "loss.name": "dice_ce"})
    values = draw(study.ask(), SPACE, BASE)
    assert (values["model.depth"], values["loss.name"]) == (3, "dice_ce")


def test_the_leaderboard_has_the_complete_trials_best_first() -> None:
    study = optuna.create_study(direction="maximize")
    for value in (0.2, 0.5, 0.3, 0.5):
        study.tell(study.ask(), value)
    study.tell(study.ask(), state=TrialState.PRUNED)
    assert [trial.number for trial in leaderboard(study, 3)] == [1, 3, 2]


def test_a_memory_error_is_found_in_the_context_of_another_error() -> None:
    try:
        try:
            raise MemoryError
        except MemoryError:
            raise RuntimeError("while training") from None
    except RuntimeError as error:
        assert is_out_of_memory(error)
    assert not is_out_of_memory(ValueError("no"))


def test_an_error_is_one_line() -> None:
    assert one_line(ValueError("two\n  lines")) == "ValueError: two lines"
