"""`best.toml` and `report.html` of studies that share a run's folder: each its own, and what is said of them holds."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from search.report.page import is_report
from search.study.export import exported_trial
from search.study.study import OpenStudy, open_study
from search.supervisor.run_folder import find_best, write_best
from storage.database.connection import connect
from tests.e2e.command import FAKE_WORKER, Completed, run_command, run_forked, start_command
from tests.e2e.conftest import Search
from tests.e2e.input_folder import write_input
from tests.postgres_server import fresh_database

PATIENCE_S = 120


@dataclass(frozen=True)
class Shared:
    """A folder in which three studies were searched: mars, venus, and the mars of another database."""

    folder: Path
    urls: tuple[str, str]  # of the databases
    ends: dict[str, Completed]  # of the runs, by the names of their files of the best trial


@pytest.fixture(scope="module")
def shared(server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    write_input(folder)
    with fresh_database(server_url, template) as first, fresh_database(server_url, template) as second:

        def search(name: str, url: str) -> Completed:
            return run_command(f"run search.toml --study {name} {FAKE_WORKER}", folder, DATABASE_URL=url)

        ends = {
            "best.toml": search("mars", first),
            "best-venus.toml": search("venus", first),
            "best-mars.toml": search("mars", second),
        }
        yield Shared(folder, (first, second), ends)


def read_provenance(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(path.read_text())["provenance"]
    return found


def make_folder(search: Search) -> Path:
    """A folder with a search.toml."""
    folder = search.folder / "here"
    folder.mkdir()
    write_input(folder)
    return folder


def complete_trial(opened: OpenStudy) -> None:
    trial = opened.study.ask()
    trial.set_user_attr("config", opened.plan.base.model_dump(mode="json"))
    opened.study.tell(trial, 0.5)


def claimed(done: Completed) -> tuple[int, Path]:
    """The best trial that a run named, and the file that it said holds it."""
    trial = re.search(r"^best: trial (\d+)(?: default)?, ", done.out, re.MULTILINE)
    file = re.search(r"^(\S+) holds it; train it again with: unet-search retrain \1 -o ", done.out, re.MULTILINE)
    assert trial and file, done.out + done.err
    return int(trial[1]), Path(file[1])


def test_each_study_has_its_files_and_names_them(shared: Shared) -> None:
    for name, done in shared.ends.items():
        assert done.status == 0, done.err
        trial, path = claimed(done)
        assert path == Path("unet-search", name)
        study = "venus" if "venus" in name else "mars"
        found = read_provenance(shared.folder / path)
        assert (found["study"], found["trial"]) == (study, trial)
        report = name.replace("best", "report").replace("toml", "html")
        assert f"unet-search/{report} shows the search" in done.out


def test_studies_of_one_name_in_two_databases_know_their_files(shared: Shared) -> None:
    for url, plain in zip(shared.urls, (True, False), strict=True):
        db = connect(url)
        try:
            opened = open_study(db, "mars")
        finally:
            db.close()
        files = [shared.folder / "unet-search" / name for name in ("best.toml", "best-mars.toml")]
        assert [exported_trial(opened, file) is not None for file in files] == [plain, not plain]
        files = [shared.folder / "unet-search" / name for name in ("report.html", "report-mars.html")]
        assert [is_report(opened, file) for file in files] == [plain, not plain]


def test_studies_that_are_searched_at_the_same_time_claim_what_holds(search: Search) -> None:
    """Whichever is the first to write."""
    folder = make_folder(search)
    lines = [f"run search.toml --study {name} {FAKE_WORKER}" for name in ("mars", "venus")]
    runs = [start_command(line, folder, DATABASE_URL=search.db.url) for line in lines]
    for name, run in zip(("mars", "venus"), runs, strict=True):
        out, err = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0, err
        trial, path = claimed(Completed(name, run.returncode, out, err))
        found = read_provenance(folder / path)
        assert (found["study"], found["trial"]) == (name, trial)


def test_a_file_that_cannot_be_written_is_not_claimed(search: Search) -> None:
    """Wherever it was to be; the search ends with status 2, and with a command that helps."""
    folder = make_folder(search)
    environ = {"DATABASE_URL": search.db.url}
    run_forked("init search.toml --dir 'the run'", folder, **environ).output()
    opened, names = open_study(search.db, "fake"), ("best.toml", "best-fake.toml")
    unique = sha256(opened.created.isoformat().encode()).hexdigest()[:8]
    for name in (*names, f"best-fake-{unique}.toml"):
        (folder / "the run" / name).mkdir(parents=True)
    done = run_command(f"run search.toml --dir 'the run' {FAKE_WORKER}", folder, **environ)
    assert done.status == 2 and "2 of 2 trials" in done.out and "holds it" not in done.out
    words = "the run/best.toml could not be written (Is a directory); write it elsewhere with: "
    (line,) = [line for line in done.err.splitlines() if line.startswith(words)]
    command = line.removeprefix(words + "unet-search ").replace("FILE", "here.toml")
    assert "holds it" not in run_forked(command, folder, **environ).output()
    assert read_provenance(folder / "here.toml")["study"] == "fake"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "model = { depth = 3 }\n",
        "provenance = 3\n",
        "provenance = { study = 'fake' }\n",
        "provenance = { study = 'fake', fingerprint = 3, trial = 0 }\n",
        "[[[",
        "\udcff",
        None,
    ],
)
def test_a_file_of_the_users_own_is_left_alone(search: Search, content: str | None) -> None:
    opened, folder = search.create_study(1), search.folder / "run"
    folder.mkdir()
    theirs = folder / "best.toml"
    theirs.mkdir() if content is None else theirs.write_bytes(content.encode("utf-8", "surrogateescape"))
    complete_trial(opened)
    write_best(opened, folder, 0)
    assert find_best(opened, folder, 0) == folder / "best-fake.toml"
    assert content is None or theirs.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_a_file_of_an_earlier_version_is_the_studys_own(search: Search) -> None:
    """It does not say when its study was made."""
    opened, folder = search.create_study(1), search.folder / "run"
    folder.mkdir()
    complete_trial(opened)
    write_best(opened, folder, 0)
    path = folder / "best.toml"
    path.write_text(re.sub("(?m)^study_created = .*\n", "", path.read_text()).replace("trial = 0", "trial = 7"))
    assert find_best(opened, folder, 7) == path
    write_best(opened, folder, 0)
    assert find_best(opened, folder, 0) == path
    assert [file.name for file in folder.iterdir()] == ["best.toml"]
