"""`unet-search confirm`: the best trials again, as trials of a study of their own, by real workers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from optuna.trial import TrialState

from search.confirm.candidates import pick_candidates
from search.confirm.confirmation import Confirmation
from search.confirm.rounds import advance, begin, is_over
from search.confirm.sibling import open_sibling
from search.confirming import fetch_networks
from search.study.confirmed import Confirmed, read_confirmed, write_confirmed
from search.study.export import export_trial
from search.study.leaderboard import leaderboard
from search.study.study import OpenStudy, open_study
from search.study.upgrade import upgrade_digests
from storage.artifacts.store import open_artifacts
from storage.studies.attributes import TrialAttributes
from tests.e2e.command import FAKE_WORKER, Completed, run_command
from tests.e2e.conftest import Search, make_search
from trainer.configfile import override, parse_config, read_toml
from trainer.result.folder import read_config

LINE = f"confirm --top 2 --seeds 2 --folds 2 {FAKE_WORKER} --dir run --json"


@dataclass(frozen=True)
class Done:
    """A study of six trials whose best two were confirmed, by seeds and folds."""

    search: Search
    opened: OpenStudy
    done: Completed

    def run(self, line: str) -> Completed:
        return run_command(line, self.search.folder, DATABASE_URL=self.search.db.url)


@pytest.fixture(scope="module")
def confirmed(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("confirm")
    with make_search(server_url, template, folder) as search:
        search.create_study(6, study="pruner = 'none'")
        assert search.run(2) == 0
        run = partial(run_command, folder=folder, DATABASE_URL=search.db.url)
        yield Done(search, open_study(search.db, "fake"), run(LINE))


def test_the_best_are_trained_again_with_other_seeds_on_each_fold(confirmed: Done) -> None:
    sibling = open_study(confirmed.search.db, "fake.confirm")
    best = {trial.number: trial for trial in leaderboard(confirmed.opened.study, 2)}
    trials = sibling.study.get_trials()
    found = [TrialAttributes.read(trial.user_attrs) for trial in trials]
    alive = json.loads(confirmed.done.output())["standings"]
    assert {attributes.candidate for attributes in found} == best.keys()
    assert len(trials) == sum(2 * len(row["values"]) for row in alive)
    for attributes in found:
        assert attributes.config is not None and attributes.candidate is not None and attributes.base is not None
        before = parse_config(best[attributes.candidate].user_attrs["config"])
        now = parse_config(attributes.config)
        assert now.data.fold in ((0, 2), (1, 2)) and now.seed != before.seed
        assert override(now, {"data.fold": None, "seed": before.seed}) == before
    assert len({parse_config(a.config or {}).seed for a in found}) == len(found)


def test_the_standings_and_what_is_exported(confirmed: Done) -> None:
    printed = json.loads(confirmed.done.output())
    standings = printed["standings"]
    assert standings == sorted(standings, key=lambda row: (row["out"], -row["value"], row["candidate"]))
    assert printed["confirmed"]["trial"] == standings[0]["candidate"]
    assert printed["confirmed"]["seeds"] == 2 and printed["confirmed"]["folds"] == 2
    provenance = read_toml(confirmed.search.folder / "run" / "best.toml")["provenance"]
    assert provenance["trial"] == standings[0]["candidate"]
    assert provenance["confirmed"]["value"] == standings[0]["value"]
    confirmed.run("export -o exported.toml").output()  # the sibling is not meant where no study is named
    assert read_toml(confirmed.search.folder / "exported.toml")["provenance"]["trial"] == standings[0]["candidate"]


def test_a_confirmed_trial_is_exported_though_another_had_a_higher_value(search: Search) -> None:
    search.create_study(3, study="pruner = 'none'")
    assert search.run(1) == 0
    opened = open_study(search.db, "fake")
    best, *_, worst = (trial.number for trial in leaderboard(opened.study))
    files = [search.folder / f"{number}.toml" for number in range(2)]
    export_trial(opened, files[0])
    write_confirmed(opened.study, Confirmed(worst, 0.1, None, seeds=2, folds=1))
    export_trial(opened, files[1])
    assert [read_toml(file)["provenance"]["trial"] for file in files] == [best, worst]
    assert "confirmed" not in read_toml(files[0])["provenance"]
    ends = run_command(
        f"run search.toml --data data.npz --trials 3 {FAKE_WORKER} --dir run", search.folder, DATABASE_URL=search.db.url
    )
    assert f"trial {worst} is the confirmed one" in ends.output()
    assert read_toml(search.folder / "run" / "best.toml")["provenance"]["trial"] == worst


def test_the_same_command_trains_nothing_again(confirmed: Done) -> None:
    sibling = open_study(confirmed.search.db, "fake.confirm")
    before = len(sibling.study.get_trials())
    assert json.loads(confirmed.run(LINE).output()) == json.loads(confirmed.done.output())
    assert len(sibling.study.get_trials()) == before


def test_repetitions_keep_their_digests_at_an_upgrade(confirmed: Done) -> None:
    assert upgrade_digests(confirmed.search.db) == 0


def test_workers_alone_begin_the_rounds_and_keep_what_they_find(search: Search) -> None:
    search.create_study(4, study="pruner = 'none'\nnear_base = 0")  # draws of which some stay tied
    assert search.run(2) == 0
    opened = open_study(search.db, "fake")
    sibling, store = open_sibling(search.db, opened), open_artifacts(search.settings)
    candidates = pick_candidates(search.db, opened, 3)
    begin(search.db, opened, sibling, Confirmation("fake", candidates, seeds=4, folds=1), store)
    waiting = sibling.study.get_trials(states=(TrialState.WAITING,))
    assert len(waiting) == 2 * len(candidates)  # nobody is given up before
    assert search.run(3, "make_noisy_trainer", study="fake.confirm") == 0
    found = [TrialAttributes.read(trial.user_attrs) for trial in open_study(search.db, "fake.confirm").study.trials]
    trained = [(one.candidate, one.repeat) for one in found]
    assert len(trained) == len(set(trained)) > len(waiting) and {repeat for _, repeat in trained} == set(range(4))
    confirmed = read_confirmed(open_study(search.db, "fake").study)
    assert confirmed is not None and confirmed.seeds == 4 and confirmed.trial in candidates


def test_a_training_that_failed_is_made_again_by_the_command_alone(search: Search) -> None:
    search.create_study(2, study="pruner = 'none'")
    assert search.run(1) == 0
    opened = open_study(search.db, "fake")
    sibling, store = open_sibling(search.db, opened), open_artifacts(search.settings)
    confirmation = Confirmation("fake", pick_candidates(search.db, opened, 1)[:1], seeds=1, folds=1)
    begin(search.db, opened, sibling, confirmation, store)
    failed = sibling.study.ask()
    sibling.study.tell(failed, state=TrialState.FAIL)
    assert is_over(search.db, sibling)
    advance(search.db, sibling, store)
    assert is_over(search.db, sibling)
    begin(search.db, opened, sibling, confirmation, store)
    assert not is_over(search.db, sibling)


def test_a_search_that_confirms_ends_with_the_confirmed_trial(search: Search) -> None:
    search.create_study(3, study="pruner = 'none'")
    line = f"run search.toml --data data.npz --trials 3 --confirm {FAKE_WORKER} --dir run"
    shown = run_command(line, search.folder, DATABASE_URL=search.db.url).output()
    trial = read_toml(search.folder / "run" / "best.toml")["provenance"]
    assert f"confirmed: trial {trial['trial']} has mIoU {trial['confirmed']['value']:.4f}" in shown
    status = run_command("status --json --study fake", search.folder, DATABASE_URL=search.db.url).output()
    assert json.loads(status)["confirmed"]["trial"] == trial["trial"]
    page = (search.folder / "run" / "report.html").read_text()
    assert f"Trained again with other seeds, trial {trial['trial']} has mIoU" in page
    plain = run_command("status --study fake", search.folder, DATABASE_URL=search.db.url).output()
    assert f"confirmed: trial {trial['trial']} has mIoU {trial['confirmed']['value']:.4f}" in plain


def test_the_networks_of_the_confirmed_trial_are_kept(confirmed: Done) -> None:
    search, found = confirmed.search, read_confirmed(confirmed.opened.study)
    assert found is not None
    folder = search.folder / "ensemble"
    places = fetch_networks(search.db, confirmed.opened, found, open_artifacts(search.settings), folder)
    expected = {f"seed-{seed + 1}-fold-{fold + 1}" for seed in range(found.seeds) for fold in range(2)}
    assert {place.name for place in places} == expected
    config = parse_config(confirmed.opened.study.trials[found.trial].user_attrs["config"])
    assert all(read_config(place) == config and (place / "model.keras").stat().st_size for place in places)


def test_a_study_without_a_complete_trial_is_refused(confirmed: Done) -> None:
    done = confirmed.run("confirm --study nothing --dir run")
    assert done.status == 2 and "a study must exist" in done.err


def test_people_see_a_table(confirmed: Done) -> None:
    shown = confirmed.run(LINE.replace(" --json", "")).output()
    assert "in the search" in shown and "confirmed: trial" in shown
