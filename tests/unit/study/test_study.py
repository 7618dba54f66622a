"""A study's sampler and leaderboard, on Optuna's in-memory storage."""

import optuna
from optuna.trial import TrialState

from search.log import one_line
from search.space.parse import default_space
from search.space.space import draw
from search.study.leaderboard import leaderboard
from search.study.sampler import SeededSampler
from search.worker.trial import is_out_of_memory
from trainer.config import TrainConfig

BASE = TrainConfig()
SPACE = default_space(BASE)


def search(study: optuna.Study, trials: int) -> list[dict[str, object]]:
    for _ in range(trials):
        trial = study.ask()
        values = draw(trial, SPACE, BASE)
        study.tell(trial, float(values["optimizer.learning_rate"]))
    return [trial.params for trial in study.get_trials()]


def new_study(seed: int = 0) -> optuna.Study:
    return optuna.create_study(sampler=SeededSampler(seed), direction="maximize")


def test_a_restarted_sampler_samples_the_same() -> None:
    whole, halves = new_study(), new_study()
    search(halves, 12)
    halves.sampler = SeededSampler(0)
    assert search(whole, 24) == search(halves, 12)


def test_another_seed_samples_otherwise() -> None:
    assert search(new_study(0), 2) != search(new_study(1), 2)


def test_random_sampling_takes_the_fixed_values() -> None:
    study = new_study()
    search(study, 12)
    assert isinstance(study.sampler, SeededSampler)
    study.sampler.sample_at_random({"model.depth": 3, "loss.name": "dice"})
    values = draw(study.ask(), SPACE, BASE)
    assert (values["model.depth"], values["loss.name"]) == (3, "dice")


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
